// Lines of a sign log: what each must be, and which field is named when it is not.

import { describe, expect, it } from "vitest";
import {
  checkSigned,
  type LineContext,
  type SignedLine,
} from "../../../../agent/core/audit/checkSigned.ts";
import { proposalSignBytes, voteSignBytes } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { makeRules, registration, TestChain, testCard } from "../../../support/ledger.ts";

const SELLER = testCard("seller1@vt.edu");
const OTHER = memberId("buyer1@vt.edu");
const RULES = makeRules();
const community = communityId(RULES);
const context: LineContext = { community, card: SELLER, verifier: new Verifier() };

const chain = new TestChain(RULES);
chain.add("2018-03-21T18:00:30Z", [SELLER.memberId, registration(SELLER.memberId)]);
const { blockId, block } = chain.last;

const AT = { height: 1, round: 2 } as const;

function voteLine(validator = SELLER.memberId): SignedLine {
  const message = { type: "vote", vote: "prevote", ...AT, blockId, validator } as const;
  const signBytes = voteSignBytes(community, message);
  return { ...AT, type: "prevote", signBytes, signature: SELLER.sign(signBytes), message };
}

function proposalLine(time = block.header.time, bytes = encodeBlock(block)): SignedLine {
  const subject = { ...AT, polRound: -1, blockId, time, block: bytes, proposer: SELLER.memberId };
  const message = { type: "proposal", ...subject } as const;
  const signBytes = proposalSignBytes(community, message);
  return { ...AT, type: "proposal", signBytes, signature: SELLER.sign(signBytes), message };
}

function faultOf(line: SignedLine) {
  const checked = checkSigned(line, context);
  return checked.ok ? null : checked.refusal;
}

describe("a line of the sign log", () => {
  it("is right as it was written", () => {
    expect(faultOf(voteLine())).toBe(null);
    expect(faultOf(proposalLine())).toBe(null);
  });

  it("stands under the height, round and type of its message", () => {
    const part = "key";
    expect(faultOf({ ...voteLine(), height: 3 })).toMatchObject({ part });
    expect(faultOf({ ...voteLine(), round: 3 })).toMatchObject({ part });
    expect(faultOf({ ...voteLine(), type: "precommit" })).toMatchObject({ part });
    expect(faultOf({ ...proposalLine(), type: "prevote" })).toMatchObject({ part });
  });

  it("has the bytes that were signed, or names the byte", () => {
    const line = voteLine();
    const signBytes = line.signBytes.with(9, 1);
    expect(faultOf({ ...line, signBytes })).toMatchObject({ part: "signBytes", offset: 9 });
  });

  it("has the message that was signed", () => {
    const line = voteLine();
    const message = { ...line.message, blockId: null } as SignedLine["message"];
    expect(faultOf({ ...line, message })).toMatchObject({ part: "message" });
  });

  it("has the card's signature", () => {
    const line = voteLine();
    const signature = line.signature.with(5, (line.signature[5] ?? 0) ^ 1);
    expect(faultOf({ ...line, signature })).toMatchObject({ part: "signature" });
  });

  it("is said by the card's member", () => {
    expect(faultOf(voteLine(OTHER))).toMatchObject({
      part: "message",
      problem: "it is said by buyer1@vt.edu",
    });
  });

  it("proposes the block that it names", () => {
    const part = "message";
    expect(faultOf(proposalLine(unixMs(1)))).toMatchObject({ part });
    expect(faultOf(proposalLine(undefined, Uint8Array.of(1)))).toMatchObject({ part });
    const empty = encodeBlock({ ...block, transactions: [] });
    expect(faultOf(proposalLine(undefined, empty))).toMatchObject({ part });
  });
});
