// What a joiner is sent, from hostile hands: each part changed by itself is refused, with why.

import { describe, expect, it } from "vitest";
import {
  checkSnapshotProof,
  checkSnapshotState,
  type SnapshotProof,
} from "../../../../agent/core/audit/checkSnapshot.ts";
import { decodeCertificate, encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { blockId, encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { snapshotContents } from "../../../../agent/core/ledger/snapshotContents.ts";
import { encodeState, stateRoot } from "../../../../agent/core/ledger/state.ts";
import { encodeValidators } from "../../../../agent/core/ledger/validators.ts";
import { mustBeAccepted } from "../../../../agent/core/result.ts";
import type { CommunityId } from "../../../../agent/core/units/ids.ts";
import { certificateFor } from "../../../support/certificate.ts";
import { certificateBy } from "../../../support/changingChain.ts";
import { makeRules } from "../../../support/ledger.ts";
import { proofOf, snapshotChain, snapshotOf } from "../../../support/snapshotChain.ts";

const { chain, at10 } = snapshotChain();
const { rules, blocks } = chain;
const block = blocks[9]!;
const PROOF = proofOf(rules, block);
const context = { rules, verifier: new Verifier() };

function codeOf(change: Partial<SnapshotProof>, given = context): string {
  const checked = checkSnapshotProof({ ...PROOF, ...change }, given);
  return checked.ok ? "ok" : checked.refusal.code;
}

function certificate(signed: number, change: object = {}): Uint8Array {
  const of = blocks[signed - 1]!;
  const made = certificateFor(rules, of.header.height, blockId(of.header));
  return encodeCertificate({ ...made, ...change });
}

describe("the proof of a snapshot", () => {
  it("is right as it is", () => expect(codeOf({})).toBe("ok"));

  it("of another community is refused", () => {
    const other = makeRules({ validators: ["seller1@vt.edu"], name: "another" });
    expect(codeOf({}, { ...context, rules: other })).toBe("otherCommunity");
  });

  it("needs the block whole", () => {
    expect(codeOf({ block: PROOF.block.subarray(1) })).toBe("malformed");
    expect(codeOf({ block: encodeBlock({ ...block, transactions: [] }) })).toBe(
      "wrongTransactionsRoot",
    );
  });

  it("needs the set that the header names, though made-up votes would fit another", () => {
    const { validators } = makeRules({ validators: ["mallory@vt.edu"] });
    expect(codeOf({ validators: encodeValidators(validators) })).toBe("otherValidators");
    expect(codeOf({ validators: Uint8Array.of(0xff) })).toBe("malformed");
  });

  it("needs more than two thirds of the votes for this very block", () => {
    expect(codeOf({ certificate: certificate(9) })).toBe("otherCertificate");
    expect(codeOf({ certificate: certificate(10, { height: 9 }) })).toBe("otherCertificate");
    expect(codeOf({ certificate: certificate(10, { signatures: [] }) })).toMatch(
      /notEnough|malformed/,
    );
    expect(codeOf({ certificate: certificate(10, { round: 1 }) })).toBe("badSignature");
    expect(decodeCertificate(certificate(10)).ok).toBe(true);
  });
});

describe("the state of a snapshot", () => {
  const { snapshot, state } = snapshotOf(at10);
  const refusal = (bytes: Uint8Array) => {
    const checked = checkSnapshotState(snapshot, bytes, rules);
    return checked.ok ? "ok" : checked.refusal.code;
  };

  it("is the one whose hash the header names", () => {
    const checked = mustBeAccepted(checkSnapshotState(snapshot, state, rules), "right");
    expect(checked).toEqual(at10.state);
    expect(stateRoot(checked)).toBe(block.header.stateRoot);
  });

  it("with any byte changed is refused, and so is that of another height", () => {
    const flipped = Uint8Array.from(state);
    flipped[100] = (flipped[100] ?? 0) ^ 1;
    expect(refusal(flipped)).toBe("wrongStateRoot");
    expect(refusal(encodeState(chain.state))).toBe("wrongStateRoot");
    expect(refusal(new Uint8Array(0))).toBe("wrongStateRoot");
  });
});

describe("the chain of the votes", () => {
  const chainId = "ab".repeat(32) as CommunityId;

  it("is the one that is told beside them", () => {
    expect(codeOf({ chain: chainId })).toBe("badSignature");
  });

  it("is the state's: votes for another one prove nothing of it", () => {
    const { height } = block.header;
    const id = blockId(block.header);
    const { validators } = rules;
    const votes = certificateBy({ chain: chainId, validators, height, blockId: id });
    const made = { ...PROOF, chain: chainId, certificate: encodeCertificate(votes) };
    const snapshot = mustBeAccepted(checkSnapshotProof(made, context), "signed for that chain");
    expect(checkSnapshotState(snapshot, snapshotOf(at10).state, rules)).toEqual({
      ...{ ok: false, refusal: { code: "otherChain" } },
    });
  });
});

it("what a state says names each transaction before it is referred to, once", () => {
  const { events, named: referred } = snapshotContents(at10.state);
  const named = events.flatMap((event) => {
    if (event.type === "pvOfferPlaced") return [event.offer.transactionId];
    if (event.type === "buyOfferPlaced") return [event.bid.transactionId];
    return event.type === "meterRead" ? [event.reading.transactionId] : [];
  });
  expect(named.length).toBe(5);
  expect(new Set(referred)).toEqual(new Set(named));
  expect(referred).toHaveLength(5);
  expect(new Set(named).size).toBe(named.length);
  const posted = events.flatMap((event) => (event.type === "posted" ? [event.posting.amount] : []));
  expect(posted.reduce((sum, amount) => sum + amount, 0n)).toBe(at10.state.issued);
});
