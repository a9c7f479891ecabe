// What the page knows after it was told: by topics, by frames, by REST; twice, late, or nonsense.

import { describe, expect, test } from "vitest";
import { applyFrame } from "../../../../../broker/dashboard/page/state/fromFrame.ts";
import { applyRecorded } from "../../../../../broker/dashboard/page/state/fromRecorder.ts";
import {
  applyHistorian,
  applyHours,
  applyListings,
  applyMembers,
  applyPvs,
} from "../../../../../broker/dashboard/page/state/fromRest.ts";
import { applyTopic } from "../../../../../broker/dashboard/page/state/fromTopic.ts";
import { TEXT_MAX } from "../../../../../broker/dashboard/page/state/json.ts";
import {
  BLOCKS_MAX,
  HEARD_MAX,
  HOMES_MAX,
  LISTINGS_MAX,
  MEMBERS_MAX,
  METERS_MAX,
  ORDERS_MAX,
  SAMPLES_MAX,
} from "../../../../../broker/dashboard/page/state/limits.ts";
import { emptyNeighbourhood, homeNamed } from "../../../../../broker/dashboard/page/state/model.ts";
import {
  addTrades,
  nameOf,
  ofThisMonth,
  ofToday,
  powerOf,
  sumsOf,
  tradesOf,
} from "../../../../../broker/dashboard/page/views/derive.ts";
import { problemsOf } from "../../../../../broker/dashboard/page/views/problems.ts";

const ID = "21Mar18-13:00";
const NS = "org.acme.pv.auction";
const state = () => emptyNeighbourhood("America/New_York");
const of = (type: string, id: string) => `resource:${NS}.${type}#${id}`;

function offer(kWh: number, eventId: string) {
  return {
    ...{ $class: `${NS}.PVOffer`, reservePrice: 2, kWhavailable: kWh },
    ...{ listingid: of("kWhlisting", ID), pv: of("PV", "seller1house") },
    ...{ transactionId: "aa", eventId, timestamp: "2018-03-21T16:10:00.000Z" },
  };
}

describe("a frame", () => {
  test("counts once, however many homes tell it", () => {
    const known = state();
    expect(applyFrame(known, offer(6, "aa#0"))).toBe(true);
    expect(applyFrame(known, offer(2, "bb#0"))).toBe(true);
    // A slower home tells the first one again.
    expect(applyFrame(known, offer(6, "aa#0"))).toBe(false);
    expect(known.listings.get(ID)?.offers.get("seller1house")?.kWh).toBe(2);
    applyFrame(known, offer(0, "cc#0"));
    expect(known.listings.get(ID)?.offers.size).toBe(0);
  });

  test("of the close has the price and who sold to whom", () => {
    const known = state();
    applyFrame(known, {
      ...{ $class: `${NS}.CloseBidding`, listingid: of("kWhlisting", ID), state: "AUCTION_CLOSED" },
      mcp: 3,
      fills: [
        {
          ...{ seller: of("Member", "seller1@vt.edu"), pv: of("PV", "seller1house") },
          ...{ buyer: of("Member", "buyer1@vt.edu"), kWh: 5, price: 3 },
        },
      ],
    });
    const listing = known.listings.get(ID);
    expect(listing).toMatchObject({ state: "AUCTION_CLOSED", mcp: 3 });
    expect(listing?.fills).toEqual([
      { seller: "seller1@vt.edu", pv: "seller1house", buyer: "buyer1@vt.edu", kWh: 5, price: 3 },
    ]);
    // A late word of its opening does not open it again.
    applyFrame(known, {
      $class: `${NS}.AcceptOfferBroadcast`,
      listingid: of("kWhlisting", ID),
      eventId: "x#0",
    });
    expect(listing?.state).toBe("AUCTION_CLOSED");
  });

  test("of a balance has what is reserved", () => {
    const known = state();
    applyFrame(known, {
      ...{ $class: `${NS}.BalanceChanged`, member: of("Member", "a@b.c") },
      ...{ balance: 218.5, reserved: 15 },
    });
    expect(known.members.get("a@b.c")).toMatchObject({ balance: 218.5, reserved: 15 });
  });

  test("that is none changes nothing", () => {
    const known = state();
    for (const frame of [{}, { $class: 5 }, { $class: `${NS}.PVOffer`, listingid: "nowhere" }]) {
      expect(applyFrame(known, frame)).toBe(false);
    }
    expect(known.listings.size).toBe(0);
  });
});

