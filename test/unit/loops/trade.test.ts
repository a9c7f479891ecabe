// One home's trade loop on a real ledger, a real meter loop and scripted devices.

import { describe, expect, it } from "vitest";
import type { Rules } from "../../../agent/core/ledger/rules.ts";
import type { Payload } from "../../../agent/core/ledger/transaction.ts";
import type { TradingLimits } from "../../../agent/core/trading/limits.ts";
import { watts, wh } from "../../../agent/core/units/energy.ts";
import { listingId, pvId } from "../../../agent/core/units/ids.ts";
import { type DurationMs, HOUR_MS, SECOND_MS, unixMs } from "../../../agent/core/units/time.ts";
import { createMeterLoop } from "../../../agent/loops/meter.ts";
import { purposeOf } from "../../../agent/loops/outbox.ts";
import { createTradeLoop } from "../../../agent/loops/trade.ts";
import type { RegisterSample } from "../../../agent/ports.ts";
import {
  createFakeClock,
  createFakeDevice,
  createMemoryStore,
  createRecordingLog,
  createRecordingPublisher,
  inverterReading,
  meterReading,
  unreachable,
} from "../../support/fakes.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  testCard,
} from "../../support/ledger.ts";

const SELLER = "seller1@vt.edu";
const OTHER = "seller2@vt.edu";
const time = (clock: string) => Date.parse(`2026-06-01T${clock}Z`);
/** Delivers from 11:00 to 12:00 UTC, 07:00 in New York: opens at 10:01, cut off at 10:59. */
const ELEVEN = "01Jun26-07:00";
const LIMITS: TradingLimits = {
  sell: { reservePrice: perKwh(2), mostEnergy: kwh(10) },
  buy: { bidPrice: perKwh(4), mostEnergy: kwh(10) },
};

type HomeOptions = {
  readonly chain?: TestChain;
  readonly rules?: Rules;
  readonly start?: string;
  readonly limits?: TradingLimits;
  readonly hasPv?: boolean;
  readonly registersItself?: boolean;
  readonly stored?: readonly RegisterSample[];
};

/** A home at 09:30 that makes 60 Wh and uses 12 Wh a minute, in steps of 10 s, unless `flows` is changed. */
function openHome(options: HomeOptions = {}) {
  const { hasPv = true, limits = LIMITS, start = "09:30" } = options;
  const chain = options.chain ?? new TestChain(options.rules ?? makeRules());
  const clock = createFakeClock(time(start));
  const log = createRecordingLog();
  const publisher = createRecordingPublisher();
  // Wh in 10 s; counters as at 09:30.
  const flows = { made: hasPv ? 10 : 0, used: 2 };
  const counters = { produced: 5000, imported: 800, exported: 100 };
  let counted = time("09:30");
  const count = (): void => {
    for (; counted + 10_000 <= clock.now(); counted += 10_000) {
      const excess = flows.made - flows.used;
      counters.produced += flows.made;
      counters.exported += Math.max(0, excess);
      counters.imported += Math.max(0, -excess);
    }
  };
  const roof = createFakeDevice("roof", "inverter", () => {
    count();
    return inverterReading(counters.produced);
  });
  const readGrid = () => {
    count();
    return meterReading(counters.imported, counters.exported);
  };
  const grid = createFakeDevice("grid", "meter", readGrid);
  const store = createMemoryStore();
  store.saveSamples(options.stored ?? []);
  const meter = createMeterLoop({
    ...{ clock, publisher, log, store },
    devices: hasPv ? [roof, grid] : [grid],
    pollInterval: (10 * SECOND_MS) as DurationMs,
    pvCapacity: watts(5000),
  });
  const submitted: Payload[] = [];
  /** Whether the home knows what the ledger says of it. */
  const gate = { mayOffer: true, freeNumber: 1 };
  const pending = new Map<string, Payload>();
  const trade = createTradeLoop({
    ...{ rules: chain.rules, signer: testCard(SELLER), clock, publisher, log, meter, limits },
    member: { firstName: "Sel", lastName: "Ler" },
    registersItself: options.registersItself ?? true,
    pv: hasPv ? { pvId: pvId("seller1house"), capacity: watts(5000) } : null,
    ledger: () => chain.state,
    isPending: (purpose) => pending.has(purpose),
    isOffering: (listing) => [...pending.keys()].some((purpose) => purpose.includes(listing)),
    freeNumber: () => gate.freeNumber,
    mayOffer: () => gate.mayOffer,
    submit: (purpose, payload) => {
      expect(purpose).toBe(purposeOf(payload));
      expect(pending.has(purpose), `${purpose} is under way`).toBe(false);
      pending.set(purpose, payload);
      submitted.push(payload);
    },
  });
  /** A block of all that is under way, and of what others say. */
  const commit = (...others: readonly (readonly [string | null, Payload])[]): void => {
    const own = [...pending.values()].map((payload) => [SELLER, payload] as const);
    const built = chain.add(clock.now(), ...own, ...others);
    expect(built.dropped).toEqual([]);
    pending.clear();
    trade.ledgerChanged(built.events);
  };
  const go = (clockTime: string): void => clock.advanceTo(time(clockTime));
  meter.start();
  trade.start();
  const said = (type: Payload["type"]) => submitted.filter((payload) => payload.type === type);
  return {
    ...{ chain, clock, log, publisher, flows, roof, grid, readGrid, meter, trade },
    ...{ submitted, pending, gate, commit, go, said },
  };
}

