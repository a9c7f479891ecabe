// An offer's stamp from the receipts in its proof: what they show, and which receipts show nothing.

import { beforeAll, describe, expect, it } from "vitest";
import {
  checkInclusion,
  type InclusionProof,
  proveInclusion,
} from "../../../../agent/core/audit/inclusion.ts";
import { type Placement, placementOf } from "../../../../agent/core/audit/placement.ts";
import { readProof, writeProof } from "../../../../agent/core/audit/proofFile.ts";
import { encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { blockId } from "../../../../agent/core/ledger/block.ts";
import type { Transaction } from "../../../../agent/core/ledger/transaction.ts";
import { certificateFor } from "../../../support/certificate.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testCard,
  tokens,
} from "../../../support/ledger.ts";

const [V1, V2, V3, V4] = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"] as const;
const BUYER = "buyer1@vt.edu";
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const context = { community: null, verifier: new Verifier() };

let chain: TestChain;
let bid: Transaction;
let other: Transaction;

/** What stands in the chain's block `height` at `position`, with its block's certificate. */
function placeable(height: number, position: number, of = chain) {
  const block = of.blocks[height - 1];
  if (block === undefined) throw new Error(`no block ${height}`);
  const certificate = certificateFor(of.rules, height, blockId(block.header));
  return { block, certificate: encodeCertificate(certificate), position };
}

const placement = (height: number, position: number) => placementOf(placeable(height, position));

function proofOf(
  [height, position]: readonly [number, number],
  receipts: readonly Placement[],
  of = chain,
): InclusionProof {
  const card = height === 2 && position === 0 ? testCard(BUYER).certificate : null;
  const provable = { ...placeable(height, position, of), rules: of.rules, card, receipts: [] };
  return { ...proveInclusion(provable), receipts };
}

beforeAll(() => {
  chain = new TestChain(makeRules({ validators: [V1, V2, V3, V4] }));
  const said = (sequence: number) =>
    say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(3), sequence });
  [bid, other] = [signed(chain.rules, BUYER, said(1)), signed(chain.rules, BUYER, said(2))];
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  chain.addSigned(T("16:20:00"), [bid, signed(chain.rules, null, say.grant(1, BUYER, tokens(1)))]);
  const hears = (who: string, time: string, what = bid) => chain.receipt(who, [[what, T(time)]]);
  // Block 3: v1 and v2. Block 4: v3, and v1 of another bid. Block 5: v4, and v1 again.
  chain.add(T("16:21:00"), hears(V1, "16:19:59.100"), hears(V2, "16:19:59.140"));
  chain.add(T("16:22:00"), hears(V3, "16:19:59.050"), hears(V1, "16:20:05", other));
  chain.add(T("16:23:00"), hears(V4, "16:19:59.120"), hears(V1, "16:20:06"));
});

function outcome(receipts: readonly Placement[], of: readonly [number, number] = [2, 0]) {
  const checked = checkInclusion(proofOf(of, receipts), context);
  return checked.ok ? checked.value.stamp : checked.refusal;
}

const stamping = () => [placement(3, 0), placement(3, 1), placement(4, 0)];

describe("an offer's stamp", () => {
  it("is the second smallest time of three validators' receipts, as on the ledger", () => {
    expect(outcome(stamping())).toEqual({
      time: at(T("16:19:59.100")),
      heard: [
        { validator: V1, at: at(T("16:19:59.100")), height: 3 },
        { validator: V2, at: at(T("16:19:59.140")), height: 3 },
        { validator: V3, at: at(T("16:19:59.050")), height: 4 },
      ],
    });
    const placed = chain.listing(LISTING)?.buyOffers.get(testCard(BUYER).memberId);
    expect(placed?.stamp).toBe(at(T("16:19:59.100")));
  });

  it("is not shown without receipts; what is no offer has none", () => {
    expect(outcome([])).toBe(null);
    expect(outcome([], [2, 1])).toBe(null);
    expect(outcome(stamping(), [2, 1])).toMatchObject({ at: 0, reason: "needless" });
  });

  it("is the block's time in a manual community, without receipts", () => {
    const manual = new TestChain(makeRules({ schedule: "manual" }));
    manual.add(T("16:10:00"), [BUYER, registration(BUYER)]);
    const admin = (type: "createListing" | "acceptOfferBroadcast", n: number) =>
      ["admin@vt.edu", say.administrator(type, n, LISTING)] as const;
    manual.add(T("16:11:00"), admin("createListing", 1), admin("acceptOfferBroadcast", 2));
    manual.add(T("16:20:00"), [BUYER, say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(3) })]);
    const card = testCard(BUYER).certificate;
    const proof = { ...proofOf([3, 0], [], manual), card };
    expect(checkInclusion(proof, context)).toMatchObject({
      value: { stamp: { time: at(T("16:20:00")), heard: [] } },
    });
    expect(checkInclusion({ ...proof, receipts: [proof] }, context).ok).toBe(false);
  });
});

