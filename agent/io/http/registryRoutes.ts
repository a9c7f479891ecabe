// The registries and transactions under /api/<namespace>.<Type>: which methods there are, and what they answer.

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { JsonObject } from "../../core/composer/context.ts";
import { unknownId } from "../../core/composer/errors.ts";
import { applyFilter, type Filter, parseFilter } from "../../core/composer/filter.ts";
import { jsonSchemaOf, MODELS } from "../../core/composer/model.ts";
import { className, TYPES, type TypeName } from "../../core/composer/names.ts";
import type { Actor } from "./principal.ts";
import { readAll, readOne, resolveRow } from "./registryRead.ts";
import {
  type Ask,
  checkTogether,
  type Prepared,
  prepare,
  prepareDelete,
  putOnLedger,
} from "./registryWrite.ts";
import { actorOf, may, patiently, type RestContext } from "./restContext.ts";
import { orRefuse, RestError, restError } from "./restError.ts";

/** Registers the routes of all types. */
export function registerRegistries(api: FastifyInstance, context: RestContext): void {
  for (const type of TYPES) {
    api.addSchema({
      $id: className(context.composer, type),
      ...jsonSchemaOf(context.composer, type),
    });
  }
  for (const type of TYPES) registerRegistry(api, context, type);
}

type WithId = { readonly Params: { readonly id: string } };

const READ = { scope: "read" } as const;
const TRADE = { scope: "trade" } as const;
const ID_PARAMETER = {
  type: "object",
  properties: { id: { type: "string" } },
  required: ["id"],
} as const;
const FILTER_PARAMETER = {
  type: "object",
  properties: {
    filter: {
      type: "string",
      description:
        'JSON: {"where": {...}, "include": "resolve", "limit": 10, "skip": 0, "order": "field DESC"}',
    },
  },
} as const;

function registerRegistry(api: FastifyInstance, context: RestContext, type: TypeName): void {
  const name = className(context.composer, type);
  const { kind, says } = MODELS[type];
  const one = { $ref: `${name}#` };
  const [tags, params] = [[name], ID_PARAMETER];
  const answers = (schema: object) => ({ 200: { description: "As it is", ...schema } });

  api.get(
    `/${name}`,
    {
      config: READ,
      schema: {
        ...{ tags, summary: `All of the registry. ${says}`, querystring: FILTER_PARAMETER },
        response: answers({ type: "array", items: one }),
      },
    },
    (request, reply) => {
      const actor = actorOf(context, request);
      const filter = orRefuse(parseFilter(request.query, type));
      return list(context, { actor, type, filter, reply });
    },
  );
  api.post(
    `/${name}`,
    {
      config: TRADE,
      schema: {
        ...{ tags, summary: "One, or an array: answered when it is on the ledger", body: one },
        response: answers(one),
      },
    },
    async (request) => {
      const actor = actorOf(context, request);
      const { body } = request;
      return Array.isArray(body)
        ? await createAll(context, { actor, type, bodies: body })
        : await create(context, { actor, type, operation: "create", body });
    },
  );
  api.get<WithId>(
    `/${name}/:id`,
    { config: READ, schema: { tags, params, summary: "One by its id", response: answers(one) } },
    (request) => find(context, { actor: actorOf(context, request), type, request }),
  );
  if (kind === "transaction") return;
  api.put<WithId>(
    `/${name}/:id`,
    {
      config: TRADE,
      schema: {
        tags,
        params,
        summary: "Changes it, as a whole",
        body: one,
        response: answers(one),
      },
    },
    async (request) => {
      const actor = actorOf(context, request);
      const { body, params: path } = request;
      const ask = { actor, type, operation: "update", body, pathId: path.id } as const;
      return await put(context, actor, await patiently(() => prepare(context, ask)));
    },
  );
  api.delete<WithId>(
    `/${name}/:id`,
    {
      config: TRADE,
      schema: { tags, params, summary: "Removes it", response: { 204: { type: "null" } } },
    },
    async (request, reply) => {
      const actor = actorOf(context, request);
      const { id } = request.params;
      const prepared = await patiently(() => prepareDelete(context, { actor, type, id }));
      await put(context, actor, prepared);
      return reply.code(204).send();
    },
  );
}

type Listing = {
  readonly actor: Actor;
  readonly type: TypeName;
  readonly filter: Filter;
  readonly reply: FastifyReply;
};