describe("a topic", () => {
  const say = (known: ReturnType<typeof state>, topic: string, value: unknown) =>
    applyTopic(
      known,
      `pvtrading/${topic}`,
      typeof value === "string" ? value : JSON.stringify(value),
    );
  const inverter = (at: string, power: number | null, running = "producing") => ({
    ...{ at, kind: "inverter", source: "F 1", state: running, power_w: power, energy_total_kwh: 9 },
  });
  const meter = (power: number) => ({
    ...{ at: "2018-03-21T16:00:00.000Z", kind: "meter", source: "M", power_w: power },
    ...{ import_total_kwh: 1, export_total_kwh: 2 },
  });

  test("of devices says what roof and house do", () => {
    const known = state();
    say(known, "seller1/device/roof/state", inverter("2018-03-21T16:00:00.000Z", 3200));
    say(known, "seller1/device/grid/state", meter(-2600));
    const home = known.homes.get("seller1");
    expect(home && powerOf(home)).toMatchObject({ production: 3200, grid: -2600, use: 600 });
    say(known, "seller1/device/roof/state", inverter("2018-03-21T23:00:00.000Z", null, "asleep"));
    say(known, "seller1/device/grid/state", meter(400));
    expect(home && powerOf(home)).toMatchObject({ production: 0, use: 400, isAsleep: true });
    // Not known is never 0.
    say(known, "seller1/device/roof/state", inverter("2018-03-21T23:10:00.000Z", null, "unknown"));
    expect(home && powerOf(home)).toMatchObject({ production: null, use: null });
  });

  test("of a home without a roof", () => {
    const known = state();
    say(known, "buyer1/device/grid/state", meter(700));
    const home = known.homes.get("buyer1");
    expect(home && powerOf(home)).toMatchObject({ production: null, use: 700, hasInverter: false });
  });

  test("of a device that is gone, and back", () => {
    const known = state();
    say(known, "a/device/roof/availability", "offline");
    say(known, "a/device/roof/error", { at: "", code: "unreachable", text: "no answer" });
    const device = known.homes.get("a")?.devices.get("roof");
    expect(device).toMatchObject({ isOnline: false, error: { code: "unreachable" } });
    say(known, "a/device/roof/error", "");
    say(known, "a/device/roof/availability", "online");
    expect(device).toMatchObject({ isOnline: true, error: null });
  });

  test("of a listing from a home that is behind changes nothing", () => {
    const known = state();
    const listing = {
      ...{ at: "", listingid: ID, deliveryStart: "2018-03-21T17:00:00.000Z" },
      ...{ opensAt: null, cutoffAt: "2018-03-21T16:59:00.000Z", clearsAt: null },
      ...{ endsAt: "2018-03-21T18:00:00.000Z", offers: 2, bids: 3, offered_kwh: 12 },
      ...{ wanted_kwh: 9, traded_kwh: 9, fillCount: 0, fills: [] },
    };
    say(known, "a/listing", { ...listing, state: "AUCTION_CLOSED", mcp: 3 });
    expect(known.listings.get(ID)?.isByHand).toBe(false);
    expect(say(known, "b/listing", { ...listing, state: "ACCEPT_OFFERS", mcp: null })).toBe(false);
    const found = known.listings.get(ID);
    expect(found).toMatchObject({ state: "AUCTION_CLOSED", mcp: 3 });
    say(known, "a/listing", { ...listing, state: "AUCTION_CLOSED", mcp: 3, cutoffAt: null });
    expect(found?.isByHand).toBe(true);
    expect(found && sumsOf(found)).toMatchObject({ offers: 2, offeredKwh: 12, wantedKwh: 9 });
  });

  test("of a balance says what is reserved, which REST does not", () => {
    const known = state();
    say(known, "a/health", { memberId: "a@b.c" });
    say(known, "a/balance", { at: "", balance: 191.5, reserved: 9 });
    applyMembers(known, [{ email: "a@b.c", balance: 191.5, firstName: "A", lastName: "B" }]);
    expect(known.members.get("a@b.c")).toMatchObject({ balance: 191.5, reserved: 9 });
  });

  test("that is none, or nonsense, changes nothing", () => {
    const known = state();
    expect(applyTopic(known, "elsewhere/a/status", "online")).toBe(false);
    expect(say(known, "a/hour", "{")).toBe(false);
    expect(say(known, "a/set/offer", { token: "x" })).toBe(false);
    expect(say(known, "a/ledger", "[]")).toBe(false);
  });

  test("of more homes than a street has is not heard", () => {
    const known = state();
    for (let i = 0; i < HOMES_MAX + 10; i += 1) say(known, `h${i}/status`, "online");
    expect(known.homes.size).toBe(HOMES_MAX);
  });

  test("of readings for weeks does not grow", () => {
    const known = state();
    for (let i = 0; i < SAMPLES_MAX * 2; i += 1) {
      say(known, "a/device/roof/state", inverter(new Date(i * 60_000).toISOString(), i));
    }
    const samples = known.homes.get("a")?.devices.get("roof")?.samples ?? [];
    expect(samples.length).toBeLessThanOrEqual(SAMPLES_MAX);
    expect(samples.at(-1)?.w).toBe(SAMPLES_MAX * 2 - 1);
  });

  test("of health and ledger says which home is behind, and why", () => {
    const known = state();
    const ledger = (height: number, stateRoot: string, peers = ["x"]) => ({
      ...{ height, blockId: `b${height}`, stateRoot, time: null, peers, validators: [] },
      evidence: [],
    });
    say(known, "a/ledger", ledger(10, "r10"));
    say(known, "b/ledger", ledger(7, "r7"));
    say(known, "b/health", { memberId: "b@c", clock_synchronised: false, caught_up: false });
    say(known, "c/ledger", ledger(10, "other"));
    say(known, "d/status", "offline");
    const keys = (name: string) => {
      const home = known.homes.get(name);
      return home === undefined ? [] : problemsOf(known, home).map(({ key }) => key);
    };
    expect(keys("a")).toEqual(["problemFork"]);
    expect(keys("b")).toEqual(["problemClock", "problemBehind"]);
    expect(keys("d")).toEqual(["problemOffline"]);
    say(known, "c/ledger", ledger(10, "r10", []));
    expect(keys("a")).toEqual([]);
    expect(keys("c")).toEqual(["problemAlone"]);
  });
});

