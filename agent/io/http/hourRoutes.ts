// /api/pvtrading/hours: what one member sold and bought, hour by hour, for a month and more. The listings themselves
// would say it too, with everybody's offers, and only two weeks of them fit one answer.

import type { FastifyInstance } from "fastify";
import { isObject, type JsonObject, own } from "../../core/composer/context.ts";
import { showDecimal } from "../../core/composer/decimals.ts";
import { badRequest } from "../../core/composer/errors.ts";
import { className, idOf } from "../../core/composer/names.ts";
import type { Fill } from "../../core/ledger/state.ts";
import { cost } from "../../core/units/money.ts";
import type { AgentDoor, ListingRecord } from "../../ports.ts";
import { actorOf, mustMay, type RestContext } from "./restContext.ts";
import { orRefuse, RestError } from "./restError.ts";

/** The longest month, with the hour that autumn repeats, and those that are open or being delivered. */
export const HOURS_MAX: number = 31 * 24 + 24;

const DEED = { operation: "read", resource: "kWhlisting", owner: null } as const;
const ASKED = { operation: "read", type: "kWhlisting", id: null } as const;

export function registerHours(api: FastifyInstance, context: RestContext): void {
  const { composer, door } = context;
  const known: KnownSums = new Map();
  api.get(
    "/pvtrading/hours",
    {
      config: { scope: "read" },
      schema: {
        tags: ["Ledger"],
        summary: `What a member sold and bought in each closed hour, the newest ${HOURS_MAX}, oldest first`,
        querystring: {
          type: "object",
          properties: { member: { type: "string", description: className(composer, "Member") } },
          required: ["member"],
        },
        response: { 200: { description: "As it is", type: "array", items: { type: "object" } } },
      },
    },
    (request): readonly JsonObject[] => {
      mustMay(context, { actor: actorOf(context, request), deed: DEED, asked: ASKED });
      const said = isObject(request.query) ? own(request.query, "member") : undefined;
      if (typeof said !== "string" || said === "") {
        throw new RestError(badRequest("member is a required argument"));
      }
      return hoursOf(door, orRefuse(idOf(composer, "Member", said)), known);
    },
  );
}

/** Wh, and micro-tokens. */
type Sums = { sold: number; bought: number; earned: bigint; spent: bigint };

/** Each member's, by the result that they are sums of: a page asks for every home, and each hour has its fills. */
export type KnownSums = Map<ListingRecord["listingId"], { result: string; sums: SumsOf }>;
type SumsOf = ReadonlyMap<string, Sums>;

/** Energy in kWh, money in tokens, as everywhere at this door. */
export function hoursOf(
  { history }: Pick<AgentDoor, "history">,
  member: string,
  known: KnownSums = new Map(),
): readonly JsonObject[] {
  const closed = history
    .listings(HOURS_MAX)
    .filter(({ state }) => state === "AUCTION_CLOSED")
    .toReversed();
  return closed.map((record) => {
    const sums = sumsOf(record, { history, known }).get(member) ?? NOTHING;
    const { listingId, mcp } = record;
    return {
      listingid: listingId,
      mcp: mcp === null ? null : showDecimal(mcp, 3),
      soldKwh: showDecimal(sums.sold, 3),
      boughtKwh: showDecimal(sums.bought, 3),
      earned: showDecimal(sums.earned, 6),
      spent: showDecimal(sums.spent, 6),
    };
  });
}

const NOTHING: Sums = { sold: 0, bought: 0, earned: 0n, spent: 0n };

type Known = Pick<AgentDoor, "history"> & { readonly known: KnownSums };

/** Of the same result the fills are the same. */
function sumsOf({ listingId, resultHash }: ListingRecord, { history, known }: Known): SumsOf {
  const before = known.get(listingId);
  if (before !== undefined && before.result === resultHash) return before.sums;
  const sums = summed(history.fills(listingId));
  if (resultHash === null) return sums;
  known.delete(listingId);
  known.set(listingId, { result: resultHash, sums });
  for (const oldest of known.keys()) {
    if (known.size <= HOURS_MAX) break;
    known.delete(oldest);
  }
  return sums;
}

function summed(fills: readonly Fill[]): SumsOf {
  const all = new Map<string, Sums>();
  const of = (member: string): Sums => {
    const sums = all.get(member) ?? { ...NOTHING };
    all.set(member, sums);
    return sums;
  };
  for (const { seller, buyer, energy, price } of fills) {
    const [sale, purchase] = [of(seller), of(buyer)];
    sale.sold += energy;
    sale.earned += cost(price, energy);
    purchase.bought += energy;
    purchase.spent += cost(price, energy);
  }
  return all;
}
