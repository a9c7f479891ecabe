import { expect, it } from "vitest";
import type { PayloadOf } from "../../../agent/core/ledger/transaction.ts";
import { offerPrefix } from "../../../agent/core/units/ids.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { createCompany } from "../../../agent/loops/company.ts";
import { createFakeClock } from "../../support/fakes.ts";
import { at, kwh, perKwh, registration, say, signed, TestChain } from "../../support/ledger.ts";

const SELLER = "seller1@vt.edu";
/** Delivers from 17:00 UTC; open from 16:01, cut off at 16:59. */
const LISTING = "21Mar18-13:00";
/** Delivered until 16:00; readings until 16:15. */
const BEFORE = "21Mar18-11:00";
const T = (time: string) => `2018-03-21T${time}Z`;

function open(time: string) {
  const chain = new TestChain();
  chain.add(T("14:10:00"), [SELLER, registration(SELLER)]);
  chain.add(T("14:59:30"));
  chain.add(T("16:10:00"));
  const clock = createFakeClock(at(T(time)));
  let wakes = 0;
  const company = createCompany({
    clock,
    ledger: () => chain.state,
    wake: () => {
      wakes += 1;
    },
  });
  const arrive = (payload: Parameters<typeof signed>[2]) => {
    const transaction = signed(chain.rules, SELLER, payload);
    company.arrived(transaction);
    return transaction.id;
  };
  return { clock, company, arrive, wakes: () => wakes };
}

const reading = say.meterReading(BEFORE, { imported: [0, 1], exported: [0, 1] });
const bid = say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(1) });
const receipt = (): PayloadOf<"receipt"> => {
  const from = unixMs(at(T("16:20:00")));
  const offer = offerPrefix("ab".repeat(32) as never);
  return {
    ...{ type: "receipt", sequence: 1, previous: null, from, to: from },
    entries: [{ offer, after: 0 }],
  };
};

it("keeps a reading and a far receipt waiting for two seconds, then wakes", () => {
  const { clock, company, arrive, wakes } = open("16:11:00");
  const first = arrive(reading);
  clock.advance(500);
  const second = arrive(receipt());
  clock.advance(1499);
  expect([company.isWaiting(first), company.isWaiting(second), wakes()]).toEqual([true, true, 0]);
  clock.advance(1);
  expect([company.isWaiting(first), company.isWaiting(second), wakes()]).toEqual([false, true, 1]);
  clock.advance(500);
  expect([company.isWaiting(second), wakes()]).toEqual([false, 2]);
});

it("lets nothing else wait, nor what has no time", () => {
  const bids = open("16:11:00");
  expect(bids.company.isWaiting(bids.arrive(bid))).toBe(false);
  // A minute before the cut-off, and a minute before readings are over.
  for (const [time, waits] of [["16:57:59", true] as const, ["16:58:00", false] as const]) {
    const { company, arrive } = open(time);
    expect([time, company.isWaiting(arrive(receipt()))]).toEqual([time, waits]);
  }
  for (const [time, waits] of [["16:13:59", true] as const, ["16:14:00", false] as const]) {
    const { company, arrive } = open(time);
    expect([time, company.isWaiting(arrive(reading))]).toEqual([time, waits]);
  }
});

it("wakes nobody after it has stopped", () => {
  const { clock, company, arrive, wakes } = open("16:11:00");
  arrive(reading);
  company.stop();
  clock.advance(5000);
  expect(wakes()).toBe(0);
});