describe("receipts that give no stamp", () => {
  it.each<[string, () => readonly Placement[], number, string]>([
    ["two of three", () => stamping().slice(0, 2), 2, "3 are needed"],
    ["all four", () => [...stamping(), placement(5, 0)], 3, "3 are needed"],
    [
      "two of one validator",
      () => [placement(3, 0), placement(3, 1), placement(5, 1)],
      2,
      `a second one of ${V1}`,
    ],
    [
      "one of another bid",
      () => [placement(3, 1), placement(4, 0), placement(4, 1)],
      2,
      "it does not name the offer",
    ],
    [
      "no receipt at all",
      () => [placement(2, 1), placement(3, 1), placement(4, 0)],
      0,
      "it does not name the offer",
    ],
    [
      "an earlier block's after a later one's",
      () => [placement(4, 0), placement(3, 0), placement(3, 1)],
      1,
      "not in the order of the chain",
    ],
    [
      "a later place's before an earlier one's",
      () => [placement(3, 1), placement(3, 0), placement(4, 0)],
      1,
      "not in the order of the chain",
    ],
    [
      "one from another place",
      () => stamping().with(1, { ...placement(3, 1), position: 0 }),
      1,
      '{"code":"notIncluded"}',
    ],
    [
      "one in a block that nobody signed",
      () => stamping().with(2, { ...placement(4, 0), certificate: placement(3, 0).certificate }),
      2,
      "otherBlock",
    ],
  ])("%s", (_, receipts, place, reason) => {
    expect(outcome(receipts())).toMatchObject({
      ...{ code: "wrongReceipts", at: place, reason: expect.stringContaining(reason) },
    });
  });
});

describe("the file of a stamped offer's proof", () => {
  it("is read back as what it proves, and every byte of it counts", () => {
    const proof = proofOf([2, 0], stamping());
    const checked = checkInclusion(proof, context);
    if (!checked.ok) throw new Error("the proof is right");
    const text = writeProof(proof, checked.value);
    expect(readProof(text, context)).toEqual(checked);
    expect(JSON.parse(text)).toMatchObject({
      stampUnixMs: at(T("16:19:59.100")),
      receipts: [
        { validator: V1, heardUnixMs: at(T("16:19:59.100")), height: 3, position: 0 },
        { validator: V2, height: 3, position: 1 },
        { validator: V3, height: 4 },
      ],
    });
    for (let place = 0; place < text.length; place += 37) {
      const changed = text[place] === "0" ? "1" : "0";
      const altered = text.slice(0, place) + changed + text.slice(place + 1);
      expect([place, readProof(altered, context).ok]).toEqual([place, false]);
    }
    const many = JSON.parse(text) as { receipts: unknown[] };
    many.receipts = Array.from({ length: 22 }, () => many.receipts[0]);
    expect(readProof(JSON.stringify(many), context)).toMatchObject({
      refusal: { code: "notAProof" },
    });
    for (const receipts of [null, [null], [{}], ["x"]]) {
      const none = JSON.stringify({ ...many, receipts });
      expect(readProof(none, context)).toMatchObject({ refusal: { code: "notAProof" } });
    }
  });
});
