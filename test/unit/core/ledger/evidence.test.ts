import { beforeEach, describe, expect, it } from "vitest";
import { type Accusation, keyOf } from "../../../../agent/core/ledger/accusation.ts";
import {
  EVIDENCE_HEIGHTS_MAX,
  EVIDENCE_PER_CARD_MAX,
} from "../../../../agent/core/ledger/evidence.ts";
import { communityId, TRANSACTION_BYTES_MAX } from "../../../../agent/core/ledger/rules.ts";
import { decodeState, encodeState } from "../../../../agent/core/ledger/state.ts";
import {
  encodeTransaction,
  type PayloadOf,
  RECEIPT_ENTRIES_MAX,
} from "../../../../agent/core/ledger/transaction.ts";
import { type MemberId, memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import {
  doubleBuyOffer,
  doubleProposal,
  doublePvOffer,
  doubleReceipt,
  doubleVote,
  report,
} from "../../../support/accusations.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
} from "../../../support/ledger.ts";

const [V1, V2, V3, V4] = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"] as const;
const [ANN, BEN, EVE] = ["ann@vt.edu", "ben@vt.edu", "eve@vt.edu"] as const;
/** Delivers from 17:00 UTC; open from 16:01, cut off at 16:59. */
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const rules = makeRules({ validators: [V1, V2, V3, V4] });

let chain: TestChain;
let clock: number;
beforeEach(() => {
  chain = new TestChain(rules);
  clock = at(T("16:10:00"));
  chain.add(clock, [ANN, registration(ANN)], [BEN, registration(BEN)]);
  chain.add(++clock, [ANN, say.registerPv(ANN, "roof")]);
});

const next = () => ++clock;
const accuse = (accusation: Accusation, by: string = ANN) => {
  const built = chain.add(next(), [by, report(accusation)]);
  return built.dropped[0]?.refusal ?? "taken";
};
const seats = () => chain.state.validators.map((one) => one.memberId);
const receipt = (sequence: number, entries = 0): PayloadOf<"receipt"> => ({
  ...{ type: "receipt", sequence, previous: null, from: unixMs(clock), to: unixMs(clock + 5) },
  entries: Array.from({ length: entries }, (_, after) => ({
    offer: "ab".repeat(16) as never,
    after,
  })),
});