/** Registered, with the listing for 11:00 open since 10:01:05; nothing of its own is committed in it yet. */
function openRegistered(options: HomeOptions = {}) {
  const home = openHome(options);
  home.go("10:01:05");
  home.commit();
  home.go("10:01:06");
  if (options.hasPv !== false) home.commit();
  return home;
}

/** And its first offer or bid is on the ledger. */
function openOffered(options: HomeOptions = {}) {
  const home = openRegistered(options);
  home.go("10:01:07");
  home.commit();
  return home;
}

describe("registration", () => {
  it("registers the member and then its PV, each said once", () => {
    const { submitted, commit, go, chain } = openHome();
    go("09:50");
    expect(submitted).toEqual([
      {
        ...{ type: "registerMember", memberId: SELLER, firstName: "Sel", lastName: "Ler" },
        ...{ certificate: testCard(SELLER).certificate, balance: null },
      },
    ]);
    commit();
    go("09:58");
    expect(submitted.slice(1)).toMatchObject([
      { type: "registerPv", pvId: "seller1house", capacity: 5000 },
    ]);
    commit();
    go("09:59");
    expect(chain.state.pvs.get(pvId("seller1house"))?.owner).toBe(SELLER);
    expect(submitted.filter(({ type }) => type.startsWith("register"))).toHaveLength(2);
  });

  it("is left to somebody else where the home is told so", () => {
    const { submitted, go } = openHome({ registersItself: false });
    go("10:30");
    expect(submitted).toEqual([]);
  });

  it("leaves a PV alone that was removed by hand", () => {
    const chain = new TestChain(makeRules());
    chain.add(time("09:20"), [SELLER, registration(SELLER)]);
    chain.add(time("09:21"), [SELLER, say.registerPv(SELLER, "seller1house")]);
    chain.add(time("09:22"), [SELLER, say.removePv("seller1house", 1)]);
    const { said, go } = openHome({ chain });
    go("10:30");
    expect(said("registerPv")).toEqual([]);
  });

  it("says again after 10 min what was refused", () => {
    const { said, pending, go } = openHome();
    go("09:31");
    pending.clear();
    go("09:39:59");
    expect(said("registerMember")).toHaveLength(1);
    go("09:40");
    expect(said("registerMember")).toHaveLength(2);
  });

  it("calls for help once when someone else has registered its PV, and does not sell", () => {
    const chain = new TestChain(makeRules());
    chain.add(time("09:29"), [OTHER, registration(OTHER)]);
    chain.add(time("09:29:30"), [OTHER, say.registerPv(OTHER, "seller1house")]);
    const { log, commit, go, said, publisher } = openHome({ chain });
    commit();
    go("10:30");
    expect(log.of("error")).toMatchObject([{ facts: { pvId: "seller1house", owner: OTHER } }]);
    expect(said("pvOffer")).toEqual([]);
    expect(publisher.of("decision").at(-1)).toMatchObject({ action: "none", reason: "noPv" });
  });
});

