// The home's door for orders of the CA's: `run --order FILE` and the line of `run --json`.

import type { Agent } from "../agent.ts";
import { accepted, type Refusal, type Result } from "../core/result.ts";
import type { CommunityId, TransactionId } from "../core/units/ids.ts";
import type { Log } from "../ports.ts";
import { type GivenOrder, readOrder } from "./orderFile.ts";
import { orderRefusalSentence } from "./orderText.ts";
import type { Answer } from "./protocol.ts";

export type OrderDoor = {
  readonly community: CommunityId;
  /** The agent's. */
  readonly order: Agent["order"];
  /** Of the block that has this transaction; null: none on this home's disk. */
  readonly heightOf: (id: TransactionId) => number | null;
};

export type Landed = {
  readonly transactionId: TransactionId;
  readonly height: number | null;
  /** It was there before it was given now. */
  readonly isOld: boolean;
};

type Told = (outcome: Result<Landed, Refusal>) => void;

/** Calls back when it is on the ledger, at once if it has been, or when it is refused for good. */
export function giveOrder(door: OrderDoor, { order, encoded }: GivenOrder, told: Told): void {
  const { id: transactionId } = order;
  const height = door.heightOf(transactionId);
  if (height !== null) {
    told(accepted({ transactionId, height, isOld: true }));
    return;
  }
  door.order(encoded, (outcome) => {
    if (!outcome.ok) told(outcome);
    else told(accepted({ transactionId, height: door.heightOf(transactionId), isOld: false }));
  });
}

export type OrderFromFile = { readonly file: string; readonly given: GivenOrder };

/** One after the other by their numbers: the ledger takes none after a later one. */
export function giveInTurn(door: OrderDoor, files: readonly OrderFromFile[], log: Log): void {
  const sorted = [...files].sort((a, b) => sequenceOf(a) - sequenceOf(b));
  const giveFrom = (at: number): void => {
    const one = sorted[at];
    if (one === undefined) return;
    giveOrder(door, one.given, (outcome) => {
      tell(one, outcome, log);
      giveFrom(at + 1);
    });
  };
  giveFrom(0);
}

function sequenceOf({ given }: OrderFromFile): number {
  return given.order.payload.sequence;
}

function tell({ file, given }: OrderFromFile, outcome: Result<Landed, Refusal>, log: Log): void {
  const facts = { file, order: given.order.id, sequence: given.order.payload.sequence };
  if (!outcome.ok) {
    const text = orderRefusalSentence(outcome.refusal);
    log.error("order refused, going on without it", { ...facts, ...outcome.refusal, text });
    return;
  }
  const { height, isOld } = outcome.value;
  log.info(isOld ? "order is on the ledger already" : "order is on the ledger", {
    ...facts,
    height,
  });
}

/** What a program is answered. */
export function answerOrder(
  door: OrderDoor,
  { id, order: json }: { readonly id: number; readonly order: unknown },
  answer: (value: Answer) => void,
): void {
  const no = (refusal: Refusal): void =>
    answer({ type: "answer", id, ok: false, refusal, text: orderRefusalSentence(refusal) });
  const read = readOrder(json, door.community);
  if (!read.ok) {
    no(read.refusal);
    return;
  }
  giveOrder(door, read.value, (outcome) => {
    if (outcome.ok) answer({ type: "answer", id, ok: true, ...outcome.value });
    else no(outcome.refusal);
  });
}