describe("two of one number", () => {
  const kinds: readonly (readonly [string, string, () => Accusation, string])[] = [
    ["doubleVote", V2, () => doubleVote(rules, V2), "prevote 1/0"],
    ["doubleProposal", V2, () => doubleProposal(rules, V2), "proposal 1/0"],
    ["doubleReceipt", V2, () => doubleReceipt(rules, V2, receipt(3)), "receipt 3"],
    ["doublePvOffer", BEN, () => doublePvOffer(rules, BEN, LISTING, "roof"), `${LISTING} roof 0`],
    ["doubleBuyOffer", BEN, () => doubleBuyOffer(rules, BEN, LISTING), `${LISTING} bid 0`],
  ];

  it.each(kinds)(
    "%s: the card is named, once, with who has shown it",
    (kind, who, make, subject) => {
      const accusation = make();
      expect(accuse(accusation)).toBe("taken");
      const { height } = chain.state;
      const event = { type: "evidence", kind, offender: who, reporter: ANN, subject, height };
      // Two blocks after the one that shows it.
      const leaves = {
        ...{ type: "validatorsChanged", fromHeight: height + 2, added: [], removed: [who] },
      };
      const losesSeat = kind !== "doublePvOffer" && kind !== "doubleBuyOffer";
      expect(chain.last.events).toEqual(losesSeat ? [event, leaves] : [event]);
      expect(accuse(accusation, BEN)).toEqual({ code: "evidenceKnown", subject });
      const swapped = { ...accusation, a: accusation.b, b: accusation.a } as Accusation;
      expect(accuse(swapped, BEN)).toEqual({ code: "evidenceKnown", subject });
    },
  );

  it.each(kinds)("%s: only in its one order, and only if the card signed both", (_, who, make) => {
    const accusation = make();
    const swapped = { ...accusation, a: accusation.b, b: accusation.a } as Accusation;
    expect(accuse(swapped)).toEqual({ code: "evidenceNotTwo" });
    expect(accuse({ ...accusation, b: accusation.a } as Accusation)).toEqual({
      code: "evidenceNotTwo",
    });
    for (const side of ["a", "b"] as const) {
      const signature = Uint8Array.from(accusation[side].signature);
      signature[0] = (signature[0] ?? 0) ^ 1;
      const forged = { ...accusation, [side]: { ...accusation[side], signature } } as Accusation;
      expect(accuse(forged)).toEqual({ code: "evidenceUnproven", offender: who });
    }
    // One that ben signed is not ann's, whoever says so.
    const other = { ...accusation, offender: memberId(ANN) } as Accusation;
    expect(accuse(other)).toMatchObject({ code: "evidenceUnproven" });
    expect(accuse({ ...accusation, offender: memberId(EVE) } as Accusation)).toEqual({
      code: "unknownOffender",
      offender: EVE,
    });
    expect(accuse(accusation)).toBe("taken");
  });

  it("under two signatures that are both valid is one: no evidence", () => {
    const accusation = doubleVote(rules, V2);
    const twice = { ...accusation, b: { ...accusation.a, signature: accusation.b.signature } };
    expect(accuse(twice)).toEqual({ code: "evidenceNotTwo" });
  });

  it("of another community is nobody's here", () => {
    const elsewhere = doubleVote(makeRules({ name: "another" }), V2);
    const refusals = [elsewhere, { ...elsewhere, a: elsewhere.b, b: elsewhere.a }].map((one) =>
      accuse(one),
    );
    expect(refusals).toContainEqual({ code: "evidenceUnproven", offender: V2 });
    expect(refusals).not.toContain("taken");
  });

  it("fits a transaction however long the receipts are", () => {
    const long = doubleReceipt(rules, V2, receipt(3, RECEIPT_ENTRIES_MAX));
    const bytes = encodeTransaction(communityId(rules), signed(rules, ANN, report(long)));
    expect(bytes.length).toBeLessThan(700);
    const full = encodeTransaction(
      communityId(rules),
      signed(rules, V2, receipt(3, RECEIPT_ENTRIES_MAX)),
    );
    // Two of them as they are would not.
    expect(2 * full.length).toBeGreaterThan(TRANSACTION_BYTES_MAX);
  });

  it("is reported by members only", () => {
    const accusation = doubleVote(rules, V2);
    expect(accuse(accusation, EVE)).toMatchObject({ code: "unknownMember" });
    expect(chain.refusal(next(), null, report(accusation))).toMatchObject({ code: "notAllowed" });
  });
});

describe("what follows", () => {
  it("a validator votes no more from two blocks later on", () => {
    accuse(doubleVote(rules, V2));
    expect(seats()).toEqual([V1, V2, V3, V4]);
    chain.add(next());
    expect(seats()).toEqual([V1, V3, V4]);
  });

  it.each([
    ["proposals", () => doubleProposal(rules, V3)],
    ["receipts", () => doubleReceipt(rules, V3, receipt(1))],
  ])("the same for %s", (_, make) => {
    accuse(make());
    chain.add(next());
    expect(seats()).toEqual([V1, V2, V4]);
  });

  it("two offers of one number cost no seat, and count no more than the first", () => {
    const two = makeRules({ validators: [V1, BEN] });
    chain = new TestChain(two);
    chain.add(clock, [ANN, registration(ANN)], [BEN, registration(BEN)]);
    const bid = (energy: number) =>
      say.buyOffer(LISTING, { energy: kwh(energy), price: perKwh(1) });
    chain.add(next(), [BEN, bid(1)], [BEN, bid(2)]);
    expect(chain.last.dropped).toMatchObject([{ refusal: { code: "staleSequence" } }]);
    expect(accuse(doubleBuyOffer(two, BEN, LISTING))).toBe("taken");
    chain.add(next());
    expect(seats()).toEqual([BEN, V1]);
    const [placed] = chain.listing(LISTING)?.buyOffers.values() ?? [];
    expect([placed?.energy, chain.reserved(BEN)]).toEqual([1000, 1]);
  });

  it("who has no seat any more is named all the same", () => {
    accuse(doubleVote(rules, V2));
    chain.add(next());
    chain.add(next());
    expect(accuse(doubleVote(rules, V2, { height: 2 }))).toBe("taken");
    expect(accuse(doubleVote(rules, BEN))).toBe("taken");
  });
});