describe("offers", () => {
  it("wait until the home knows what it has offered already, as after a lost database", () => {
    const home = openHome();
    home.go("10:01:05");
    home.gate.mayOffer = false;
    home.commit();
    home.go("10:01:06");
    home.commit();
    home.go("10:05:30");
    expect(home.said("pvOffer")).toEqual([]);
    // An offer of an earlier life is among the blocks that it fetched meanwhile, its number 3.
    const past = { energy: wh(1000), reservePrice: perKwh(2), sequence: 3 };
    home.commit([
      SELLER,
      { type: "pvOffer", listingId: listingId(ELEVEN), pvId: pvId("seller1house"), ...past },
    ]);
    home.gate.mayOffer = true;
    home.go("10:30");
    expect(home.said("pvOffer")).toEqual([]);
    expect(home.chain.state.listings.get(listingId(ELEVEN))?.pvOffers.size).toBe(1);
  });

  it("go out with the next minute once it knows that there is none", () => {
    const home = openHome();
    home.go("10:01:05");
    home.gate.mayOffer = false;
    home.commit();
    home.go("10:01:06");
    home.commit();
    home.gate.mayOffer = true;
    home.go("10:02:01");
    expect(home.said("pvOffer")).toMatchObject([{ sequence: 1 }]);
  });

  it("sells the excess as soon as the listing is open, once", () => {
    const home = openRegistered();
    // 30 min of samples (09:31 to 10:01), an hour like them: 3600 made, 720 used, 2880 left over.
    const offer = {
      ...{ type: "pvOffer", listingId: ELEVEN, pvId: "seller1house" },
      ...{ sequence: 1, energy: 2880, reservePrice: 2000 },
    };
    expect(home.said("pvOffer")).toEqual([offer]);
    expect(home.publisher.of("forecast").at(-1)).toEqual({
      ...{ type: "forecast", listingId: ELEVEN, production: 3600, consumption: 720 },
    });
    expect(home.publisher.of("decision").at(-1)).toEqual({
      ...{ type: "decision", listingId: ELEVEN, action: "sell", energy: 2880, reason: "excess" },
      price: 2000,
    });
    // Under way, and then on the ledger: minutes beat, other blocks come, nothing is said again.
    home.go("10:05");
    home.trade.ledgerChanged(home.chain.last.events);
    home.commit();
    home.go("10:58:59");
    expect(home.said("pvOffer")).toEqual([offer]);
    expect(home.chain.listing(ELEVEN)?.pvOffers.get(pvId("seller1house"))?.energy).toBe(2880);
  });

  it("tells the band of its forecast, where there are days to know it from", () => {
    // Eleven days until 09:00, in each hour 20 Wh made, 3 taken, none given.
    const from = time("09:00") - 240 * HOUR_MS;
    const stored = Array.from({ length: 241 }, (_, i) => ({
      ...{ at: unixMs(from + i * HOUR_MS), produced: wh(100 + 20 * i) },
      ...{ imported: wh(10 + 3 * i), exported: wh(100) },
    }));
    const { publisher } = openRegistered({ stored });
    // Now 60 Wh a minute: as bright as is believed, 120 % of 20. It was 20 each day, and 23 were used.
    expect(publisher.of("forecast").at(-1)).toEqual({
      ...{ type: "forecast", listingId: ELEVEN, production: 24, consumption: 23 },
      productionBand: { low: 20, high: 24 },
      consumptionBand: { low: 23, high: 23 },
    });
  });

  it("bids for the deficit, at most what the balance pays for", () => {
    // 720 Wh used; 1 token at 4 tokens/kWh buys 250 Wh.
    const plenty = openRegistered({ hasPv: false });
    expect(plenty.said("buyOffer")).toEqual([
      { type: "buyOffer", listingId: ELEVEN, sequence: 1, energy: 720, bidPrice: 4000 },
    ]);
    const rules = makeRules({ initialBalance: 1_000_000n as never });
    const poor = openRegistered({ hasPv: false, rules });
    expect(poor.said("buyOffer")).toMatchObject([{ energy: 250 }]);
    expect(poor.publisher.of("decision").at(-1)).toMatchObject({ reason: "cappedByBalance" });
  });

  it("waits for 10 min of readings, and offers then", () => {
    const home = openRegistered({ start: "09:55" });
    // Samples from 09:56 on; 10 min of them at 10:06.
    home.go("10:05:59");
    expect(home.said("pvOffer")).toEqual([]);
    expect(home.publisher.of("forecast")).toEqual([
      { type: "forecast", listingId: ELEVEN, production: null, consumption: null },
    ]);
    home.go("10:06");
    expect(home.said("pvOffer")).toMatchObject([{ sequence: 1, energy: 2880 }]);
  });

  it("offers nothing while its meter is silent", () => {
    const home = openHome();
    home.go("09:50");
    home.grid.script(unreachable);
    home.go("10:01:05");
    home.commit();
    home.go("10:01:06");
    home.commit();
    home.go("10:30");
    expect(home.said("pvOffer")).toEqual([]);
    expect(home.publisher.of("decision")).toMatchObject([{ reason: "forecastUnknown" }]);
    // It comes back by 10:31 (at most 5 min between two questions) and counts from there.
    home.grid.script(home.readGrid);
    home.go("10:50");
    expect(home.said("pvOffer")).toHaveLength(1);
  });

  it("offers nothing while the clock is not synchronised, and says so once", () => {
    const home = openHome();
    home.go("10:00");
    home.clock.setSynchronised(false);
    home.go("10:01:05");
    home.commit();
    home.go("10:01:06");
    home.commit();
    home.go("10:10");
    expect(home.said("pvOffer")).toEqual([]);
    expect(home.log.of("clock not synchronised, offering nothing")).toHaveLength(1);
    home.clock.setSynchronised(true);
    home.go("10:11");
    expect(home.said("pvOffer")).toHaveLength(1);
  });

  it("sends nothing in the last 10 s before the cut-off", () => {
    const late = openHome();
    late.go("10:58:40");
    late.commit();
    late.go("10:58:50");
    late.commit();
    // The PV was registered at the last moment.
    expect(late.said("pvOffer")).toHaveLength(1);
    const tooLate = openHome();
    tooLate.go("10:58:40");
    tooLate.commit();
    tooLate.go("10:58:51");
    tooLate.commit();
    tooLate.go("11:05");
    expect(tooLate.said("pvOffer")).toEqual([]);
    expect(tooLate.log.of("cut-off passed without an offer")).toHaveLength(1);
  });

  it("leaves alone what an earlier run or a person placed", () => {
    const before = openRegistered();
    before.go("10:10");
    // Restarted while the offer is under way.
    const underWay = openHome({ chain: before.chain, start: "10:10" });
    for (const [purpose, payload] of before.pending) underWay.pending.set(purpose, payload);
    underWay.go("10:40");
    expect(underWay.said("pvOffer")).toEqual([]);
    // Restarted when it is on the ledger, and the home has changed since.
    before.commit();
    const placed = openHome({ chain: before.chain, start: "10:11" });
    placed.flows.used = 9;
    placed.go("10:59");
    expect(placed.said("pvOffer")).toEqual([]);
  });

  it("takes no number that this card has signed by another door", () => {
    const home = openHome();
    home.gate.freeNumber = 4;
    home.go("10:01:05");
    home.commit();
    home.go("10:01:06");
    home.commit();
    expect(home.said("pvOffer")).toMatchObject([{ sequence: 4 }]);
  });

  it("leaves offering to people in a manual community, unless told otherwise", () => {
    const rules = makeRules({ schedule: "manual" });
    const manual = (limits: TradingLimits) => {
      const home = openHome({ rules, limits });
      home.go("10:01:05");
      home.commit([ADMINISTRATOR, say.administrator("createListing", 1, ELEVEN)]);
      home.go("10:01:06");
      home.commit([ADMINISTRATOR, say.administrator("acceptOfferBroadcast", 2, ELEVEN)]);
      home.go("10:10");
      return home.submitted.map(({ type }) => type);
    };
    expect(manual(LIMITS)).toEqual(["registerMember", "registerPv"]);
    expect(manual({ ...LIMITS, auto: true })).toEqual(["registerMember", "registerPv", "pvOffer"]);
  });
});

