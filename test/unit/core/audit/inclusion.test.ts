// Proofs of inclusion: what they show, and that no byte of them may be another.

import { beforeAll, describe, expect, it } from "vitest";
import { authorKey, needsCard } from "../../../../agent/core/audit/authorKey.ts";
import {
  checkInclusion,
  type InclusionProof,
  proveInclusion,
} from "../../../../agent/core/audit/inclusion.ts";
import { readProof, writeProof } from "../../../../agent/core/audit/proofFile.ts";
import { bytesToHex } from "../../../../agent/core/codec/hex.ts";
import { encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { encodeHeader } from "../../../../agent/core/ledger/block.ts";
import { communityId, encodeRules, type Rules } from "../../../../agent/core/ledger/rules.ts";
import type { CommunityId } from "../../../../agent/core/units/ids.ts";
import { certificateFor } from "../../../support/certificate.ts";
import {
  ADMINISTRATOR,
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  testCa,
  testCard,
  testCertificate,
  testKey,
  tokens,
} from "../../../support/ledger.ts";

const SELLER = "seller1@vt.edu";
const BUYER = "buyer1@vt.edu";
const LISTING = "21Mar18-15:00";
const RULES = makeRules({ validators: [SELLER, BUYER, "buyer2@vt.edu", "seller2@vt.edu"] });
const COMMUNITY = communityId(RULES);
const context = { community: COMMUNITY, verifier: new Verifier() };

let chain: TestChain;
let proof: InclusionProof;

beforeAll(() => {
  chain = new TestChain(RULES);
  chain.add("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
  chain.add("2018-03-21T18:02:00Z", [SELLER, say.registerPv(SELLER, "seller1house")]);
  chain.add(
    "2018-03-21T18:10:00Z",
    [SELLER, say.pvOffer(LISTING, "seller1house", { energy: kwh(6), reserve: perKwh(2) })],
    [BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) })],
    [null, say.grant(1, BUYER, tokens(5))],
  );
  proof = proofOf(1, testCard(BUYER).certificate);
});

/** Of a transaction in the chain's last block. */
function proofOf(position: number, card: Uint8Array | null, of: TestChain = chain): InclusionProof {
  const { block, blockId } = of.last;
  const certificate = certificateFor(of.rules, block.header.height, blockId);
  return proveInclusion({
    ...{ rules: of.rules, block, certificate: encodeCertificate(certificate), position, card },
    receipts: [],
  });
}

function refusalOf(changed: Partial<InclusionProof>, community: CommunityId | null = COMMUNITY) {
  const checked = checkInclusion({ ...proof, ...changed }, { ...context, community });
  return checked.ok ? null : checked.refusal;
}

describe("a proof of inclusion", () => {
  it("shows who said what, and when: its block's time", () => {
    const checked = checkInclusion(proof, context);
    expect(checked).toMatchObject({
      ok: true,
      value: {
        community: COMMUNITY,
        header: { height: 3 },
        blockId: chain.last.blockId,
        transaction: { author: BUYER, payload: { type: "buyOffer", energy: 4000 } },
      },
    });
  });

  it("of each place in the block is right; the CA's needs no card", () => {
    expect(refusalOf(proofOf(0, testCard(SELLER).certificate))).toBe(null);
    expect(refusalOf(proofOf(2, null))).toBe(null);
    expect(refusalOf(proofOf(2, testCard(BUYER).certificate))).toMatchObject({
      reason: "a needless card",
    });
  });

  it("is of the community that the reader means", () => {
    const community = communityId(makeRules());
    expect(refusalOf({}, community)).toMatchObject({ code: "otherCommunity", part: "rules" });
    expect(refusalOf({}, null)).toBe(null);
    // Rules that the forger likes, with a community of his own: the header tells.
    const rules = encodeRules(makeRules());
    expect(refusalOf({ rules }, null)).toMatchObject({ code: "otherCommunity", part: "header" });
  });

  it("needs the validators that the header names", () => {
    const header = encodeHeader({ ...chain.last.block.header, validatorsHash: "0".repeat(64) });
    expect(refusalOf({ header })).toEqual({ code: "otherValidators" });
  });

  it("needs the header's own certificate", () => {
    const header = encodeHeader({ ...chain.last.block.header, time: at("2018-03-21T18:00:31Z") });
    expect(refusalOf({ header })).toMatchObject({ code: "otherBlock" });
  });

  it("needs more than two thirds of the validators: 3 of 4, not 2", () => {
    const { block, blockId } = chain.last;
    const whole = certificateFor(RULES, block.header.height, blockId);
    const some = (n: number) =>
      encodeCertificate({ ...whole, signatures: whole.signatures.slice(0, n) });
    expect(refusalOf({ certificate: some(3) })).toBe(null);
    expect(refusalOf({ certificate: some(2) })).toMatchObject({ code: "notCertified" });
  });

  it("needs the path from the transaction to the root", () => {
    expect(refusalOf({ position: 0 })).toEqual({ code: "notIncluded" });
    expect(refusalOf({ path: [] })).toEqual({ code: "notIncluded" });
    expect(refusalOf({ transactions: 1001 })).toEqual({ code: "notIncluded" });
    expect(refusalOf({ transaction: proofOf(0, null).transaction })).toEqual({
      code: "notIncluded",
    });
  });

  it("needs the author's card from the CA", () => {
    const { publicKey } = testKey(BUYER);
    const forged = testCertificate({ memberId: BUYER, publicKey, ca: testKey("another CA") });
    expect(refusalOf({ card: null })).toMatchObject({ reason: "no card" });
    expect(refusalOf({ card: forged })).toMatchObject({ reason: "notIssuedByCa" });
    const others = testCard(SELLER).certificate;
    expect(refusalOf({ card: others })).toMatchObject({ reason: `a card of ${SELLER}` });
    const wrongKey = testCertificate({ memberId: BUYER, publicKey: testKey("x").publicKey });
    expect(refusalOf({ card: wrongKey })).toEqual({ code: "notSigned", author: BUYER });
    expect(refusalOf({ card: Uint8Array.of(1) })).toMatchObject({ code: "unknownAuthor" });
  });

  it("counts a card that has run out since: it was valid when its member joined", () => {
    const { publicKey } = testKey(BUYER);
    const notAfter = new Date("2018-03-21T18:05:00Z");
    expect(refusalOf({ card: testCertificate({ memberId: BUYER, publicKey, notAfter }) })).toBe(
      null,
    );
  });

  it("says which part cannot be read", () => {
    for (const part of ["rules", "header", "certificate"] as const) {
      const changed = { [part]: proof[part].slice(0, -1) };
      expect(refusalOf(changed)).toMatchObject({ code: "malformed", part });
    }
  });
});

