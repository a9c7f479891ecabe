// The CA changes who votes. At most f changes in 100 blocks, so that more than two thirds of those who vote
// now vote for a good while yet, however wrong the change was; one where f is 0, for else a small community
// could never grow.

import { sameBytes } from "../codec/bytes.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { Registry } from "./checkSignature.ts";
import type { Draft } from "./draft.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";
import { VALIDATORS_MAX, type Validator } from "./rules.ts";
import type { PayloadOf } from "./transaction.ts";
import { SET_CHANGE_BLOCKS } from "./validatorSet.ts";
import { liarsMax } from "./validators.ts";

/** Each is for whoever signs as the CA. */
export type ValidatorChangeRefusal =
  | StaleSequence
  | { readonly code: "validatorChangeEmpty" }
  /** `recent` changes were made in the last `blocks` blocks: wait, or change fewer. */
  | {
      readonly code: "validatorChangesMax";
      readonly max: number;
      readonly recent: number;
      readonly got: number;
      readonly blocks: number;
    }
  /** Whoever is taken out does not vote. */
  | { readonly code: "notInSet"; readonly memberId: string }
  | { readonly code: "alreadyInSet"; readonly memberId: string }
  /** 1 to `max` vote. */
  | { readonly code: "validatorsCount"; readonly got: number; readonly max: number }
  | SeatRefusal;

/** Why somebody cannot be given a vote. */
export type SeatRefusal =
  /** Only a member can be held to what it signs: it must register first. */
  | { readonly code: "unknownMember"; readonly memberId: string }
  | { readonly code: "revoked"; readonly memberId: string }
  /** The member has no card yet: one must be bound to it first. */
  | { readonly code: "noIdentity"; readonly memberId: string }
  /** The member's card has another key. */
  | { readonly code: "otherKey"; readonly memberId: string }
  /** Somebody in the set votes with this key. */
  | { readonly code: "keyInUse" };

export function validatorChange(
  draft: Draft,
  { sequence, add, remove }: PayloadOf<"validatorChange">,
): Result<void, ValidatorChangeRefusal> {
  const fresh = checkSequence(draft.caSequence, sequence);
  if (!fresh.ok) return fresh;
  const got = add.length + remove.length;
  if (got === 0) return refused({ code: "validatorChangeEmpty" });
  const max = setChangesMax(draft.validators.length);
  const recent = draft.setChanges.length;
  if (recent + got > max) {
    return refused({ code: "validatorChangesMax", max, recent, got, blocks: SET_CHANGE_BLOCKS });
  }
  const left = without(draft.laterValidators, remove);
  if (!left.ok) return left;
  const after = withAdded(draft, left.value, add);
  if (!after.ok) return after;
  const count = after.value.length;
  if (count < 1 || count > VALIDATORS_MAX) {
    return refused({ code: "validatorsCount", got: count, max: VALIDATORS_MAX });
  }

  draft.caSequence = sequence;
  draft.laterValidators = after.value;
  draft.setChanges = [...draft.setChanges, ...Array<number>(got).fill(draft.height)];
  return accepted(undefined);
}

/** The most changes in 100 blocks while `count` vote; an addition and a removal count one each. */
export function setChangesMax(count: number): number {
  return Math.max(1, liarsMax(count));
}

/** Whether a member may be given a vote with this key. */
export function checkSeat(
  { members }: Pick<Registry, "members">,
  { memberId, publicKey }: Validator,
): Result<void, SeatRefusal> {
  const member = members.get(memberId);
  if (member === undefined) return refused({ code: "unknownMember", memberId });
  if (member.revoked) return refused({ code: "revoked", memberId });
  if (member.publicKey === null) return refused({ code: "noIdentity", memberId });
  return sameBytes(member.publicKey, publicKey)
    ? accepted(undefined)
    : refused({ code: "otherKey", memberId });
}

function without(
  set: readonly Validator[],
  remove: readonly MemberId[],
): Result<readonly Validator[], ValidatorChangeRefusal> {
  let left = set;
  for (const memberId of remove) {
    const rest = left.filter((validator) => validator.memberId !== memberId);
    if (rest.length === left.length) return refused({ code: "notInSet", memberId });
    left = rest;
  }
  return accepted(left);
}

function withAdded(
  draft: Draft,
  set: readonly Validator[],
  add: readonly Validator[],
): Result<readonly Validator[], ValidatorChangeRefusal> {
  const after = [...set];
  for (const validator of add) {
    const { memberId, publicKey } = validator;
    const seat = checkSeat(draft, validator);
    if (!seat.ok) return seat;
    if (after.some((one) => one.memberId === memberId)) {
      return refused({ code: "alreadyInSet", memberId });
    }
    if (after.some((one) => sameBytes(one.publicKey, publicKey))) {
      return refused({ code: "keyInUse" });
    }
    after.push(validator);
  }
  return accepted(after.sort((a, b) => (a.memberId < b.memberId ? -1 : 1)));
}