describe("what is remembered", () => {
  it("ends with the age up to which anybody may be accused", () => {
    accuse(doubleVote(rules, V2, { height: 3 }));
    expect(chain.state.evidence.size).toBe(1);
    // Only the height counts here: a thousand blocks are as good as one.
    const { state } = chain;
    const grown = (height: number) => {
      chain.state = { ...state, height: height - 1 };
    };
    grown(3 + EVIDENCE_HEIGHTS_MAX);
    expect(accuse(doubleVote(rules, V2, { height: 3 }))).toMatchObject({ code: "evidenceKnown" });
    grown(4 + EVIDENCE_HEIGHTS_MAX);
    expect(accuse(doubleVote(rules, V3, { height: 3 }))).toEqual({
      code: "evidenceTooOld",
      oldest: 4,
      got: 3,
    });
    expect(accuse(doubleVote(rules, V3, { height: 900 }))).toBe("taken");
    expect([...chain.state.evidence.keys()]).toEqual([`doubleVote ${V3} prevote 900/0`]);
  });

  it("does not begin before the height that is being decided", () => {
    const { height } = chain.state;
    expect(accuse(doubleVote(rules, V2, { height: height + 2 }))).toEqual({
      code: "evidenceEarly",
      newest: height + 1,
      got: height + 2,
    });
    expect(accuse(doubleVote(rules, V2, { height: height + 2 }))).toBe("taken");
  });

  it("goes by a validator's last receipt for receipts", () => {
    const last = {
      validator: V2 as MemberId,
      sequence: 2000,
      id: "0".repeat(64) as never,
      to: unixMs(1),
    };
    chain.state = { ...chain.state, receipts: new Map([[memberId(V2), last]]) };
    const of = (sequence: number) => accuse(doubleReceipt(rules, V2, receipt(sequence)));
    expect(of(999)).toEqual({ code: "evidenceTooOld", oldest: 1000, got: 999 });
    expect(of(3001)).toEqual({ code: "evidenceEarly", newest: 3000, got: 3001 });
    expect([of(1000), of(3000)]).toEqual(["taken", "taken"]);
  });

  it("of offers ends with their listing, and begins with it", () => {
    accuse(doubleBuyOffer(rules, BEN, LISTING));
    expect(accuse(doubleBuyOffer(rules, BEN, "21Mar18-20:00"))).toEqual({
      code: "listingUnknown",
      listingId: "21Mar18-20:00",
    });
    // 18:15 is the end of the readings; the one in between has no hour of its own to wait for.
    clock = at(T("18:15:01"));
    chain.add(clock);
    expect(accuse(doubleBuyOffer(rules, BEN, LISTING, 1))).toMatchObject({
      code: "listingUnknown",
    });
    accuse(doubleVote(rules, V2));
    expect([...chain.state.evidence.keys()]).toEqual([`doubleVote ${V2} prevote 1/0`]);
  });

  it("is at most 16 of a card that loses nothing by them", () => {
    const vote = (round: number) => accuse(doubleVote(rules, BEN, { round }));
    for (let round = 0; round < EVIDENCE_PER_CARD_MAX; round += 1)
      expect(vote(round)).toBe("taken");
    expect(vote(16)).toEqual({ code: "evidenceEnough", offender: BEN, max: 16 });
    // A validator that comes back and does it again goes again.
    const named = new Map(
      [...chain.state.evidence].map(([, one]) => {
        const accused = { ...one, offender: memberId(V2) };
        return [`doubleVote ${V2} ${one.subject}`, accused] as const;
      }),
    );
    chain.state = { ...chain.state, evidence: named };
    expect(accuse(doubleVote(rules, V2, { round: 16 }))).toBe("taken");
    expect(accuse(doubleVote(rules, V2, { round: 17 }))).toMatchObject({ code: "evidenceEnough" });
  });

  it("is part of the state's bytes", () => {
    const empty = encodeState(chain.state).length;
    accuse(doubleVote(rules, V2));
    accuse(doubleBuyOffer(rules, BEN, LISTING));
    const bytes = encodeState(chain.state);
    const read = decodeState(rules, bytes, chain.state.lastBlock);
    expect(read).toEqual({ ok: true, value: chain.state });
    expect(bytes.length - empty).toBeLessThan(300);
    expect([...chain.state.evidence.keys()].sort()).toEqual(
      [doubleBuyOffer(rules, BEN, LISTING), doubleVote(rules, V2)].map(keyOf).sort(),
    );
  });
});
