// When the laboratory's past begins and ends, and what the page's recorder is told of it.

import { expect, test } from "vitest";
import type { LedgerEvent } from "../../../agent/core/ledger/event.ts";
import { wh } from "../../../agent/core/units/energy.ts";
import { listingId } from "../../../agent/core/units/ids.ts";
import { HOUR_MS, MINUTE_MS, unixMs } from "../../../agent/core/units/time.ts";
import { labHomes } from "../../../agent/lab/homes.ts";
import { firstDelivery, marketStartAfterPast } from "../../../agent/lab/marketStart.ts";
import { readOptions } from "../../../agent/lab/options.ts";
import { labPast, samplesOf } from "../../../agent/lab/past/labPast.ts";
import { pastHeard, powers } from "../../../agent/lab/past/pastHeard.ts";
import { parseTopic } from "../../../broker/topics.ts";

const iso = (time: string) => unixMs(Date.parse(time));

test("trading that nobody watched is there with the page, or where it is asked for", () => {
  const past = (raw: Parameters<typeof readOptions>[0]) => {
    const read = readOptions(raw, () => true);
    return read.ok ? read.value.past : read.problems;
  };
  expect([past({}), past({ past: "12" }), past({ past: "0" })]).toEqual([48, 12, 0]);
  expect([past({ homes: "11" }), past({ homes: "50" })]).toEqual([24, 12]);
  // Who waits for a result gets what it always was.
  expect([past({ hours: "2" }), past({ json: true }), past({ page: false })]).toEqual([0, 0, 0]);
  expect(past({ hours: "2", json: true, pagePort: "8081" })).toBe(0);
  expect([past({ manual: true }), past({ scenario: "paper" })]).toEqual([0, 0]);
  expect(past({ hours: "2", past: "6" })).toBe(6);
  expect(past({ manual: true, past: "6" })).toEqual(["--past: not with --manual"]);
  expect(past({ past: "200" })).toEqual(["--past 200: a whole number from 0 to 120"]);
});

test("the clock starts when the hour before the first is closed, however fast it runs", () => {
  const delivery = firstDelivery(null);
  // 10:00 in Virginia; as without a past 44 minutes before the cut-off,
  expect(marketStartAfterPast(delivery, 60)).toBe(iso("2018-03-21T13:15:00Z"));
  // and at 600 times, where homes would need two hours to boot and to watch, at 09:05.
  expect(marketStartAfterPast(delivery, 600)).toBe(iso("2018-03-21T13:05:00Z"));
});

test("48 hours of listings, a month of hours, and minutes before the first of them", () => {
  const { begin, end, range } = labPast(iso("2018-03-21T13:15:00Z"), 48);
  expect(begin).toBe(iso("2018-03-19T13:01:01Z"));
  expect(end).toBe(iso("2018-03-21T13:14:59Z"));
  expect(range).toEqual({
    ...{ from: end - 31 * 24 * HOUR_MS, fineFrom: begin - 2 * HOUR_MS, to: end },
  });
  // A short past still fills the page's day.
  expect(labPast(iso("2018-03-21T13:15:00Z"), 3).range.fineFrom).toBe(iso("2018-03-20T11:14:59Z"));
});

const state = (at: number, more: object = {}) => ({
  ...{ at, production: 0, load: 0, produced: 0, imported: 0, exported: 0, ...more },
});

test("an hour's power is from its counters, five minutes' is the mean of the minutes", () => {
  const ten = 10 * HOUR_MS;
  expect(
    powers([
      state(8 * HOUR_MS, { production: 9999, load: 9999 }),
      // An hour in which 700 Wh were made, 100 taken and 300 given.
      state(9 * HOUR_MS, { produced: 700, imported: 100, exported: 300 }),
      state(ten, { produced: 700, imported: 100, exported: 300, production: 100, load: 400 }),
      state(ten + MINUTE_MS, { production: 200, load: 400 }),
      state(ten + 5 * MINUTE_MS, { production: 50, load: 20 }),
    ]),
  ).toEqual([
    { at: 8 * HOUR_MS, production: 700, grid: -200 },
    { at: 9 * HOUR_MS, production: 0, grid: 0 },
    { at: ten, production: 150, grid: 250 },
    { at: ten + 5 * MINUTE_MS, production: 50, grid: -30 },
  ]);
});

test("a home without a roof has no inverter to tell of, and each its own hours", () => {
  const homes = labHomes(2);
  const [seller, buyer] = homes;
  if (seller === undefined || buyer === undefined) throw new Error("two homes");
  const statement = { sold: wh(1500), bought: wh(0), meteredImport: null, meteredExport: wh(1400) };
  const events = [
    {
      type: "listingFinished",
      listingId: listingId("21Mar18-08:00"),
      statements: [{ memberId: seller.memberId, ...statement }],
    },
  ] as unknown as readonly LedgerEvent[];
  const states = new Map(homes.map(({ name }) => [name, [state(0, { production: 5, load: 7 })]]));
  const told = [...pastHeard({ homes, states, events })].map(([topic, payload]) => [
    ...[parseTopic(topic)?.home, parseTopic(topic)?.kind],
    JSON.parse(payload).power_w ?? JSON.parse(payload).sold_kwh,
  ]);
  expect(told).toEqual([
    ["seller1", "deviceState", 2],
    ["seller1", "deviceState", 5],
    ["buyer1", "deviceState", 2],
    ["seller1", "hour", 1.5],
  ]);
  expect(samplesOf(buyer, [state(60_000, { imported: 5 })])).toEqual([
    { at: 60_000, produced: null, imported: 5, exported: 0 },
  ]);
});
