// Both drivers against both simulated protocols: readings, faults, restarts.

import { afterEach, describe, expect, test } from "vitest";
import type { DeviceSet } from "../../../agent/io/devices/createDevices.ts";
import type { Fault } from "../../../firmware-sim/faults.ts";
import type { Simulator } from "../../../firmware-sim/simulator.ts";
import {
  entriesOf,
  HOUR_MS,
  type HomeInput,
  look,
  NOON,
  openDevices,
  simulate,
  type World,
} from "../../support/simulatedHomes.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(home: Partial<HomeInput>) {
  const world: World = { now: NOON };
  const full = { id: "a", pvCapacityW: 6400, inverter: null, meter: "fronius", ...home } as const;
  const simulator = await simulate(world, [full]);
  closing.push(() => simulator.close());
  const address = simulator.homes[0]!;
  const set = openDevices(entriesOf(address));
  closing.push(() => set.close());
  return { world, simulator, address, ...devicesOf(set), set };
}

function devicesOf(set: DeviceSet) {
  const find = (kind: string) => set.devices.find((device) => device.kind === kind);
  return { inverter: find("inverter"), meter: find("meter") };
}

function truth(simulator: Simulator, world: World) {
  return simulator.stateAt("a", world.now)!;
}

const protocols: readonly [string, Partial<HomeInput>][] = [
  ["fronius", { inverter: "fronius", meter: "fronius" }],
  ["sunspec", { inverter: "sunspec", meter: "sunspec" }],
];

describe.each(protocols)("%s", (protocol, home) => {
  test("reads what is true, hour by hour", async () => {
    const { world, simulator, inverter, meter } = await start(home);
    for (let hour = 0; hour < 3; hour += 1) {
      world.now = NOON + hour * HOUR_MS + 12_345;
      const { production, produced, grid, imported, exported } = truth(simulator, world);
      expect(await look(inverter)).toMatchObject({
        kind: "inverter",
        state: "producing",
        power: production,
        produced,
      });
      expect(await look(meter)).toMatchObject({ kind: "meter", power: grid, imported, exported });
    }
  });

  test("at night the inverter is asleep, without a power, with its counter", async () => {
    const { world, simulator, inverter, meter } = await start(home);
    world.now = NOON + 10 * HOUR_MS;
    const { produced, grid } = truth(simulator, world);
    expect(await look(inverter)).toMatchObject({ state: "asleep", power: null, produced });
    expect(await look(meter)).toMatchObject({ power: grid });
  });

  test.each<[Fault, object, object]>([
    ["offline", { code: "unreachable" }, { code: "unreachable" }],
    ["stall", { code: "unreachable" }, { code: "unreachable" }],
    ["night", { state: "asleep", power: null }, { kind: "meter" }],
    ["code8", { code: "deviceError" }, { code: "deviceError" }],
    ["allZero", { code: "deviceError" }, { code: "deviceError" }],
    [
      "disabled404",
      { code: protocol === "fronius" ? "disabled" : "unreachable" },
      { code: protocol === "fronius" ? "disabled" : "unreachable" },
    ],
  ])("%s, and well again", async (fault, ofInverter, ofMeter) => {
    const { simulator, inverter, meter } = await start(home);
    expect(await look(inverter)).toMatchObject({ state: "producing" });
    simulator.setFault("a", fault);
    expect(await look(inverter)).toMatchObject(ofInverter);
    expect(await look(meter)).toMatchObject(ofMeter);
    simulator.setFault("a", "none");
    await expect.poll(() => look(inverter)).toMatchObject({ state: "producing" });
    expect(await look(meter)).toMatchObject({ kind: "meter" });
  });

  test("a counter that falls to 0 is never a reading of an inverter that has a year behind it", async () => {
    const { simulator, inverter, meter } = await start(home);
    simulator.setFault("a", "counterDrop");
    // SunSpec has one counter only: whether 0 follows on what was before is core's to judge.
    const produced = protocol === "fronius" ? null : 0;
    expect(await look(inverter)).toMatchObject({ state: "producing", produced });
    expect(await look(meter)).toMatchObject({ imported: 0, exported: 0 });
  });

  test("finds the device again after its restart, with the same counters", async () => {
    const { world, simulator, address, inverter, meter } = await start(home);
    const before = await look(meter);
    await simulator.close();
    expect(await look(inverter)).toMatchObject({ code: "unreachable" });
    const port =
      address.meter.driver === "fronius"
        ? { fronius: Number(new URL(address.meter.url).port) }
        : { sunspec: address.meter.port };
    const full = { id: "a", pvCapacityW: 6400, inverter: null, meter: "fronius", ...home } as const;
    const again = await simulate(world, [full], { a: port });
    closing.push(() => again.close());
    await expect.poll(() => look(meter)).toEqual(before);
    expect(await look(inverter)).toMatchObject({ state: "producing" });
  });

  test("after close every read calls back", async () => {
    const { simulator, inverter, meter, set } = await start(home);
    simulator.setFault("a", "stall");
    const underWay = look(inverter);
    const queued = look(meter);
    set.close();
    expect(await underWay).toMatchObject({ code: "unreachable", detail: "closed" });
    expect(await queued).toMatchObject({ code: "unreachable", detail: "closed" });
    expect(await look(inverter)).toMatchObject({ code: "unreachable", detail: "closed" });
  });

  test("a read that is asked for during another gets its outcome", async () => {
    const { inverter } = await start(home);
    const [first, second] = await Promise.all([look(inverter), look(inverter)]);
    expect(second).toBe(first);
  });
});

test("reads the float twins, 126 registers in one request of 125", async () => {
  const floats = { inverter: "sunspec", meter: "sunspec", sunspecModels: "float" } as const;
  const { world, simulator, inverter, meter } = await start(floats);
  const { production, produced, grid, imported, exported } = truth(simulator, world);
  const reading = await look(inverter);
  expect(reading).toMatchObject({ power: production, state: "producing" });
  expect(await look(meter)).toMatchObject({
    power: grid,
    imported: Math.fround(imported),
    exported: Math.fround(exported),
  });
  expect(reading).toMatchObject({ produced: Math.fround(produced) });
});

test("one home may speak both protocols, and have no PV", async () => {
  const mixed = await start({ inverter: "sunspec", meter: "fronius" });
  expect(await look(mixed.inverter)).toMatchObject({ source: "Fronius Symo 8.2-3-M 30400000" });
  expect(await look(mixed.meter)).toMatchObject({
    source: "Fronius Smart Meter TS 65A-3 18400000",
  });
  const consumer = await start({ pvCapacityW: 0, meter: "sunspec" });
  expect(consumer.inverter).toBe(undefined);
  expect(await look(consumer.meter)).toMatchObject({ exported: 0 });
});

test("a wrong unit id and a wrong device number are told apart from silence", async () => {
  const { address } = await start({ inverter: "sunspec", meter: "fronius" });
  const entries = entriesOf(address).map((entry) =>
    entry.driver === "sunspec" ? { ...entry, unitId: 7 } : { ...entry, deviceId: 5 },
  );
  const set = openDevices(entries);
  closing.push(() => set.close());
  const { inverter, meter } = devicesOf(set);
  expect(await look(inverter)).toMatchObject({ code: "deviceError", exception: 11 });
  expect(await look(meter)).toMatchObject({
    code: "deviceError",
    statusCode: 12,
    hint: expect.stringContaining("deviceId"),
  });
});
