// The laboratory's own decisions: who lives there, when its market begins, what it prints and reports.

import { expect, test } from "vitest";
import { communityFile, toRules } from "../../../agent/config/communityFile.ts";
import { parseYaml } from "../../../agent/config/yamlFile.ts";
import { wh } from "../../../agent/core/units/energy.ts";
import { cost, milliTokensPerKwh } from "../../../agent/core/units/money.ts";
import { labCommunity } from "../../../agent/lab/community.ts";
import { labHomes } from "../../../agent/lab/homes.ts";
import { firstDelivery, marketStart, parseSamples } from "../../../agent/lab/marketStart.ts";
import { readOptions } from "../../../agent/lab/options.ts";
import { Deduplicator, type LabEvent, LabRecord, RootCheck } from "../../../agent/lab/record.ts";
import { listingResult, tokenTotals } from "../../../agent/lab/result.ts";
import { balancesLine, marketClock, timelineLines } from "../../../agent/lab/timeline.ts";

const names = (count: number) => labHomes(count).map((home) => home.name);

test("the paper's five, and about two sellers in five", () => {
  expect(names(5)).toEqual(["seller1", "seller2", "buyer1", "buyer2", "buyer3"]);
  expect(names(1)).toEqual(["seller1"]);
  expect(names(2)).toEqual(["seller1", "buyer1"]);
  // 2 x 7 / 5 = 2.8: three sellers
  expect(names(7).filter((name) => name.startsWith("seller"))).toHaveLength(3);
  const [first, second, third] = labHomes(5);
  expect(first?.pv).toEqual({ pvId: "seller1house", capacityW: 6400 });
  expect(second?.pv?.capacityW).toBe(4800);
  expect(third?.pv).toBeNull();
});

test("options have the defaults that were promised", () => {
  const read = readOptions({});
  expect(read).toMatchObject({
    ok: true,
    value: { hours: null, speed: 60, homes: 5, validators: 4, data: null, seed: 1, json: false },
  });
  // The paper's scenario is watched in real time; three homes have three validators.
  expect(readOptions({ scenario: "paper" })).toMatchObject({ ok: true, value: { speed: 1 } });
  expect(readOptions({ homes: "3" })).toMatchObject({ ok: true, value: { validators: 3 } });
});

test("wrong options are all told", () => {
  const raw = {
    hours: "0",
    speed: "fast",
    homes: "3",
    validators: "4",
    pv: "none.csv",
    seed: "-1",
  };
  const read = readOptions(raw, () => false);
  // Their order is no promise.
  expect(read.ok ? [] : [...read.problems].sort()).toEqual([
    "--hours 0: a whole number from 1 to 8784",
    "--pv none.csv: no such file",
    "--seed -1: a whole number from 0 to 4294967295",
    "--speed fast: a whole number from 1 to 3600",
    "--validators 4: a whole number from 1 to 3",
  ]);
  expect(readOptions({ scenario: "paper", hours: "4" })).toMatchObject({
    ok: false,
    problems: ["--hours: not with --scenario paper"],
  });
});

test("there is a page where somebody looks on, and where its port is said", () => {
  const port = (raw: Parameters<typeof readOptions>[0]) => {
    const read = readOptions(raw, () => true);
    return read.ok ? read.value.pagePort : read.problems;
  };
  expect([port({}), port({ manual: true }), port({ pagePort: "8090" })]).toEqual([
    8080, 8080, 8090,
  ]);
  expect([port({ hours: "1" }), port({ json: true }), port({ page: false })]).toEqual([
    ...[null, null, null],
  ]);
  expect(port({ hours: "1", json: true, pagePort: "8081" })).toBe(8081);
  expect(port({ page: false, pagePort: "8081" })).toEqual(["--page-port: not with --no-page"]);
  expect(port({ scenario: "paper" })).toBeNull();
  expect(port({ pagePort: "70000" })).toEqual([
    "--page-port 70000: a whole number from 1 to 65535",
  ]);
});

test("by hand there is REST on Composer's port, in real time, and nothing else", () => {
  const alone = { manual: true, portBase: 3000, speed: 1, homes: 5 };
  expect(readOptions({ manual: true })).toMatchObject({ ok: true, value: alone });
  expect(readOptions({})).toMatchObject({ value: { manual: false, portBase: null } });
  // Five homes end on 65 535.
  expect(readOptions({ portBase: "65531" })).toMatchObject({ value: { portBase: 65_531 } });
  const wrong = readOptions({ manual: true, portBase: "65532", hours: "1", speed: "60" });
  expect(wrong.ok ? [] : [...wrong.problems].sort()).toEqual([
    "--hours: not with --manual",
    "--port-base 65532: a whole number from 1 to 65531",
    "--speed: not with --manual",
  ]);
  expect(readOptions({ manual: true, scenario: "paper" })).toMatchObject({
    problems: ["--manual: not with --scenario paper"],
  });
});

