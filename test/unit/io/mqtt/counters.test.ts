import { describe, expect, it } from "vitest";
import { listingIdAt } from "../../../../agent/core/ledger/calendar.ts";
import { watts, wh } from "../../../../agent/core/units/energy.ts";
import { listingId, memberId, pvId } from "../../../../agent/core/units/ids.ts";
import { milliTokensPerKwh } from "../../../../agent/core/units/money.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { createCounters } from "../../../../agent/io/mqtt/counters.ts";
import type { Kept, KeptFile } from "../../../../agent/io/mqtt/keptFile.ts";
import { countTrades, NO_TRADES, type Trades, tradedOn } from "../../../../agent/io/mqtt/trades.ts";
import type { DeviceReading } from "../../../../agent/ports.ts";

const SELF = memberId("seller1@vt.edu");
const OTHER = memberId("buyer1@vt.edu");
const START = 1_521_619_200_000;
const BOUNDS = { production: watts(10_000), grid: watts(110_400) };

class Disk implements KeptFile {
  value: Kept = { version: 1, clientSuffix: "0123456789ab", devices: {}, trades: NO_TRADES };
  isFull = false;

  save = (kept: Kept): boolean => {
    if (!this.isFull) this.value = JSON.parse(JSON.stringify(kept)) as Kept;
    return !this.isFull;
  };
}

const inverter = (produced: number | null): DeviceReading => ({
  ...{ kind: "inverter", source: "Symo", state: "producing", power: null, deviceTime: null },
  produced: produced === null ? null : wh(produced),
});
const meter = (imported: number, exported: number): DeviceReading => ({
  ...{ kind: "meter", source: "EM24", power: null, deviceTime: null },
  ...{ imported: wh(imported), exported: wh(exported) },
});

const DEVICES = [
  { name: "roof", kind: "inverter" },
  { name: "grid", kind: "meter" },
] as const;

function open(disk: Disk) {
  const counters = createCounters(disk, DEVICES, BOUNDS);
  let at = START;
  return {
    ...counters,
    read: (name: string, reading: DeviceReading) => {
      at += 10_000;
      return counters.read(name, unixMs(at), reading);
    },
  };
}

describe("the counters of a home", () => {
  it("are each device's own, and what it does not say stays as it was", () => {
    const counters = open(new Disk());
    counters.read("roof", inverter(1000));
    counters.read("grid", meter(5, 7));
    expect(counters.read("roof", inverter(1010)).produced).toBe(1010);
    expect(counters.read("grid", meter(6, 8))).toEqual({
      ...{ produced: null, imported: 6, exported: 8 },
    });
    expect(counters.read("roof", inverter(null)).produced).toBe(1010);
    // Of a device that nobody configured there is nothing.
    expect(counters.read("shed", inverter(1)).produced).toBeNull();
  });

  it("stand still while the disk is full, and go on after, never beyond what it knows", () => {
    const disk = new Disk();
    const counters = open(disk);
    counters.read("roof", inverter(1000));
    expect(counters.read("roof", inverter(1010)).produced).toBe(1010);
    disk.isFull = true;
    // 1110 is promised.
    expect(counters.read("roof", inverter(1100)).produced).toBe(1100);
    for (const value of [1120, 1130, 1140]) {
      expect(counters.read("roof", inverter(value)).produced).toBe(1100);
    }
    disk.isFull = false;
    expect(counters.read("roof", inverter(1150)).produced).toBe(1150);
  });

  it("are known at the start as an earlier run left them, for a device that sleeps until morning", () => {
    const disk = new Disk();
    const before = open(disk);
    before.read("roof", inverter(1000));
    before.read("roof", inverter(1010));
    before.close();
    const counters = open(disk);
    expect(counters.shown("roof").produced).toBe(1010);
    expect(counters.known("roof")).toEqual({ source: "Symo", at: START + 20_000 });
    expect(counters.known("grid")).toBeNull();
  });

  it("of a device that left the file for a while are there when it comes back", () => {
    const disk = new Disk();
    const before = open(disk);
    before.read("roof", inverter(1000));
    before.read("roof", inverter(1010));
    before.close();
    const without = createCounters(disk, [DEVICES[1]], BOUNDS);
    without.read("grid", unixMs(START), meter(50, 60));
    without.close();
    expect(open(disk).shown("roof").produced).toBe(1010);
  });
});

describe("what was sold and bought", () => {
  const fill = (seller: string, buyer: string, energy: number) => ({
    ...{ seller: memberId(seller), buyer: memberId(buyer), pvId: pvId("roof") },
    ...{ energy: wh(energy), price: milliTokensPerKwh(3000) },
  });
  const one = listingId("21Mar18-13:00");

  it("counts the member's own fills, each listing once", () => {
    const fills = [fill(SELF, OTHER, 2000), fill(OTHER, SELF, 300), fill(OTHER, OTHER, 9)];
    const once = countTrades(NO_TRADES, { listingId: one, fills, self: SELF });
    expect(once.total).toEqual({ sold: 2000, bought: 300 });
    expect(countTrades(once, { listingId: one, fills, self: SELF })).toBe(once);
    const others = { listingId: listingId("21Mar18-14:00"), fills: [fill(OTHER, OTHER, 9)] };
    expect(countTrades(once, { ...others, self: SELF })).toBe(once);
    const cleared = { listingId: listingId("22Mar18-00:00"), fills, self: SELF };
    const twice = countTrades(once, cleared);
    expect(twice.total).toEqual({ sold: 4000, bought: 600 });
    expect(tradedOn(twice, one)).toEqual({ sold: 2000, bought: 300 });
    expect(tradedOn(twice, listingId("23Mar18-00:00"))).toEqual({ sold: 0, bought: 0 });
  });

  it("is kept before it is shown", () => {
    const disk = new Disk();
    const counters = open(disk);
    disk.isFull = true;
    counters.cleared({ listingId: one, fills: [fill(SELF, OTHER, 2000)], self: SELF });
    expect(counters.trades().total.sold).toBe(0);
    disk.isFull = false;
    counters.cleared({ listingId: one, fills: [fill(SELF, OTHER, 2000)], self: SELF });
    expect(counters.trades().total.sold).toBe(2000);
    expect(open(disk).trades().total.sold).toBe(2000);
  });

  it.each(["America/New_York", "Asia/Kolkata"])(
    "counts each listing once, also when weeks of them are heard again (%s)",
    (timeZone) => {
      // From 26 October on: over the end of summer time, and of a month.
      const hours = Array.from({ length: 300 }, (_, i) =>
        listingIdAt(unixMs(Date.UTC(2018, 9, 26) + i * 3_600_000), timeZone),
      );
      const fill = { seller: SELF, pvId: pvId("roof"), buyer: OTHER, energy: wh(10) };
      const fills = [{ ...fill, price: milliTokensPerKwh(3000) }];
      const hear = (trades: Trades): Trades =>
        hours.reduce(
          (sum, listingId) => countTrades(sum, { listingId, fills, self: SELF }),
          trades,
        );
      const once = hear(NO_TRADES);
      expect(once.total).toEqual({ sold: 3000, bought: 0 });
      expect(hear(once)).toEqual(once);
    },
  );
});