describe("whose key", () => {
  const manual: Rules = makeRules({ schedule: "manual" });
  const key = (author: string | null, payload: ReturnType<typeof registration>) => {
    const said = { author: author as never, payload };
    const { validators } = manual;
    const { verifier } = context;
    const outcome = authorKey(said, { rules: manual, validators, card: null, verifier });
    return outcome.ok ? bytesToHex(outcome.value) : outcome.refusal.reason;
  };
  const hex = (name: string) => bytesToHex(testKey(name).publicKey);

  it("is the CA's, the administrator's, a validator's, or on the member's card", () => {
    const grant = say.grant(1, BUYER, tokens(1));
    expect(key(null, grant)).toBe(bytesToHex(testCa().publicKey));
    const step = say.administrator("createListing", 1, LISTING);
    expect(key(ADMINISTRATOR, step)).toBe(hex(ADMINISTRATOR));
    expect(key(BUYER, step)).toBe("no card");
    expect(key(BUYER, registration(BUYER))).toBe(hex(BUYER));
    expect(key(ADMINISTRATOR, registration(BUYER))).toBe(hex(ADMINISTRATOR));
    expect(key(SELLER, registration(BUYER))).toBe(`a card of ${BUYER}`);
    const bid = say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(1) });
    expect(needsCard({ author: testCard(BUYER).memberId, payload: bid }, manual)).toBe(true);
    expect(needsCard({ author: null, payload: grant }, manual)).toBe(false);
    // A validator need not be a member; makeRules has one.
    const [, receipt] = new TestChain(RULES).receipt(SELLER, []);
    expect(key(SELLER, receipt)).toBe(hex(SELLER));
    expect(key(BUYER, receipt)).toBe("no validator");
  });
});

describe("a proof's file", () => {
  let text: string;
  const refusedAs = (changed: string) => {
    const read = readProof(changed, context);
    return read.ok ? null : read.refusal.code;
  };

  beforeAll(() => {
    const included = checkInclusion(proof, context);
    if (!included.ok) throw new Error("the proof is right");
    text = writeProof(proof, included.value);
  });

  it("is read back as what it proves", () => {
    expect(readProof(text, context)).toEqual(checkInclusion(proof, context));
    expect(JSON.parse(text)).toMatchObject({
      ...{ author: BUYER, height: 3, position: 1, transactions: 3 },
      blockTimeUnixMs: at("2018-03-21T18:10:00Z"),
    });
  });

  it("is refused when a character of it is another", () => {
    // Every 5th place, each time with another kind of character.
    const others = ["0", "a", "f", "9", " ", '"'];
    for (let at = 0; at < text.length; at += 5) {
      const other = others.find((one) => one !== text[at]) ?? "";
      const character =
        others[at % others.length] === text[at] ? other : others[at % others.length];
      const changed = `${text.slice(0, at)}${character}${text.slice(at + 1)}`;
      expect([at, refusedAs(changed)]).not.toEqual([at, null]);
    }
  });

  it("is refused longer, shorter, in another order, or with more in it", () => {
    expect(refusedAs(`${text}\n`)).toBe("notAsWritten");
    expect(refusedAs(text.trimEnd())).toBe("notAsWritten");
    expect(refusedAs(JSON.stringify(JSON.parse(text)))).toBe("notAsWritten");
    expect(refusedAs(text.replace('"height": 3', '"height": 4'))).toBe("notAsWritten");
    expect(refusedAs(text.replace('"height": 3', '"height": 3,\n  "note": ""'))).toBe(
      "notAsWritten",
    );
  });

  it("is refused when it is none", () => {
    for (const none of ["", "null", "[]", '{"format":"x"}', "x".repeat(4_200_001)]) {
      expect(refusedAs(none)).toBe("notAProof");
    }
    expect(refusedAs(text.replace('"card": "', '"card": "x'))).toBe("notAProof");
    expect(refusedAs(text.replace('"position": 1', '"position": -1'))).toBe("notAProof");
  });
});
