// Who voted at a height, told without a ledger: from the validators of the rules, one change after the other.
// Each is a header that more than two thirds of the set before it signed, and that names the next set.
//
//   rules -- set 0 --> certificate of header h -- nextValidatorsHash --> set 1, from h+1 on --> ...
//
// Where a restart began, the CA vouches for the set that votes from then on, and for the chain of its votes.
// Headers without a change are left out: as long as a header names the set itself, nothing has changed.

import { assert } from "../assert.ts";
import { bytesToHex, hexToBytes } from "../codec/hex.ts";
import { checkCertificate } from "../consensus/certificate.ts";
import { decodeCertificate } from "../consensus/message.ts";
import type { Verifier } from "../crypto.ts";
import { blockId, decodeHeader } from "../ledger/block.ts";
import { chainAfter } from "../ledger/restart.ts";
import { communityId, type Rules, type Validator } from "../ledger/rules.ts";
import { decodeTransaction, transactionSignBytes } from "../ledger/transaction.ts";
import { decodeValidators, validatorsHash } from "../ledger/validators.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { CommunityId } from "../units/ids.ts";

/** A change a day for three years; a proof with more would not be read. */
export const TRUST_STEPS_MAX = 1000;

/** All bytes canonical. */
export type TrustStep = SetChangeStep | RestartStep;

/** The restart's transaction. */
export type RestartStep = { readonly restart: Uint8Array };

export type SetChangeStep = {
  /** Of the last block that the set before votes on. */
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  /** The set that it names for the next block. */
  readonly validators: Uint8Array;
};

/** Who votes, and for which chain, from a height on. */
export type Trusted = {
  readonly validators: readonly Validator[];
  readonly fromHeight: number;
  /** What votes are signed for. */
  readonly chain: CommunityId;
};

/** The step at which the chain breaks, counted from 0. Whoever made or altered the proof must act. */
export type TrustRefusal = {
  readonly code: "trustBroken";
  readonly at: number;
  readonly reason: string;
};

/**
 * Who votes, from height 1 and from each of the steps on, ascending; each step must follow from the ones
 * before.
 */
export function followTrust(
  rules: Rules,
  steps: readonly TrustStep[],
  verifier: Verifier,
): Result<readonly Trusted[], TrustRefusal> {
  const chain = communityId(rules);
  let last: Trusted = { validators: rules.validators, fromHeight: 1, chain };
  const eras = [last];
  if (steps.length > TRUST_STEPS_MAX) return broken(TRUST_STEPS_MAX, "too many changes");
  for (const [at, step] of steps.entries()) {
    const context = { rules, community: chain, verifier };
    const next = "restart" in step ? restarted(last, step, context) : follow(last, step, context);
    if (typeof next === "string") return broken(at, next);
    last = next;
    eras.push(next);
  }
  return accepted(eras);
}

/** Who votes at `height`; `eras` as from `followTrust`. */
export function trustedAt(eras: readonly Trusted[], height: number): Trusted {
  const found = eras.findLast(({ fromHeight }) => fromHeight <= height);
  assert(found !== undefined, "the rules name who votes from height 1 on");
  return found;
}

type Context = {
  readonly rules: Rules;
  readonly community: CommunityId;
  readonly verifier: Verifier;
};

function restarted({ fromHeight }: Trusted, step: RestartStep, context: Context): Trusted | string {
  const { rules, community, verifier } = context;
  const decoded = decodeTransaction(community, step.restart);
  if (!decoded.ok || decoded.value.payload.type !== "restart") return "it cannot be read";
  const { id, author, payload, signature } = decoded.value;
  const message = transactionSignBytes(community, { author, payload });
  const publicKey = rules.caPublicKey;
  if (author !== null || !verifier.verify({ publicKey, message, signature })) {
    return "the CA did not sign the restart";
  }
  const { height, validators } = payload;
  if (height + 1 < fromHeight) return `the restart is after ${height}, before ${fromHeight}`;
  return { validators, fromHeight: height + 1, chain: chainAfter(community, id) };
}

/** The next one to be trusted, or why not. */
function follow(trusted: Trusted, step: SetChangeStep, context: Context): Trusted | string {
  const { fromHeight, validators, chain } = trusted;
  const header = decodeHeader(step.header);
  const certificate = decodeCertificate(step.certificate);
  const set = decodeValidators(step.validators);
  if (!header.ok || !certificate.ok || !set.ok) return "it cannot be read";
  const { community, height, validatorsHash: hash, nextValidatorsHash } = header.value;
  if (community !== context.community) return "the header is another community's";
  if (height < fromHeight) return `the header is of height ${height}, before ${fromHeight}`;
  if (hash !== validatorsHash(validators)) return "the header names others who vote";
  if (certificate.value.blockId !== blockId(header.value) || certificate.value.height !== height) {
    return "the certificate is another block's";
  }
  const { verifier } = context;
  const checked = checkCertificate(certificate.value, { community: chain, validators, verifier });
  if (!checked.ok) return `not certified: ${JSON.stringify(checked.refusal)}`;
  if (validatorsHash(set.value) !== nextValidatorsHash) return "the header names another next set";
  return { validators: set.value, fromHeight: height + 1, chain };
}

function broken(
  at: number,
  reason: string,
): { readonly ok: false; readonly refusal: TrustRefusal } {
  return refused({ code: "trustBroken", at, reason });
}

/** The steps as JSON, for a proof's file. */
export function trustJson(steps: readonly TrustStep[]): readonly object[] {
  return steps.map((step) => {
    if ("restart" in step) return { restart: bytesToHex(step.restart) };
    const { header, certificate, validators } = step;
    return {
      header: bytesToHex(header),
      certificate: bytesToHex(certificate),
      validators: bytesToHex(validators),
    };
  });
}

const HEX = /^(?:[0-9a-f]{2})+$/;

/** null: that is no list of steps. */
export function trustFromJson(json: unknown): readonly TrustStep[] | null {
  if (!Array.isArray(json) || json.length > TRUST_STEPS_MAX) return null;
  const steps = json.map(stepFromJson);
  return steps.every((step) => step !== null) ? steps : null;
}

function stepFromJson(json: unknown): TrustStep | null {
  if (typeof json !== "object" || json === null) return null;
  const { restart, header, certificate, validators } = json as {
    readonly [field: string]: unknown;
  };
  if (isHex(restart)) return { restart: hexToBytes(restart) };
  if (!isHex(header) || !isHex(certificate) || !isHex(validators)) return null;
  return {
    header: hexToBytes(header),
    certificate: hexToBytes(certificate),
    validators: hexToBytes(validators),
  };
}

function isHex(value: unknown): value is string {
  return typeof value === "string" && HEX.test(value);
}
