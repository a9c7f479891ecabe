// An offer's stamp from the receipts in its proof: what they show, and which receipts show nothing.

import { beforeAll, describe, expect, it } from "vitest";
import {
  checkInclusion,
  type InclusionProof,
  proveInclusion,
} from "../../../../agent/core/audit/inclusion.ts";
import {
  type Placeable,
  type Placement,
  placementOf,
} from "../../../../agent/core/audit/placement.ts";
import { readProof, writeProof } from "../../../../agent/core/audit/proofFile.ts";
import { encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { blockId, encodeHeader } from "../../../../agent/core/ledger/block.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import type { PayloadOf, Transaction } from "../../../../agent/core/ledger/transaction.ts";
import { encodeValidators } from "../../../../agent/core/ledger/validators.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { certificateFor } from "../../../support/certificate.ts";
import { certificateBy } from "../../../support/changingChain.ts";
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
  testKey,
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

describe("an offer's stamp where others came to vote", () => {
  const seven = ["a", "b", "c", "d", "e", "f", "g"].map((name) => `${name}@vt.edu`);
  const [A, B, C] = seven as [string, string, string];
  const NEW = "new@vt.edu";

  /** Blocks 1 and 2: all join; the CA changes who votes, from block 4 on. Receipts as told, from block 4 on. */
  function changed(of: {
    readonly first: readonly string[];
    readonly change: Pick<PayloadOf<"validatorChange">, "add" | "remove">;
    readonly before?: readonly string[];
    readonly after: readonly string[];
  }) {
    const street = new TestChain(makeRules({ validators: of.first }));
    const certificates: Uint8Array[] = [];
    let second = 0;
    const next = (
      ...said: Parameters<TestChain["add"]> extends [unknown, ...infer R] ? R : never
    ) => {
      second += 1;
      const { validators } = street.state;
      const built = street.addSigned(
        at(T("16:20:00")) + 1000 * second,
        said.map(([author, payload]) => signed(street.rules, author, payload)),
        validators[0]?.memberId,
      );
      expect(built.dropped).toEqual([]);
      const { height } = built.block.header;
      const who = { chain: communityId(street.rules), validators, height, blockId: built.blockId };
      certificates.push(encodeCertificate(certificateBy(who)));
    };
    const wanted = say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(3) });
    const offered = signed(street.rules, BUYER, wanted);
    const receipts: Placeable[] = [];
    const hears = (who: string) => {
      next(street.receipt(who, [[offered, at(T("16:20:00")) + 10 * who.charCodeAt(0)]]));
      receipts.push(inBlock(street.state.height));
    };
    const inBlock = (height: number): Placeable => {
      const [block, certificate] = [street.blocks[height - 1], certificates[height - 1]];
      if (block === undefined || certificate === undefined) throw new Error(`no block ${height}`);
      return { block, certificate, position: 0 };
    };
    next(
      [BUYER, registration(BUYER)],
      ...[...of.first, NEW].map((n) => [n, registration(n)] as const),
    );
    next([BUYER, wanted]);
    for (const who of of.before ?? []) hears(who);
    next([null, { type: "validatorChange", sequence: 1, ...of.change }]);
    next();
    const last = inBlock(street.state.height);
    for (const who of of.after) hears(who);
    const step = {
      ...{ header: encodeHeader(last.block.header), certificate: last.certificate },
      validators: encodeValidators(street.state.validators),
    };
    const card = testCard(BUYER).certificate;
    const provable = { ...inBlock(2), rules: street.rules, card, receipts, trust: [step] };
    const shown = checkInclusion(proveInclusion(provable), context);
    const onLedger = street.listing(LISTING)?.buyOffers.get(testCard(BUYER).memberId)?.stamp;
    return { shown: shown.ok ? shown.value.stamp?.time : shown.refusal, onLedger };
  }

  it("is shown by their receipts, too", () => {
    const add = [{ memberId: memberId(NEW), publicKey: testKey(NEW).publicKey }];
    const first = seven.slice(0, 4);
    const { shown, onLedger } = changed({ first, change: { add, remove: [] }, after: [A, C, NEW] });
    // 970, 990 and 1100 ms
    expect([shown, onLedger]).toEqual([at(T("16:20:00.990")), at(T("16:20:00.990"))]);
  });

  it("is not shown by a liar's word, thrown out since, and another's: f is of all who have a word", () => {
    const change = { add: [], remove: [memberId(A)] };
    const of = { first: seven, change, before: [A] };
    // Six vote, so f is 1; but with a seven have a word, and of them two may lie: five are needed.
    const few = changed({ ...of, after: [B, C] });
    expect(few.onLedger).toBeNull();
    expect(few.shown).toMatchObject({ code: "wrongReceipts", reason: "5 are needed" });
    const enough = changed({ ...of, after: [B, C, ...seven.slice(3, 5)] });
    // 970, 980, 990, 1000 and 1010 ms
    expect(enough).toEqual({ shown: at(T("16:20:00.990")), onLedger: at(T("16:20:00.990")) });
  });
});
