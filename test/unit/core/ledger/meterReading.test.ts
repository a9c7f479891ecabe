import { describe, expect, it } from "vitest";
import type { PayloadOf } from "../../../../agent/core/ledger/transaction.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { kwh, perKwh, registration, say, signed, TestChain } from "../../../support/ledger.ts";

const [SELLER, BUYER, IDLE] = ["seller1@vt.edu", "buyer1@vt.edu", "idle@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;

/** Sold 4 of 6 kWh at 3 tokens; delivery from 17:00 to 18:00 UTC. */
function closedChain(): TestChain {
  const chain = new TestChain();
  const names = [SELLER, BUYER, IDLE];
  chain.add(T("16:10:00"), ...names.map((name) => [name, registration(name)] as const));
  chain.add(T("16:11:00"), [SELLER, say.registerPv(SELLER, "roof")]);
  chain.add(
    T("16:12:00"),
    [SELLER, say.pvOffer(LISTING, "roof", { energy: kwh(6) })],
    [BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) })],
  );
  chain.addReceipts(T("16:12:01"));
  chain.add(T("16:59:15"));
  return chain;
}

const reading = (imported: [number, number], exported: [number, number]) =>
  say.meterReading(LISTING, { imported, exported }) as PayloadOf<"meterReading">;

describe("meterReading", () => {
  it("is recorded as it was signed", () => {
    const chain = closedChain();
    const payload = reading([10_000, 10_250], [70_000, 73_900]);
    const transaction = signed(chain.rules, SELLER, payload);
    const { events } = chain.addSigned(T("18:00:00"), [transaction]);
    const recorded = { memberId: SELLER, transactionId: transaction.id, reading: payload };
    expect(chain.listing(LISTING)?.readings.get(memberId(SELLER))).toEqual(recorded);
    expect(events.filter(({ type }) => type === "meterRead")).toEqual([
      { type: "meterRead", listingId: LISTING, reading: recorded },
    ]);
  });

  it("stands beside what was sold and bought when the listing is finished", () => {
    const chain = closedChain();
    chain.add(
      T("18:05:00"),
      [SELLER, reading([10_000, 10_250], [70_000, 73_900])],
      [IDLE, reading([5, 305], [0, 0])],
    );
    const { events } = chain.add(T("18:15:00"));
    const none = { meteredImport: null, meteredExport: null };
    expect(events.find(({ type }) => type === "listingFinished")).toEqual({
      type: "listingFinished",
      listingId: LISTING,
      statements: [
        { memberId: BUYER, sold: 0, bought: 4000, ...none },
        { memberId: IDLE, sold: 0, bought: 0, meteredImport: 300, meteredExport: 0 },
        { memberId: SELLER, sold: 4000, bought: 0, meteredImport: 250, meteredExport: 3900 },
      ],
    });
    expect(chain.listing(LISTING)).toBeUndefined();
  });

  it("hourNotOver: not before the end of delivery", () => {
    const chain = closedChain();
    expect(chain.refusal(T("17:59:59.999"), SELLER, reading([0, 1], [0, 1]))).toEqual({
      code: "hourNotOver",
      deliveryEnd: Date.parse(T("18:00:00")),
      time: Date.parse(T("17:59:59.999")),
    });
  });

  it("alreadyRead: the first one counts", () => {
    const chain = closedChain();
    chain.add(T("18:05:00"), [SELLER, reading([0, 1], [0, 1])]);
    expect(chain.refusal(T("18:06:00"), SELLER, reading([0, 9], [0, 9]))).toEqual({
      code: "alreadyRead",
      memberId: SELLER,
    });
  });

  it("listingNotClosed: an open listing, and one that was VOID", () => {
    const chain = closedChain();
    const next = say.meterReading("21Mar18-14:00", { imported: [0, 1], exported: [0, 1] });
    chain.add(T("17:01:00"));
    expect(chain.refusal(T("17:02:00"), SELLER, next)).toMatchObject({
      code: "listingNotClosed",
      state: "ACCEPT_OFFERS",
    });
    expect(chain.refusal(T("19:00:00"), SELLER, next)).toMatchObject({
      code: "listingNotClosed",
      state: "VOID",
    });
  });

  it("listingUnknown: readings are in 15 minutes after the hour", () => {
    expect(closedChain().refusal(T("18:15:00"), SELLER, reading([0, 1], [0, 1]))).toEqual({
      code: "listingUnknown",
      listingId: LISTING,
    });
  });

  it.each([
    ["gridImport", reading([5, 4], [0, 0])],
    ["gridExport", reading([0, 0], [5, 4])],
    ["production", { ...reading([0, 0], [0, 0]), production: { start: wh(5), end: wh(4) } }],
  ])("registersDecrease: %s", (register, payload) => {
    expect(closedChain().refusal(T("18:05:00"), SELLER, payload)).toEqual({
      code: "registersDecrease",
      register,
      start: 5,
      end: 4,
    });
  });

  it.each([
    ["gridImport", reading([0, 1_000_001], [0, 0])],
    ["gridExport", reading([0, 0], [0, 1_000_001])],
    [
      "production",
      { ...reading([0, 0], [0, 0]), production: { start: wh(0), end: wh(1_000_001) } },
    ],
  ])("implausible: more than 1 MWh in an hour on %s", (register, payload) => {
    expect(closedChain().refusal(T("18:05:00"), SELLER, payload)).toEqual({
      code: "implausible",
      register,
      energy: 1_000_001,
      max: 1_000_000,
    });
  });
});