/** What the actor may not read is left out without a word, as in Composer. */
function list(
  context: RestContext,
  { actor, type, filter, reply }: Listing,
): readonly JsonObject[] {
  const deed = { operation: "read", resource: type, owner: null } as const;
  const id = idWanted(filter, type);
  const { rows, isWhole } = !may(context, actor, deed)
    ? { rows: [], isWhole: true }
    : id === null
      ? readAll(context, type)
      : { rows: [readOne(context, type, id)].filter((row) => row !== null), isWhole: true };
  if (!isWhole) void reply.header("x-more", "older ones are not looked at");
  const found = orRefuse(applyFilter(filter, rows));
  return filter.isResolved ? resolveRows(context, type, found) : found;
}

/** The id, if the filter wants nothing else: Composer made a plain GET of it, and so old ones are found, too. */
function idWanted({ where }: Filter, type: TypeName): string | null {
  let condition = where;
  while (condition?.is === "all" && condition.of.length === 1) condition = condition.of[0] ?? null;
  if (condition?.is !== "comparison" || condition.operator !== "eq") return null;
  const [value] = condition.values;
  const isId = condition.path.join(".") === MODELS[type].idField;
  return isId && typeof value === "string" ? value : null;
}

/** Resolved, one offer may hold its whole listing. */
const RESOLVED_MAX = 100;

function resolveRows(
  context: RestContext,
  type: TypeName,
  rows: readonly JsonObject[],
): readonly JsonObject[] {
  if (type === "Member") return rows;
  if (rows.length > RESOLVED_MAX) {
    const message = `include: "resolve" is for ${RESOLVED_MAX} at most, not ${rows.length}: ask for fewer with limit or where`;
    throw restError(422, message);
  }
  return rows.map((row) => resolveRow(context, type, row));
}

function find(
  context: RestContext,
  { actor, type, request }: { actor: Actor; type: TypeName; request: FastifyRequest<WithId> },
): JsonObject {
  const { id } = request.params;
  const deed = { operation: "read", resource: type, owner: null } as const;
  const found = may(context, actor, deed) ? readOne(context, type, id) : null;
  if (found === null) throw new RestError(unknownId(context.composer, type, id));
  const filter = orRefuse(parseFilter(request.query, type));
  return filter.isResolved ? resolveRow(context, type, found) : found;
}

async function create(context: RestContext, ask: Ask): Promise<JsonObject> {
  return await put(context, ask.actor, prepare(context, ask));
}

async function put(context: RestContext, actor: Actor, prepared: Prepared): Promise<JsonObject> {
  const { echo, type } = prepared;
  const transactionId = await putOnLedger(context, actor, prepared);
  const isTransaction = MODELS[type].kind === "transaction";
  return isTransaction && transactionId !== null ? { ...echo, transactionId } : echo;
}

/**
 * Nothing is signed unless the ledger would take them all, one after another. What it refuses afterwards, for
 * another was quicker, is told one by one: `details` has what became of each, in their order.
 */
async function createAll(
  context: RestContext,
  { actor, type, bodies }: { actor: Actor; type: TypeName; bodies: readonly unknown[] },
): Promise<readonly JsonObject[]> {
  const { itemsMax } = context.limits;
  if (bodies.length > itemsMax) {
    throw restError(413, `At most ${itemsMax} at a time, not ${bodies.length}`);
  }
  const all = await patiently(() => {
    const prepared = bodies.map((body) =>
      prepare(context, { actor, type, operation: "create", body }),
    );
    checkTogether(context, actor, prepared);
    return prepared;
  });
  const ends = await Promise.allSettled(all.map((prepared) => put(context, actor, prepared)));
  const answers = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
  if (answers.length === ends.length) return answers;
  const details = ends.map((end) =>
    end.status === "fulfilled" ? { statusCode: 200, ...end.value } : reasonOf(end.reason),
  );
  const [first] = details.filter(({ statusCode }) => statusCode !== 200);
  throw new RestError({
    statusCode: first?.statusCode ?? 409,
    name: "ArrayOfErrors",
    message: "Failed with multiple errors, see `details` for more information.",
    details,
  });
}

function reasonOf(reason: unknown): { readonly statusCode: number } {
  // A bug, or a failed disk: the server's error handler says so.
  if (!(reason instanceof RestError)) throw reason;
  return reason.error;
}
