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
      return hoursOf(door, orRefuse(idOf(composer, "Member", said)));
    },
  );
}

/** Energy in kWh, money in tokens, as everywhere at this door. */
export function hoursOf(
  { history }: Pick<AgentDoor, "history">,
  member: string,
): readonly JsonObject[] {
  const closed = history
    .listings(HOURS_MAX)
    .filter(({ state }) => state === "AUCTION_CLOSED")
    .toReversed();
  return closed.map((record) => hourOf(record, { fills: history.fills(record.listingId), member }));
}

type Trades = { readonly fills: readonly Fill[]; readonly member: string };

function hourOf({ listingId, mcp }: ListingRecord, { fills, member }: Trades): JsonObject {
  const sold = fills.filter(({ seller }) => seller === member);
  const bought = fills.filter(({ buyer }) => buyer === member);
  return {
    listingid: listingId,
    mcp: mcp === null ? null : showDecimal(mcp, 3),
    soldKwh: showDecimal(energyOf(sold), 3),
    boughtKwh: showDecimal(energyOf(bought), 3),
    earned: showDecimal(costOf(sold), 6),
    spent: showDecimal(costOf(bought), 6),
  };
}

function energyOf(fills: readonly Fill[]): number {
  return fills.reduce((sum, { energy }) => sum + energy, 0);
}

/** Micro-tokens. */
function costOf(fills: readonly Fill[]): bigint {
  return fills.reduce((sum, { energy, price }) => sum + cost(price, energy), 0n);
}