test("the registries are read as Tables II to IV have them", () => {
  const known = state();
  applyMembers(known, [
    { $class: `${NS}.Member`, balance: 218, email: "s@vt.edu", firstName: "Ann", lastName: "Lee" },
  ]);
  applyPvs(known, [{ $class: `${NS}.PV`, PVid: "house", owner: of("Member", "s@vt.edu") }]);
  applyListings(known, [
    {
      ...{ $class: `${NS}.kWhlisting`, listingid: ID, state: "AUCTION_CLOSED", mcp: 3 },
      pvoffers: [offer(6, "aa#0")],
      buyoffers: [],
      fills: [
        {
          seller: of("Member", "s@vt.edu"),
          pv: of("PV", "house"),
          buyer: "b",
          kWh: 1.001,
          price: 3,
        },
        {
          seller: of("Member", "s@vt.edu"),
          pv: of("PV", "house"),
          buyer: "c",
          kWh: 0.002,
          price: 3,
        },
      ],
    },
  ]);
  applyHistorian(known, [
    { transactionId: "1", transactionType: `${NS}.PVOffer`, participantInvoking: "x#s@vt.edu" },
    { transactionId: "2", transactionType: "org.hyperledger.composer.system.AddAsset" },
  ]);
  expect(nameOf(known, "s@vt.edu")).toBe("Ann Lee");
  expect(nameOf(known, "nobody@vt.edu")).toBe("nobody");
  expect(known.historian.map(({ type }) => type)).toEqual(["AddAsset", "PVOffer"]);
  applyTopic(known, "pvtrading/s/health", JSON.stringify({ memberId: "s@vt.edu" }));
  const home = known.homes.get("s");
  const trades = home === undefined ? [] : tradesOf(known, home);
  // 1.001 x 1000 is 1000.9999999999999 in a browser.
  expect(trades).toMatchObject([{ sold: 1.003, earned: 3.009 }]);
  expect(addTrades(trades)).toEqual({ sold: 1.003, bought: 0, earned: 3.009, spent: 0 });
});

