// Proofs of what was said after who votes has changed: they carry each change, and nothing else will do.

import { beforeAll, describe, expect, it } from "vitest";
import { checkInclusion, proveInclusion } from "../../../../agent/core/audit/inclusion.ts";
import { readProof, writeProof } from "../../../../agent/core/audit/proofFile.ts";
import {
  followTrust,
  type SetChangeStep,
  TRUST_STEPS_MAX,
  type TrustStep,
} from "../../../../agent/core/audit/trustChain.ts";
import { decodeCertificate, encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { type Block, blockId, encodeHeader } from "../../../../agent/core/ledger/block.ts";
import { chainAfter } from "../../../../agent/core/ledger/restart.ts";
import { communityId, type Validator } from "../../../../agent/core/ledger/rules.ts";
import { encodeTransaction, type Payload } from "../../../../agent/core/ledger/transaction.ts";
import { encodeValidators } from "../../../../agent/core/ledger/validators.ts";
import { mustBeAccepted } from "../../../../agent/core/result.ts";
import { type BlockId, memberId } from "../../../../agent/core/units/ids.ts";
import { ChangingChain, certificateBy } from "../../../support/changingChain.ts";
import { say, signed, testKey, tokens } from "../../../support/ledger.ts";

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
const verifier = new Verifier();

const seat = (name: string): Validator => {
  return { memberId: memberId(name), publicKey: testKey(name).publicKey };
};

/**
 * Height: 1 all join, 2 the CA adds e, 3, 4 b's card is revoked, 5, 6 a grant, 7 a grant.
 * On 1 to 3 vote a b c d, on 4 and 5 a b c d e, on 6 and 7 a c d e.
 */
let chain: ChangingChain;
let steps: readonly SetChangeStep[];

beforeAll(() => {
  chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
  chain.change({ add: [E] });
  chain.next();
  chain.next([null, say.revoke(2, B)]);
  chain.next();
  chain.next([null, say.grant(3, A, tokens(1))]);
  chain.next([null, say.grant(4, A, tokens(2))]);
  steps = [stepAt(3, [A, B, C, D, E]), stepAt(5, [A, C, D, E])];
});

const block = (height: number): Block => chain.blocks[height - 1] as Block;
const certificate = (height: number) => chain.certificates[height - 1] as Uint8Array;

/** The block before a change, and the set after it. */
function stepAt(height: number, set: readonly string[]): SetChangeStep {
  return {
    header: encodeHeader(block(height).header),
    certificate: certificate(height),
    validators: encodeValidators(set.map(seat)),
  };
}

function proofOf(height: number, trust: readonly TrustStep[]) {
  const { rules } = chain;
  const position = 0;
  return proveInclusion({
    ...{
      rules,
      block: block(height),
      certificate: certificate(height),
      position,
      card: null,
      receipts: [],
      trust,
    },
  });
}

function refusalOf(trust: readonly TrustStep[], height = 6) {
  const checked = checkInclusion(proofOf(height, trust), { community: null, verifier });
  return checked.ok ? null : checked.refusal;
}

describe("a proof after changes of who votes", () => {
  it("is right with each change, and says who voted", () => {
    const context = { community: communityId(chain.rules), verifier };
    const proof = proofOf(6, steps);
    const included = mustBeAccepted(checkInclusion(proof, context), "a right proof");
    expect(included.validators.map((one) => one.memberId)).toEqual([A, C, D, E]);
    expect(included.header.height).toBe(6);
    const text = writeProof(proof, included);
    expect(readProof(text, context)).toEqual({ ok: true, value: included });
    const altered = text.replace(/"certificate": "../, '"certificate": "00');
    expect(readProof(altered, context).ok).toBe(false);
  });

  it("needs no more steps for a later block, and fewer for an earlier one", () => {
    // Its receipts may be of a later set.
    expect(refusalOf(steps, 4)).toBe(null);
    expect(refusalOf(steps, 7)).toBe(null);
    expect(refusalOf(steps.slice(0, 1), 4)).toBe(null);
    expect(refusalOf([], 2)).toBe(null);
  });

  it("is refused when a change is missing, out of place or told twice", () => {
    expect(refusalOf([])).toEqual({ code: "otherValidators" });
    expect(refusalOf(steps.slice(0, 1))).toEqual({ code: "otherValidators" });
    expect(refusalOf(steps.slice(1))).toMatchObject({ code: "trustBroken", at: 0 });
    expect(refusalOf([...steps].reverse())).toMatchObject({ code: "trustBroken", at: 0 });
    const twice = [...steps, ...steps.slice(1)];
    expect(refusalOf(twice)).toMatchObject({ code: "trustBroken", at: 2 });
  });

  it("is refused where the set is not the one that the header names", () => {
    const forged = [{ ...stepAt(3, [A, B, C, D, "mallory@vt.edu"]) }, ...steps.slice(1)];
    expect(refusalOf(forged)).toEqual({
      ...{ code: "trustBroken", at: 0, reason: "the header names another next set" },
    });
  });

  it("is refused where those who voted before did not sign the change: 3 of 4 did, 2 are too few", () => {
    const [first, ...others] = steps as [SetChangeStep, SetChangeStep];
    const whole = mustBeAccepted(decodeCertificate(first.certificate), "a certificate");
    const some = (n: number) => {
      const few = { ...whole, signatures: whole.signatures.slice(0, n) };
      return [{ ...first, certificate: encodeCertificate(few) }, ...others];
    };
    expect(refusalOf(some(3))).toBe(null);
    expect(refusalOf(some(2))).toMatchObject({ code: "trustBroken", at: 0 });
    // Those who were removed sign a change of their own, after they ceased to vote.
    const header = { ...block(7).header, nextValidatorsHash: "0".repeat(64) };
    const by = { chain: communityId(chain.rules), validators: [A, B, C, D].map(seat) };
    const theirs = certificateBy({ ...by, height: 7, blockId: blockId(header) });
    const step = {
      ...{ header: encodeHeader(header), certificate: encodeCertificate(theirs) },
      validators: encodeValidators([seat(B)]),
    };
    expect(refusalOf([...steps, step], 7)).toMatchObject({ code: "trustBroken", at: 2 });
  });

  it("after a restart takes the CA's word for who votes, and nobody else's", () => {
    const { rules, state } = chain;
    const blockOf = state.lastBlock?.blockId as BlockId;
    const payload = { type: "restart", sequence: 9, height: 7, blockId: blockOf } as const;
    const said = { ...payload, validators: [seat(A), seat(E)] };
    const community = communityId(rules);
    const step = (author: string | null, what: Payload): TrustStep => {
      return { restart: encodeTransaction(community, signed(rules, author, what)) };
    };
    const follow = (...more: readonly TrustStep[]) => {
      const followed = followTrust(rules, [...steps, ...more], verifier);
      return followed.ok ? followed.value.at(-1) : followed.refusal.reason;
    };
    expect(follow(step(null, said))).toEqual({
      ...{ validators: said.validators, fromHeight: 8 },
      chain: chainAfter(community, signed(rules, null, said).id),
    });
    expect(follow(step(A, said))).toBe("the CA did not sign the restart");
    expect(follow(step(null, { ...said, height: 4 }))).toBe("the restart is after 4, before 6");
    expect(follow(step(null, say.grant(9, A, tokens(1))))).toBe("it cannot be read");
    const [first] = steps;
    expect(follow(step(null, said), first as TrustStep)).toMatch("before 8");
  });

  it("is refused with rubbish, and with more steps than a proof may have", () => {
    const [first] = steps as [SetChangeStep];
    for (const part of ["header", "certificate", "validators"] as const) {
      const cut = [{ ...first, [part]: first[part].slice(0, -1) }];
      expect(refusalOf(cut)).toMatchObject({ at: 0, reason: "it cannot be read" });
    }
    const many = Array<TrustStep>(TRUST_STEPS_MAX + 1).fill(first);
    expect(followTrust(chain.rules, many, verifier)).toMatchObject({
      refusal: { reason: "too many changes" },
    });
  });
});
