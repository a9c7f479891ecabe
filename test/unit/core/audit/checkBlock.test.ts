// One bit of a block's parts changed: the part and the byte are named.

import { beforeAll, describe, expect, it } from "vitest";
import { findFlippedBit, firstDifference, placeOf } from "../../../../agent/core/audit/bytes.ts";
import { checkBlock, type RecordedBlock } from "../../../../agent/core/audit/checkBlock.ts";
import { encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../../agent/core/ledger/state.ts";
import { decodeTransaction } from "../../../../agent/core/ledger/transaction.ts";
import { certificateFor } from "../../../support/certificate.ts";
import { makeRules, registration, say, TestChain } from "../../../support/ledger.ts";

const SELLER = "seller1@vt.edu";
const BUYER = "buyer1@vt.edu";
const RULES = makeRules({ validators: [SELLER, BUYER, "buyer2@vt.edu", "seller2@vt.edu"] });
const verifier = new Verifier();

let before: LedgerState;
let after: LedgerState;
let right: RecordedBlock;

beforeAll(() => {
  const chain = new TestChain(RULES);
  chain.add("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)]);
  before = chain.state;
  // The buyer joins and speaks in one block.
  chain.add(
    "2018-03-21T18:02:00Z",
    [SELLER, say.registerPv(SELLER, "seller1house")],
    [BUYER, registration(BUYER)],
    [BUYER, say.registerPv(BUYER, "buyer1house")],
  );
  after = chain.state;
  right = recorded(chain);
});

function recorded({ last }: TestChain, dropped = 0): RecordedBlock {
  const { block, blockId } = last;
  const certificate = certificateFor(RULES, block.header.height, blockId);
  const signatures = certificate.signatures.slice(dropped);
  const transactions = block.transactions.map((bytes) => {
    const decoded = decodeTransaction(communityId(RULES), bytes);
    return { id: decoded.ok ? decoded.value.id : "", bytes };
  });
  return {
    blockId,
    round: 0,
    header: encodeBlock({ ...block, transactions: [] }),
    certificate: encodeCertificate({ ...certificate, signatures }),
    transactions,
  };
}

/** Every 13th byte, for to look for the place of each costs thousands of hashes. */
function sample(bytes: Uint8Array): readonly number[] {
  return [...bytes.keys()].filter((at) => at % 13 === 0);
}

/** Bit 0 of byte 0, bit 1 of byte 1, and so on. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (at % 8)));
}

function faultOf(block: RecordedBlock) {
  const checked = checkBlock(before, block, verifier);
  return checked.ok ? null : checked.refusal;
}

describe("a block", () => {
  it("that is right leads to the next state", () => {
    const checked = checkBlock(before, right, verifier);
    expect(checked.ok && checked.value.state).toEqual(after);
  });

  it("is right with 3 of 4 signatures, 9 > 8, and wrong with 2, 6 < 8", () => {
    const chain = new TestChain(RULES);
    chain.add("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)]);
    chain.add("2018-03-21T18:02:00Z");
    expect(faultOf(recorded(chain, 1))).toBe(null);
    expect(faultOf(recorded(chain, 2))).toMatchObject({
      part: "certificate",
      problem: "it has 2 signatures and needs 3",
    });
  });

  it("names a changed byte of its header", () => {
    for (const at of sample(right.header)) {
      const fault = faultOf({ ...right, header: flipped(right.header, at) });
      expect(fault).toMatchObject({ part: "header", offset: at });
    }
  });

  it("names a changed byte of its certificate; of a signature, its first byte", () => {
    for (const at of sample(right.certificate)) {
      const fault = faultOf({ ...right, certificate: flipped(right.certificate, at) });
      expect(fault).toMatchObject({ part: "certificate" });
      const offset = fault?.offset ?? Number.NaN;
      expect([offset <= at, at < offset + 64]).toEqual([true, true]);
    }
  });

  it("names the changed transaction and byte; of its signature, the first byte", () => {
    for (const [position, { id, bytes }] of right.transactions.entries()) {
      const signature = bytes.length - 64;
      for (const at of sample(bytes)) {
        const changed = { id, bytes: flipped(bytes, at) };
        const fault = faultOf({
          ...right,
          transactions: right.transactions.with(position, changed),
        });
        const offset = Math.min(at, signature);
        expect(fault).toMatchObject({ part: "transaction", position, offset });
      }
    }
  });

  it("misses a transaction, and sees another order", () => {
    const [first, second, third] = right.transactions;
    if (first === undefined || second === undefined || third === undefined) throw new Error("3");
    const problem = "one is missing or too many, or they stand in another order";
    const fault = { part: "transaction", position: null, problem };
    expect(faultOf({ ...right, transactions: [first, second] })).toMatchObject(fault);
    expect(faultOf({ ...right, transactions: [second, first, third] })).toMatchObject(fault);
  });

  it("leaves what stands beside its bytes to the comparison of tables", () => {
    expect(faultOf({ ...right, blockId: "0".repeat(64), round: 3 })).toBe(null);
    const transactions = right.transactions.map(({ bytes }) => ({ id: "0".repeat(64), bytes }));
    expect(faultOf({ ...right, transactions })).toBe(null);
  });

  it("of another place in the chain does not follow", () => {
    const checked = checkBlock(after, right, verifier);
    expect(checked).toMatchObject({ ok: false, refusal: { part: "header", offset: null } });
    expect(!checked.ok && checked.refusal.problem).toContain("wrongHeight");
  });
});

describe("places in bytes", () => {
  const bytes = Uint8Array.of(1, 2, 3);

  it("first difference: 3 is the length of the shorter", () => {
    expect(firstDifference(bytes, Uint8Array.of(1, 9, 3))).toBe(1);
    expect(firstDifference(bytes, Uint8Array.of(1, 2, 3, 4))).toBe(3);
    expect(firstDifference(bytes, bytes)).toBe(3);
  });

  it("the flipped bit, or none", () => {
    const isRight = (tried: Uint8Array) => firstDifference(tried, bytes) === 3;
    expect(findFlippedBit(Uint8Array.of(1, 2, 3 ^ 0x80), isRight)).toBe(2);
    expect(findFlippedBit(Uint8Array.of(1, 2, 3 ^ 0x81), isRight)).toBe(null);
  });

  it("a part", () => {
    expect(placeOf(Uint8Array.of(2, 3), bytes)).toBe(1);
    expect(placeOf(Uint8Array.of(3, 2), bytes)).toBe(null);
  });
});