test("what was recorded while a device's clock was wrong hides nothing that it says now", () => {
  const known = state();
  const said = { kind: "meter", source: "", import_total_kwh: 1, export_total_kwh: 1 };
  const text = JSON.stringify({ ...said, at: "1970-01-01T00:10:00Z", power_w: 7 });
  applyTopic(known, "pvtrading/a/device/grid/state", text);
  const samples = [
    [300_000, 6],
    [Date.parse("2099-01-01T00:00:00Z"), 9],
  ];
  applyRecorded(known, "a", { devices: [{ device: "grid", samples }], hours: [] });
  expect(known.homes.get("a")?.devices.get("grid")?.samples).toEqual([
    { at: 300_000, w: 6 },
    { at: 600_000, w: 7 },
  ]);
});

test("what was recorded comes before what is heard live, and does not replace it", () => {
  const known = state();
  const sample = (at: string, w: number) => ({
    ...{ at, kind: "meter", source: "", power_w: w, import_total_kwh: 1, export_total_kwh: 1 },
  });
  applyTopic(
    known,
    "pvtrading/a/device/grid/state",
    JSON.stringify(sample("1970-01-01T00:10:00Z", 7)),
  );
  applyRecorded(known, "a", {
    devices: [
      {
        device: "grid",
        samples: [
          [0, 5],
          [300_000, 6],
          ["x", null],
        ],
      },
    ],
    hours: [[ID, 1, 2, null, 4], ["21Mar18-14:00"], 5],
  });
  expect(known.homes.get("a")?.devices.get("grid")?.samples).toEqual([
    { at: 0, w: 5 },
    { at: 300_000, w: 6 },
    { at: 600_000, w: 7 },
  ]);
  expect(known.homes.get("a")?.hours.get(ID)).toMatchObject({ sold_kwh: 1, bought_kwh: 2 });
});

test("today and this month are the community's, by what the ledger has of each hour", () => {
  const known = state();
  homeNamed(known, "s").memberId = "s@vt.edu";
  const row = (listingid: string, soldKwh: number, earned: number) => ({
    ...{ listingid, mcp: 3, soldKwh, boughtKwh: 0.1, earned, spent: 0.25 },
  });
  applyHours(known, "s", [
    ...[row("28Feb18-23:00", 1, 3), row("01Mar18-00:00", 2, 6), row("31Mar18-22:00", 4, 12)],
    ...[row("31Mar18-23:00", 8, 24), row("01Apr18-00:00", 16, 48)],
    // Not ours, or not whole.
    ...[row("soon", 32, 96), { listingid: "31Mar18-21:00", soldKwh: 64 }],
  ]);
  const home = known.homes.get("s");
  const sums = (now: string, of: typeof ofToday) => {
    const trades = home === undefined ? [] : tradesOf(known, home);
    return addTrades(of(trades, Date.parse(now), "America/New_York"));
  };
  // 23:30 on 31 March in New York: the first of April's listings is closed already and belongs to tomorrow.
  const evening = "2018-04-01T03:30:00Z";
  expect(sums(evening, ofToday)).toEqual({ sold: 12, bought: 0.2, earned: 36, spent: 0.5 });
  expect(sums(evening, ofThisMonth)).toEqual({ sold: 14, bought: 0.3, earned: 42, spent: 0.75 });
  const night = "2018-04-01T04:00:00Z";
  for (const of of [ofToday, ofThisMonth]) {
    expect(sums(night, of)).toEqual({ sold: 16, bought: 0.1, earned: 48, spent: 0.25 });
  }
  expect(sums("2018-03-01T04:59:59Z", ofThisMonth)).toMatchObject({ sold: 1 });
});