test("without a recording the market begins on the paper's day", () => {
  const delivery = firstDelivery(null);
  expect(new Date(delivery).toISOString()).toBe("2018-03-21T14:00:00.000Z");
  // Speed 60: 1 min for the cut-off, then the longer of 44 min and 60 x 10 s + 22 min = 32 min.
  expect(new Date(marketStart(delivery, 60)).toISOString()).toBe("2018-03-21T13:15:00.000Z");
  // Speed 600: 600 x 10 s = 100 min, and 22 min, and 1 min: 123 min before 14:00.
  expect(new Date(marketStart(delivery, 600)).toISOString()).toBe("2018-03-21T11:57:00.000Z");
});

/** Hourly samples of `days` days from 2016-06-01 on: day i makes peak(i) W from 16:00Z until 20:00Z. */
function recording(days: number, peak: (day: number) => number | null): string {
  const lines = ["timestamp,power_w"];
  for (let hour = 0; hour < days * 24; hour += 1) {
    const at = new Date(Date.parse("2016-06-01T00:00:00Z") + hour * 3_600_000);
    const isDay = at.getUTCHours() >= 16 && at.getUTCHours() <= 20;
    const watts = isDay ? peak(Math.floor(hour / 24)) : 0;
    lines.push(`${at.toISOString().slice(0, 19)}Z,${watts ?? ""}`);
  }
  return lines.join("\n");
}

test("with a recording it begins two hours before the middle of an upper-quartile day", () => {
  // Days run from night to night, 06:00Z; the ninth ends at 24:00Z and so is not whole. Of the other eight
  // in ascending order the one at floor(8 x 3 / 4) = 6 is the 7th.
  const samples = parseSamples(recording(9, (day) => 1000 * (day + 1)));
  // It produces from 16:00Z to 20:00Z, middle 18:00Z.
  expect(new Date(firstDelivery(samples)).toISOString()).toBe("2016-06-07T16:00:00.000Z");
});

test("days with gaps are not chosen", () => {
  // The 7th has unknown values, so of the other 7 the one at floor(7 x 3 / 4) = 5, the 6th.
  const samples = parseSamples(recording(9, (day) => (day === 6 ? null : 1000 * (day + 1))));
  expect(new Date(firstDelivery(samples)).toISOString()).toBe("2016-06-06T16:00:00.000Z");
  expect(() => firstDelivery(parseSamples(recording(3, () => 0)))).toThrow("no complete day");
});

test("a day is found also where it spans midnight UTC", () => {
  // 22:00Z to 02:00Z: an afternoon in the west. 3 equal days; the middle is midnight.
  const lines = recording(4, () => 0)
    .split("\n")
    .map((line) => (/T(?:22|23|00|01|02):/.test(line) ? line.replace(/,.*/, ",2000") : line));
  const delivery = new Date(firstDelivery(parseSamples(lines.join("\n"))));
  expect(delivery.getUTCHours()).toBe(22);
});

test("the community's bounds grow with the speed and stay within the schema", () => {
  const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const publicKey = Uint8Array.from(Buffer.from(key, "hex"));
  const validators = [{ memberId: "seller1@vt.edu", publicKey }];
  // At 10 times: 5 s are 50 s of market time, and a second more for the seal.
  for (const [speed, precision, delay, receipts, seal] of [
    [1, 1000, 4000, 5000, 15_000],
    [2, 2000, 8000, 10_000, 15_000],
    [10, 10_000, 40_000, 50_000, 60_000],
    [60, 60_000, 240_000, 240_000, 300_000],
    [3600, 600_000, 3_600_000, 240_000, 300_000],
  ] as const) {
    const lab = { speed, schedule: "hourly", caPublicKey: publicKey, validators } as const;
    const text = JSON.stringify(labCommunity({ ...lab, administrator: null }));
    const read = parseYaml({ file: "community.json", text, schema: communityFile });
    if (!read.ok) expect.fail(JSON.stringify(read.problems));
    const rules = toRules(read.value.value);
    expect(rules.agreement).toMatchObject({ precision, messageDelay: delay });
    expect(rules.timeline.closeWithin).toBe(speed === 1 ? 0 : 600_000);
    expect(rules.timeline).toMatchObject({ receiptsWithin: receipts, sealAfter: seal });
    expect(rules.guard).toBe(true);
  }
});

