// More than a third of those who vote are gone for good: nothing is decided any more. Then the CA says who
// votes instead, from the block after the last certified one on. This changes the rule by which that block is
// judged, so it is looked at before anything else of it:
//
//   first transaction        the block on top of `state` is
//   a restart that fits      voted on by the restart's set, and its votes are for the chain that begins with it
//   anything else            voted on as the state says
//
// The chain's id stands in the community's place in votes and proposals. So no vote from before the restart
// counts after it, nor the other way round, and none can be taken for a second vote of the same step.

import { sameBytes } from "../codec/bytes.ts";
import type { Verifier } from "../crypto.ts";
import { sha256Hex } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { CommunityId, TransactionId } from "../units/ids.ts";
import { checkSignature, type SignatureRefusal } from "./checkSignature.ts";
import type { Draft } from "./draft.ts";
import { hearAgain } from "./heard.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";
import { communityId, type Validator } from "./rules.ts";
import type { LedgerState } from "./state.ts";
import { decodeTransaction, type PayloadOf, type Transaction } from "./transaction.ts";
import { checkSeat, type SeatRefusal } from "./validatorChange.ts";
import { hasSeat } from "./validators.ts";

/** Each is for the operator of the home that was given the restart, or for the CA. */
export type RestartRefusal =
  /** Another kind of transaction. */
  | { readonly code: "noRestart" }
  /** Forged, or not the CA's. */
  | SignatureRefusal
  /** Done already, or the CA has said something since. */
  | StaleSequence
  /** This home's last block is `head`: it must fetch the blocks up to `height` first. */
  | { readonly code: "restartAhead"; readonly height: number; readonly head: number }
  /** This home has a certified block after `height`: the community went on. An operator must decide. */
  | { readonly code: "restartPast"; readonly height: number; readonly head: number }
  /** This home's block of that height is another one: an operator must decide which of them is right. */
  | { readonly code: "restartOtherBlock"; readonly needed: string | null; readonly got: string }
  /** `at`: the first that is not after the one before it by id; -1: nobody at all. */
  | { readonly code: "restartOrder"; readonly at: number }
  | SeatRefusal;

/** In a block: it is not the first transaction of the one block that it is for. */
export type RestartMisplaced = { readonly code: "restartMisplaced" };

/** Whether the block on top of `state` may begin with this. */
export function checkRestart(
  state: LedgerState,
  transaction: Transaction,
  verifier: Verifier,
): Result<PayloadOf<"restart">, RestartRefusal> {
  const { payload } = transaction;
  if (payload.type !== "restart") return refused({ code: "noRestart" });
  const signed = checkSignature(state, transaction, verifier);
  if (!signed.ok) return signed;
  const fresh = checkSequence(state.caSequence, payload.sequence);
  if (!fresh.ok) return fresh;
  const { height, blockId: got } = payload;
  const { height: head, lastBlock } = state;
  if (height > head) return refused({ code: "restartAhead", height, head });
  if (height < head) return refused({ code: "restartPast", height, head });
  const needed = lastBlock?.blockId ?? null;
  if (needed !== got) return refused({ code: "restartOtherBlock", needed, got });
  const set = checkSet(state, payload.validators);
  return set.ok ? accepted(payload) : set;
}

/** The ledger knows no key of theirs. */
const KEYLESS: ReadonlySet<string> = new Set(["unknownMember", "noIdentity"]);

/** Members with their own keys, or who votes now; sorted, each once; nobody whose card is revoked. */
function checkSet(
  state: LedgerState,
  validators: readonly Validator[],
): Result<void, RestartRefusal> {
  if (validators.length === 0) return refused({ code: "restartOrder", at: -1 });
  const keys: Uint8Array[] = [];
  for (const [at, validator] of validators.entries()) {
    const before = validators[at - 1];
    if (before !== undefined && before.memberId >= validator.memberId) {
      return refused({ code: "restartOrder", at });
    }
    if (keys.some((key) => sameBytes(key, validator.publicKey))) {
      return refused({ code: "keyInUse" });
    }
    keys.push(validator.publicKey);
    const seat = checkSeat(state, validator);
    // Who votes since the rules may never have joined, or without a card.
    if (!seat.ok && !(KEYLESS.has(seat.refusal.code) && hasSeat(state.validators, validator))) {
      return seat;
    }
  }
  return accepted(undefined);
}

/** What votes are for from a restart on, in the place of the community's id. */
export function chainAfter(community: CommunityId, restart: TransactionId): CommunityId {
  const bytes = new TextEncoder().encode(`pvtrading/chain/1 ${community} ${restart}`);
  return sha256Hex(bytes) as CommunityId;
}

/** The state that a block is judged on, and the restart that it begins with, if it does. */
export type Base = { readonly state: LedgerState; readonly restart: Draft["restart"] };

/** `first`: the block's first transaction. A restart that does not fit changes nothing here and is refused below. */
export function baseOf(
  state: LedgerState,
  first: Transaction | undefined,
  verifier: Verifier,
): Base {
  if (first?.payload.type !== "restart") return { state, restart: null };
  const checked = checkRestart(state, first, verifier);
  if (!checked.ok) return { state, restart: null };
  const { validators } = checked.value;
  const chain = chainAfter(communityId(state.rules), first.id);
  const set = { validators, nextValidators: validators, setChanges: [], chain };
  return { state: { ...state, ...set }, restart: { id: first.id, replaced: state.validators } };
}

/** `baseOf` for a block's transactions in their bytes. */
export function baseOfBlock(
  state: LedgerState,
  transactions: readonly Uint8Array[],
  verifier: Verifier,
): Base {
  const [bytes] = transactions;
  const first = bytes === undefined ? null : decodeTransaction(communityId(state.rules), bytes);
  return baseOf(state, first?.ok ? first.value : undefined, verifier);
}

/** Its block was judged by it already (`baseOf`); anywhere else it has no place. */
export function restart(
  draft: Draft,
  { id, payload }: { readonly id: TransactionId; readonly payload: PayloadOf<"restart"> },
): Result<void, RestartMisplaced | StaleSequence> {
  const { restart: begun, validators, height } = draft;
  if (begun?.id !== id) return refused({ code: "restartMisplaced" });
  const fresh = checkSequence(draft.caSequence, payload.sequence);
  if (!fresh.ok) return fresh;
  draft.caSequence = payload.sequence;
  const added = validators.filter((validator) => !hasSeat(begun.replaced, validator));
  const left = begun.replaced.filter((validator) => !hasSeat(validators, validator));
  const removed = left.map(({ memberId }) => memberId);
  draft.events.push({ type: "validatorsChanged", fromHeight: height, added, removed });
  hearAgain(draft, validators);
  return accepted(undefined);
}