test("the fills of an hour come before its row, its row before the home's word, which knows no money", () => {
  const known = state();
  homeNamed(known, "s").memberId = "s@vt.edu";
  const said = (listingid: string) => [listingid, 9, 0, null, null];
  applyRecorded(known, "s", {
    hours: ["21Mar18-08:00", "21Mar18-09:00", "21Mar18-10:00"].map(said),
  });
  const row = { mcp: 3, boughtKwh: 0, earned: 6, spent: 0, soldKwh: 2 };
  applyHours(known, "s", [
    { ...row, listingid: "21Mar18-07:00" },
    { ...row, listingid: "21Mar18-09:00" },
    { ...row, listingid: "21Mar18-10:00" },
  ]);
  const fill = { seller: "s@vt.edu", pv: "house", buyer: "b", kWh: 1, price: 4 };
  const closed = { state: "AUCTION_CLOSED", pvoffers: [], buyoffers: [], fills: [fill] };
  applyListings(known, [{ ...closed, listingid: "21Mar18-10:00" }]);
  const home = known.homes.get("s");
  const trades = home === undefined ? [] : tradesOf(known, home);
  expect(trades.map(({ listingId, sold, earned }) => [listingId, sold, earned])).toEqual([
    ...[["21Mar18-07:00", 2, 6] as const, ["21Mar18-08:00", 9, null] as const],
    ...[["21Mar18-09:00", 2, 6] as const, ["21Mar18-10:00", 1, 4] as const],
  ]);
  // What one hour brought is not known, so the sum is not.
  expect(addTrades(trades)).toEqual({ sold: 14, bought: 0, earned: null, spent: 0 });
});