describe("shortly before the cut-off", () => {
  /** Offered 2880 Wh; from 10:20 on the home uses `used` Wh in 10 s. */
  function changed(used: number) {
    const home = openOffered();
    home.go("10:20");
    home.flows.used = used;
    return home;
  }

  it("lowers the offer once the hour looks worse by more than 20 %", () => {
    const home = changed(6);
    // At 10:44: 36 min of 12 Wh and 24 min of 36 Wh used: 1296. 3600 - 1296 = 2304 = 80 % of 2880.
    // It is looked at again at 10:49. 31 x 12 + 29 x 36 = 1416. 3600 - 1416 = 2184.
    home.go("10:48:59");
    expect(home.said("pvOffer")).toHaveLength(1);
    home.go("10:49");
    expect(home.said("pvOffer").slice(1)).toMatchObject([{ sequence: 2, energy: 2184 }]);
    home.commit();
    // It gets worse still, to 3600 - 26 x 12 - 29 x 36 - 5 x 54 = 1974 at 10:54, but once is enough.
    home.flows.used = 9;
    home.go("10:59");
    expect(home.said("pvOffer")).toHaveLength(2);
    expect(home.chain.listing(ELEVEN)?.pvOffers.get(pvId("seller1house"))).toMatchObject({
      ...{ sequence: 2, energy: 2184 },
    });
  });

  it("does not raise it", () => {
    const home = changed(0);
    home.go("10:59");
    expect(home.said("pvOffer")).toHaveLength(1);
  });

  it("withdraws it when nothing is left", () => {
    const home = changed(22);
    // At 10:44: 36 x 12 + 24 x 132 = 3600 used, as much as is made.
    home.go("10:44");
    expect(home.submitted.slice(3)).toMatchObject([{ type: "pvOffer", sequence: 2, energy: 0 }]);
    expect(home.publisher.of("decision").at(-1)).toMatchObject({ reason: "tooLittle" });
  });

  it("withdraws it and bids when the home turns into a buyer", () => {
    const home = changed(30);
    // At 10:44: 36 x 12 + 24 x 180 = 4752 used, 3600 made.
    home.go("10:44");
    expect(home.submitted.slice(3)).toMatchObject([
      { type: "pvOffer", sequence: 2, energy: 0 },
      { type: "buyOffer", sequence: 3, energy: 1152 },
    ]);
    home.commit();
    expect(home.chain.reserved(SELLER)).toBeCloseTo(4.608, 6);
  });

  it("counts what its own bid holds as free when it raises it", () => {
    // 4 tokens: at first 720 Wh for 2.88 tokens, then 1000 Wh at most, not 280.
    const rules = makeRules({ initialBalance: 4_000_000n as never });
    const home = openOffered({ hasPv: false, rules });
    home.go("10:20");
    home.flows.used = 12;
    home.go("10:59");
    expect(home.said("buyOffer")).toMatchObject([
      { sequence: 1, energy: 720 },
      { sequence: 2, energy: 1000 },
    ]);
    home.clock.step(-60_000);
    home.commit();
    expect(home.chain.reserved(SELLER)).toBe(4);
  });

  it("keeps its offer when the meter went silent", () => {
    const home = changed(2);
    home.grid.script(unreachable);
    home.go("10:59");
    expect(home.said("pvOffer")).toHaveLength(1);
  });

  it("leaves an offer alone that a person has changed since", () => {
    const home = openOffered();
    home.go("10:20");
    home.flows.used = 9;
    home.commit([SELLER, say.pvOffer(ELEVEN, "seller1house", { energy: wh(500), sequence: 7 })]);
    home.go("10:59");
    expect(home.said("pvOffer")).toHaveLength(1);
  });
});

