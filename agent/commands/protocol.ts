// What a program may ask of `run --json`: one JSON object a line on stdin, answered on stdout by its id.
// It comes from outside, so a schema reads it and what is wrong is told as a refusal.

import { z } from "zod";
import { ENERGY_MAX } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { Payload, PayloadOf } from "../core/ledger/transaction.ts";
import { type Refusal, type Result, refused } from "../core/result.ts";
import type { Watts, Wh } from "../core/units/energy.ts";
import {
  isListingId,
  isMemberId,
  isPvId,
  type ListingId,
  type MemberId,
  type PvId,
  type TransactionId,
} from "../core/units/ids.ts";
import { formatTokens, type MilliTokensPerKwh, PRICE_MAX } from "../core/units/money.ts";
import type { AgentDoor } from "../ports.ts";

const COMMAND_LENGTH_MAX = 16_384;

const listingId = z
  .string()
  .refine(isListingId)
  .transform((id) => id as ListingId);
const pvId = z
  .string()
  .refine(isPvId)
  .transform((id) => id as PvId);
const owner = z
  .string()
  .refine(isMemberId)
  .transform((id) => id as MemberId);
const sequence = z.int().min(0).max(0xffff_ffff);
const energy = z
  .int()
  .min(0)
  .max(ENERGY_MAX)
  .transform((n) => n as Wh);
const price = (min: number) =>
  z
    .int()
    .min(min)
    .max(PRICE_MAX)
    .transform((n) => n as MilliTokensPerKwh);
const step = { sequence, listingId };

/** What a person says by hand; registrations and meter readings are the agent's own doing. */
const payload = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("registerPv"),
    sequence,
    pvId,
    owner,
    capacity: z
      .int()
      .min(1)
      .max(ENERGY_MAX)
      .transform((n) => n as Watts),
  }),
  z.strictObject({
    ...{ type: z.literal("pvOffer"), listingId, pvId, sequence, energy },
    reservePrice: price(0),
  }),
  z.strictObject({
    ...{ type: z.literal("buyOffer"), listingId, sequence, energy },
    bidPrice: price(1),
  }),
  z.strictObject({ type: z.literal("createListing"), ...step }),
  z.strictObject({ type: z.literal("acceptOfferBroadcast"), ...step }),
  z.strictObject({ type: z.literal("closeBidding"), ...step }),
]) satisfies z.ZodType<Payload>;

const id = z.int().min(0);

const command = z.union([
  z.strictObject({
    id,
    submit: payload,
    as: z.enum(["member", "administrator"]).default("member"),
  }),
  z.strictObject({ id, status: z.literal(true) }),
  /** Of the CA; orderFile.ts reads it. */
  z.strictObject({ id, order: z.record(z.string(), z.unknown()) }),
]);

export type Submittable = PayloadOf<
  "registerPv" | "pvOffer" | "buyOffer" | "createListing" | "acceptOfferBroadcast" | "closeBidding"
>;
export type Command = z.output<typeof command>;

/** `id` null: the line was so wrong that not even its id is known. */
export type BadCommand = { readonly id: number | null; readonly refusal: Refusal<"badCommand"> };

export type Answer =
  | {
      readonly type: "answer";
      readonly id: number;
      readonly ok: true;
      readonly [fact: string]: unknown;
    }
  | {
      readonly type: "answer";
      readonly id: number | null;
      readonly ok: false;
      readonly refusal: Refusal;
      /** The same in words. */
      readonly text?: string;
    };

/** Reads one line; a wrong one is told with everything that is wrong with it. */
export function parseCommand(
  line: string,
): { readonly ok: true; readonly value: Command } | ({ readonly ok: false } & BadCommand) {
  if (line.length > COMMAND_LENGTH_MAX) {
    return bad(null, `a line of ${line.length} characters, at most ${COMMAND_LENGTH_MAX}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    // What JSON.parse says differs between versions; that it is no JSON is all there is to say.
    return bad(null, "not JSON");
  }
  const parsed = command.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const known = z.looseObject({ id }).safeParse(json);
  return bad(known.success ? known.data.id : null, z.prettifyError(parsed.error));
}

function bad(id: number | null, problem: string): { readonly ok: false } & BadCommand {
  return { ok: false, id, refusal: { code: "badCommand", problem } };
}

export type HomeStatus = {
  readonly state: LedgerState;
  readonly stateRoot: string;
  readonly door: Pick<AgentDoor, "isCaughtUp" | "peers">;
};

/** Where a home stands: what the lab compares between homes. */
export function statusAnswer(id: number, { state, stateRoot, door }: HomeStatus): Answer {
  const balances = [...state.members.values()].map(({ memberId, balance }) => [
    memberId,
    formatTokens(balance),
  ]);
  return {
    ...{ type: "answer", id, ok: true },
    height: state.height,
    blockId: state.lastBlock?.blockId ?? null,
    stateRoot,
    isCaughtUp: door.isCaughtUp(),
    peers: door.peers().length,
    issued: formatTokens(state.issued),
    balances: Object.fromEntries(balances) as { [memberId: string]: string },
  };
}

export function submitAnswer(id: number, outcome: Result<TransactionId, Refusal>): Answer {
  return outcome.ok
    ? { type: "answer", id, ok: true, transactionId: outcome.value }
    : { type: "answer", id, ...refused(outcome.refusal) };
}
