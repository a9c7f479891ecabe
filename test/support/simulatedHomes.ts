// Drivers against simulated devices: short limits, a clock that stands still unless a test moves it.

import type { Result } from "../../agent/core/result.ts";
import {
  createDevices,
  type DeviceEntry,
  type DeviceSet,
} from "../../agent/io/devices/createDevices.ts";
import type { Device, DeviceReading, DeviceRefusal } from "../../agent/ports.ts";
import { parseConfig, type SimulatorConfigInput } from "../../firmware-sim/config.ts";
import {
  type HomeAddresses,
  type Simulator,
  startSimulator,
} from "../../firmware-sim/simulator.ts";
import { silentLog } from "./silentLog.ts";

/** 2018-06-21, 13:00 in New York: the sun shines. */
export const NOON = Date.UTC(2018, 5, 21, 17);
export const HOUR_MS = 3_600_000;

export const SHORT_LIMITS = {
  http: { gapMs: 0, timeoutMs: 250 },
  modbus: { timeoutMs: 250, gapMs: 0, backOffMs: 1, backOffMaxMs: 1 },
};

export type World = { now: number };
export type HomeInput = SimulatorConfigInput["homes"][number];

/** The clock's speed is 1 and its start is world.now = NOON. */
export function simulate(
  world: World,
  homes: readonly HomeInput[],
  ports: Parameters<typeof startSimulator>[1]["ports"] = {},
): Promise<Simulator> {
  const config = parseConfig({
    clock: { realStart: 0, marketStart: NOON, speed: 1 },
    seed: 1,
    timeZone: "America/New_York",
    pv: null,
    load: null,
    homes,
  });
  return startSimulator(config, { now: () => world.now - NOON, ports });
}

/** A home's devices as an agent's file would name them. */
export function entriesOf(home: HomeAddresses): DeviceEntry[] {
  const meter = { name: "meter", kind: "meter", ...home.meter } as const;
  if (home.inverter === null) return [meter];
  return [{ name: "inverter", kind: "inverter", ...home.inverter }, meter];
}

export function openDevices(entries: readonly DeviceEntry[]): DeviceSet {
  return createDevices(entries, { log: silentLog, limits: SHORT_LIMITS });
}

export function readDevice(
  device: Device | undefined,
): Promise<Result<DeviceReading, DeviceRefusal>> {
  return new Promise((resolve, reject) => {
    if (device === undefined) reject(new Error("no such device"));
    else device.read(resolve);
  });
}

/** The reading or the refusal: what toMatchObject looks at. */
export async function look(device: Device | undefined): Promise<DeviceReading | DeviceRefusal> {
  const outcome = await readDevice(device);
  return outcome.ok ? outcome.value : outcome.refusal;
}