const LISTING = "21Mar18-13:00";
const event = (json: object) => json as LabEvent;
const closed = event({
  ...{ type: "biddingClosed", listingId: LISTING, mcp: 3000, resultHash: "00" },
  fills: [
    { seller: "seller1@vt.edu", pvId: "a", buyer: "buyer1@vt.edu", energy: 5000, price: 3000 },
    { seller: "seller2@vt.edu", pvId: "b", buyer: "buyer2@vt.edu", energy: 1250, price: 3000 },
  ],
});
const finished = event({
  ...{ type: "listingFinished", listingId: LISTING },
  statements: [
    { memberId: "buyer1@vt.edu", sold: 0, bought: 5000, meteredImport: 4870, meteredExport: 0 },
    { memberId: "seller1@vt.edu", sold: 5000, bought: 0, meteredImport: null, meteredExport: null },
  ],
});
const created = event({ type: "listingCreated", listing: { listingId: LISTING } });

test("the timeline's lines", () => {
  // 3 tokens/kWh x 5 kWh = 15 tokens; 3 x 1.25 = 3.75; 5 + 1.25 = 6.25 kWh
  expect(timelineLines(closed)).toEqual([
    "21Mar18-13:00  closed: MCP 3 tokens/kWh, 6.25 kWh sold",
    "    seller1 -> buyer1: 5 kWh for 15 tokens",
    "    seller2 -> buyer2: 1.25 kWh for 3.75 tokens",
  ]);
  expect(cost(milliTokensPerKwh(3000), wh(1250))).toBe(3_750_000n);
  expect(timelineLines(finished)).toEqual([
    "21Mar18-13:00  delivered and metered:",
    "    buyer1: sold 0, bought 5; exported 0, imported 4.87 kWh",
    "    seller1: sold 5, bought 0; exported not metered, imported not metered kWh",
  ]);
  expect(timelineLines(event({ ...closed, mcp: null, fills: [] }))).toEqual([
    "21Mar18-13:00  closed without a bid",
  ]);
  const balances = new Map([
    ["seller1@vt.edu", "218000000"],
    ["buyer1@vt.edu", "185500000"],
  ]);
  expect(balancesLine(balances)).toBe("balances: buyer1 185.5, seller1 218");
  // 16:59:30Z is 12:59:30 daylight time in New York.
  const at = Date.parse("2018-03-21T16:59:30Z");
  expect(marketClock(at, "America/New_York")).toBe("12:59:30");
});

test("each event is news once, whoever tells it first, and equal ones in a block are two", () => {
  const news = new Deduplicator();
  expect(news.isNew("a", 1)).toBe(true);
  expect(news.isNew("a", 1)).toBe(true);
  expect(news.isNew("b", 1)).toBe(false);
  expect(news.isNew("b", 1)).toBe(false);
  // b is ahead of a in this block, and a catches up.
  expect(news.isNew("b", 1)).toBe(true);
  expect(news.isNew("a", 1)).toBe(false);
  expect(news.isNew("b", 2)).toBe(true);
  expect(news.isNew("a", 2)).toBe(false);
  // A late joiner tells old heights.
  expect(news.isNew("c", 1)).toBe(false);
});

test("a listing's record, from its opening until it is metered", () => {
  const record = new LabRecord();
  record.add(finished);
  expect(record.listings.size).toBe(0);
  record.add(created);
  record.add(closed);
  expect(record.isFinished(1)).toBe(false);
  record.add(finished);
  expect(record.isFinished(1)).toBe(true);
  expect(record.isFinished(2)).toBe(false);
  const listing = record.listings.get(LISTING);
  if (listing === undefined) expect.fail("it was opened");
  expect(listingResult(listing)).toMatchObject({
    ...{ listingid: LISTING, state: "AUCTION_CLOSED", mcp: 3, soldKwh: 6.25 },
    metered: { "buyer1@vt.edu": { importKwh: 4.87, exportKwh: 0 } },
  });
  // Who was not metered is not in it.
  expect(Object.keys(listingResult(listing).metered)).toEqual(["buyer1@vt.edu"]);
});

test("a void listing is over when its hour is", () => {
  const record = new LabRecord();
  record.add(created);
  record.add(event({ type: "listingVoided", listingId: LISTING }));
  expect(record.isFinished(1)).toBe(false);
  record.add(finished);
  expect(record.isFinished(1)).toBe(true);
  expect(record.listings.get(LISTING)?.state).toBe("VOID");
});

test("two homes with different roots at one height are told", () => {
  const check = new RootCheck();
  const block = (height: number, stateRoot: string) =>
    ({ type: "block", height, stateRoot }) as Parameters<RootCheck["differs"]>[1];
  expect(check.differs("a", block(1, "x"))).toBeNull();
  expect(check.differs("b", block(1, "x"))).toBeNull();
  expect(check.differs("c", block(1, "y"))).toContain("height 1: a x, c y");
});

test("tokens are added in micro-tokens, not in floating point", () => {
  const status = {
    ...{ home: "a", height: 1, stateRoot: "x", issued: "0.3" },
    balances: { a: "0.1", b: "0.2" },
  };
  // 0.1 + 0.2 is 0.30000000000000004 in floating point.
  expect(tokenTotals(status)).toEqual({ issued: 0.3, sum: 0.3 });
});
