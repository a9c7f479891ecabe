// /api/pvtrading: what the ledger is made of, for whoever may read the historian. Composer had nothing like it.

import type { FastifyInstance } from "fastify";
import { isObject, own } from "../../core/composer/context.ts";
import { badRequest, notFound } from "../../core/composer/errors.ts";
import { isHash, type TransactionId } from "../../core/units/ids.ts";
import {
  readBlock,
  readBlocks,
  readCommunity,
  readEvidence,
  readTransaction,
} from "./ledgerRead.ts";
import { actorOf, mustMay, patiently, type RestContext } from "./restContext.ts";
import { RestError } from "./restError.ts";

/** Blocks of one answer, unless told and at most. */
export const BLOCKS_PER_PAGE = 20;
export const BLOCKS_PER_PAGE_MAX = 50;
/** Pieces of evidence of one answer, the newest. Each is looked up in its block. */
export const EVIDENCE_MAX = 100;

const READ = { scope: "read" } as const;
const TAGS = ["Ledger"];
const OBJECT = { description: "As it is", type: "object", additionalProperties: true };
const DEED = { operation: "read", resource: "Historian", owner: null } as const;
const ASKED = { operation: "read", type: "Historian", id: null } as const;
const HEIGHT = /^[1-9]\d{0,14}$/;

export function registerLedger(api: FastifyInstance, context: RestContext): void {
  const { door, verifier } = context;
  const reading = { door, verifier };
  const get = (path: string, { summary, ...more }: Described, answer: Answer): void => {
    api.get(
      `/pvtrading/${path}`,
      {
        config: READ,
        schema: { tags: TAGS, summary, ...more, response: { 200: OBJECT } },
      },
      async (request) => {
        mustMay(context, { actor: actorOf(context, request), deed: DEED, asked: ASKED });
        return await answer(request);
      },
    );
  };
  get(
    "community",
    { summary: "The community's rules in the bytes whose SHA-256 is its id, and the CA's key" },
    () => readCommunity(reading),
  );
  get(
    "blocks",
    { summary: "Blocks, the newest first; `next` is `below` for older ones", querystring: PAGE },
    ({ query }) =>
      readBlocks(reading, {
        below: whole(query, "below"),
        count: countOf(whole(query, "count")),
      }),
  );
  get(
    "blocks/:height",
    { summary: "A block with its certificate, down to its bytes", params: parameter("height") },
    ({ params }) => {
      const said = textOf(params, "height");
      const height = HEIGHT.test(said) ? Number(said) : null;
      const found = height === null ? null : readBlock(reading, height);
      if (found === null) throw new RestError(notFound(noBlock(context, said, height)));
      return found;
    },
  );
  get(
    "transactions/:id",
    {
      summary: "A transaction with its signed bytes, its signature and the key that made it",
      params: parameter("id"),
    },
    ({ params }) => {
      const id = textOf(params, "id");
      const unknown = (): RestError => new RestError(notFound(noTransaction(context, id)));
      // There never will be one of that name.
      if (!isHash(id)) throw unknown();
      return patiently(() => {
        const found = readTransaction(reading, id as TransactionId);
        if (found === null) throw unknown();
        return found;
      });
    },
  );
  get("evidence", { summary: "Cards that signed twice, the newest first" }, () => ({
    evidence: readEvidence(reading, EVIDENCE_MAX),
  }));
}

type Described = {
  readonly summary: string;
  readonly querystring?: object;
  readonly params?: object;
};
type Answer = (request: { readonly query: unknown; readonly params: unknown }) => unknown;

const PAGE = {
  type: "object",
  properties: {
    below: { type: "string", description: "Blocks below this height; left out: from the newest" },
    count: {
      type: "string",
      description: `So many, ${BLOCKS_PER_PAGE} unless told, at most ${BLOCKS_PER_PAGE_MAX}`,
    },
  },
};

function parameter(name: string): object {
  return { type: "object", properties: { [name]: { type: "string" } }, required: [name] };
}

function textOf(params: unknown, name: string): string {
  const value = isObject(params) ? own(params, name) : undefined;
  return typeof value === "string" ? value : "";
}

/** null: not said. */
function whole(query: unknown, name: string): number | null {
  const value = isObject(query) ? own(query, name) : undefined;
  if (value === undefined) return null;
  if (typeof value === "string" && HEIGHT.test(value)) return Number(value);
  throw new RestError(badRequest(`${name}: a whole number from 1 on`));
}

function countOf(said: number | null): number {
  return Math.min(said ?? BLOCKS_PER_PAGE, BLOCKS_PER_PAGE_MAX);
}

/** So much of what was asked for is repeated. */
const SHOWN_MAX = 64;

function noBlock({ door }: RestContext, said: string, height: number | null): string {
  const { first, last } = door.history.archive.span();
  if (height === null)
    return `"${said.slice(0, SHOWN_MAX)}" is no height: a whole number from 1 on`;
  if (height < first) return `Block ${height} is not on this home: ${begins(first)}`;
  return `There is no block ${height} yet: the last is ${last}`;
}

function noTransaction({ door }: RestContext, id: string): string {
  const { first } = door.history.archive.span();
  const unknown = `There is no transaction "${id.slice(0, SHOWN_MAX)}" on this ledger`;
  return first > 1 ? `${unknown}; ${begins(first)}` : unknown;
}

function begins(first: number): string {
  return `its ledger begins with a snapshot at block ${first}. A home that has all blocks can tell`;
}