describe("after the delivery hour", () => {
  /** The auction for 11:00 is closed. */
  function closed() {
    const home = openOffered();
    home.go("10:59:30");
    home.commit();
    expect(home.chain.listing(ELEVEN)?.state).toBe("AUCTION_CLOSED");
    return home;
  }

  it("submits the registers at both edges once, a minute after the end", () => {
    const home = closed();
    home.go("12:00:59");
    expect(home.said("meterReading")).toEqual([]);
    home.go("12:01");
    // At 11:00, 540 steps of 10 s since 09:30: 100 + 540 x 8 = 4420 and 5000 + 540 x 10 = 10 400.
    const reading = {
      ...{ type: "meterReading", listingId: ELEVEN, quality: "measured", source: "Fake meter 2" },
      gridImport: { start: 800, end: 800 },
      gridExport: { start: 4420, end: 7300 },
      production: { start: 10_400, end: 14_000 },
    };
    expect(home.said("meterReading")).toEqual([reading]);
    home.go("12:05");
    home.commit();
    home.go("12:20");
    expect(home.said("meterReading")).toEqual([reading]);
    expect(home.chain.listing(ELEVEN)?.readings.size).toBe(1);
  });

  it("does not repeat a reading that was refused", () => {
    const home = closed();
    home.go("12:01");
    home.pending.clear();
    home.go("12:14");
    expect(home.said("meterReading")).toHaveLength(1);
  });

  it("waits for the sample at the hour's end while another device is silent", () => {
    const home = closed();
    home.go("11:30");
    home.roof.script(unreachable);
    // Minutes close 2 min late now: at 12:01 the newest sample is that of 11:59.
    home.go("12:01:59");
    expect(home.said("meterReading")).toEqual([]);
    home.go("12:02");
    expect(home.said("meterReading")).toMatchObject([
      { gridExport: { start: 4420, end: 7300 }, production: null, quality: "measured" },
    ]);
  });

  it("says nothing when readings are no longer taken", () => {
    const home = closed();
    home.clock.missBeats(true);
    home.go("12:14:59");
    home.clock.missBeats(false);
    home.go("12:20");
    expect(home.said("meterReading")).toEqual([]);
  });

  it("interpolates when the meter was away around the edge for less than 15 min", () => {
    const home = closed();
    home.go("11:55");
    home.grid.script(unreachable);
    home.go("12:01");
    home.grid.script(home.readGrid);
    home.go("12:14");
    expect(home.said("meterReading")).toMatchObject([
      { quality: "interpolated", gridExport: { start: 4420, end: 7300 } },
    ]);
  });

  it("publishes nothing when an edge is missing, and says so once", () => {
    const home = closed();
    home.go("11:50");
    home.grid.script(unreachable);
    home.go("12:06");
    home.grid.script(home.readGrid);
    home.go("12:30");
    expect(home.said("meterReading")).toEqual([]);
    expect(home.log.of("hour not metered")).toEqual([
      {
        ...{ level: "warn", message: "hour not metered" },
        facts: {
          ...{ listingId: ELEVEN, code: "edgeMissing", register: "imported", edge: "end" },
          at: time("12:00"),
        },
      },
    ]);
  });

  it("says nothing of a listing that was void", () => {
    const home = openOffered();
    home.go("11:00:30");
    home.commit();
    expect(home.chain.listing(ELEVEN)?.state).toBe("VOID");
    home.go("12:10");
    expect(home.said("meterReading")).toEqual([]);
  });
});

it("stops: no beat and no block makes it speak", () => {
  const home = openHome();
  home.trade.stop();
  home.meter.stop();
  expect(home.clock.waiting()).toBe(0);
  home.go("10:01:05");
  home.commit();
  expect(home.submitted).toHaveLength(1);
});