describe("what no home should say", () => {
  const say = (known: ReturnType<typeof state>, topic: string, value: unknown, now?: number) =>
    applyTopic(known, `pvtrading/${topic}`, JSON.stringify(value), now);
  const ledger = (height: unknown, more: object = {}) => ({
    ...{ height, blockId: "b", stateRoot: `r${String(height)}`, time: null },
    ...{ peers: ["x"], validators: [], evidence: [], ...more },
  });

  test("leaves what it said before", () => {
    const known = state();
    say(known, "a/ledger", ledger(7));
    for (const wrong of [
      ...[ledger("7"), ledger(null), ledger(1e300), ledger(8, { peers: "x" })],
      ...[ledger(8, { peers: [5] }), ledger(8, { stateRoot: {} }), [], 5, null, "text"],
    ]) {
      expect(say(known, "a/ledger", wrong)).toBe(false);
    }
    expect(known.homes.get("a")?.ledger?.height).toBe(7);
    say(known, "a/balance", { balance: "5", reserved: 0 });
    say(known, "a/hour", { listingid: "<b>", sold_kwh: 1, bought_kwh: 1 });
    expect(known.homes.get("a")).toMatchObject({ balance: null, hours: new Map() });
  });

  test("of evidence keeps the rows that are some", () => {
    const known = state();
    const one = { kind: "doubleVote", offender: "x", subject: "prevote 1/0" };
    say(known, "a/ledger", ledger(7, { evidence: [5, {}, { ...one, subject: 3 }, one] }));
    expect(known.homes.get("a")?.ledger?.evidence).toEqual([one]);
  });

  test("is cut, and turns or hides nothing round it", () => {
    const known = state();
    const text = `a\u0000b\u202ec${"d".repeat(9000)}`;
    say(known, "a/health", { memberId: "a@b", halted: text, quarantined: "Z\u0300".repeat(2) });
    const halted = known.homes.get("a")?.health?.halted ?? "";
    expect(halted.slice(0, 6)).toBe("a b cd");
    expect(halted).toHaveLength(TEXT_MAX + 1);
    expect(known.homes.get("a")?.health?.quarantined).toBe("Z\u0300Z\u0300");
  });

  test("is no other home's member, nor the one that the page's server names", () => {
    const known = state();
    homeNamed(known, "a").memberId = "a@b";
    say(known, "a/health", { memberId: "c@d" });
    say(known, "x/health", { memberId: "a@b" });
    say(known, "x/balance", { balance: 1, reserved: 0 });
    expect(known.homes.get("a")?.memberId).toBe("a@b");
    expect(known.members.size).toBe(0);
  });

  test("does not use up the event that others tell rightly", () => {
    const known = state();
    expect(applyFrame(known, { ...offer(6, "aa#0"), kWhavailable: "6" })).toBe(false);
    expect(applyFrame(known, offer(6, "aa#0"))).toBe(true);
  });

  test("opens no hour that nobody can be trading, and changes none that was read", () => {
    const known = state();
    const now = Date.parse("2018-03-21T16:30:00Z");
    const open = { $class: `${NS}.AcceptOfferBroadcast`, listingid: "31Dec99-23:00" };
    expect(applyFrame(known, open, now)).toBe(false);
    const row = { listingid: ID, state: "AUCTION_CLOSED", mcp: 3, fills: [] };
    // Said to be void before it was read.
    applyFrame(known, { $class: `${NS}.CloseBidding`, listingid: ID, state: "VOID" }, now);
    expect([...known.justClosed]).toEqual([ID]);
    applyListings(known, [{ ...row, pvoffers: [], buyoffers: [] }]);
    applyFrame(known, { $class: `${NS}.CloseBidding`, listingid: ID, mcp: 99, fills: [] }, now);
    expect(known.listings.get(ID)).toMatchObject({ state: "AUCTION_CLOSED", mcp: 3 });
    expect(known.listings.size).toBe(1);
  });

  test("of clocks: a reading from far ahead is not heard, one set back begins anew", () => {
    const known = state();
    const now = Date.parse("2018-03-21T16:00:00Z");
    const read = (at: string, w: number) =>
      say(
        known,
        "a/device/grid/state",
        { at, kind: "meter", source: "", power_w: w, import_total_kwh: 1, export_total_kwh: 1 },
        now,
      );
    expect(read("2099-01-01T00:00:00Z", 1)).toBe(false);
    read("2018-03-21T16:00:00Z", 2);
    read("2018-03-22T16:00:00Z", 3);
    read("2018-03-21T16:05:00Z", 4);
    const samples = known.homes.get("a")?.devices.get("grid")?.samples ?? [];
    expect(samples.map(({ w }) => w)).toEqual([2, 4]);
  });

  test("puts the others neither behind nor on a fork", () => {
    const known = state();
    for (const home of ["a", "b", "c"]) say(known, `${home}/ledger`, ledger(10));
    say(known, "liar/ledger", ledger(900_000));
    const keys = (name: string) => {
      const home = known.homes.get(name);
      return home === undefined ? [] : problemsOf(known, home).map(({ key }) => key);
    };
    expect([keys("a"), keys("liar")]).toEqual([[], []]);
    say(known, "liar/ledger", ledger(10, { stateRoot: "another" }));
    expect([keys("a"), keys("liar")]).toEqual([[], ["problemFork"]]);
  });

  test("does not grow: 100 000 messages", () => {
    const known = state();
    for (let i = 0; i < 25_000; i += 1) {
      const listingid = `${String((i % 28) + 1).padStart(2, "0")}Mar${String(i % 90).padStart(2, "0")}-13:00`;
      say(known, "a/ledger", ledger(i));
      applyFrame(known, {
        ...{ $class: `${NS}.BUYOffer`, listingid: ID, member: `m${i}`, BidPrice: 3 },
        ...{ kWhQuantity: 1, transactionId: `${i}`, eventId: `${i}` },
      });
      applyFrame(known, { $class: `${NS}.BalanceChanged`, member: `m${i}`, balance: i });
      applyFrame(known, { $class: `${NS}.AcceptOfferBroadcast`, listingid });
      applyFrame(known, { $class: `${NS}.MeterReading`, listingid: ID, member: `m${i}` });
    }
    expect(known.listings.get(ID)?.bids.size ?? 0).toBeLessThanOrEqual(ORDERS_MAX);
    expect(known.listings.size).toBe(LISTINGS_MAX);
    expect(known.members.size).toBe(MEMBERS_MAX);
    expect(known.heard.size).toBe(HEARD_MAX);
    expect(known.blocks.size).toBe(BLOCKS_MAX);
    expect(known.meters.size).toBe(METERS_MAX);
  });
});
