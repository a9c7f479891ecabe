// The simulated devices' file, and what their process says when they can be reached.

import { resolve } from "node:path";
import { z } from "zod";
import type { AgentFileInput } from "../config/agentFile.ts";
import type { UnixMs } from "../core/units/time.ts";
import { LAB_TIME_ZONE } from "./community.ts";
import type { LabHome } from "./homes.ts";
import type { MarketClock } from "./world.ts";

export type DeviceWorld = {
  readonly homes: readonly LabHome[];
  readonly clock: MarketClock;
  readonly seed: number;
  /** CSV files; null: a simulated sun and household. */
  readonly pv: string | null;
  readonly load: string | null;
  /** What they tell of the time before, Unix ms: full hours from `from`, full minutes from `fineFrom`; left out: nothing. */
  readonly pastRange?: PastRange;
};

export type PastRange = {
  readonly from: UnixMs;
  readonly fineFrom: UnixMs;
  readonly to: UnixMs;
};

/** What firmware-sim reads. */
export function firmwareConfig({
  homes,
  clock,
  seed,
  pv,
  load,
  pastRange: past,
}: DeviceWorld): object {
  return {
    clock: {
      realStart: clock.realStart,
      marketStart: clock.marketStart,
      speed: clock.speed,
    },
    seed,
    timeZone: LAB_TIME_ZONE,
    pv: pv === null ? null : resolve(pv),
    load: load === null ? null : resolve(load),
    ...(past === undefined ? {} : { past }),
    homes: homes.map((home) => ({
      id: home.name,
      pvCapacityW: home.pv?.capacityW ?? 0,
      loadScale: home.loadScale,
      inverter: home.pv === null ? null : home.driver,
      meter: home.driver,
    })),
  };
}

const deviceAddress = z.discriminatedUnion("driver", [
  z.object({ driver: z.literal("fronius"), url: z.string(), deviceId: z.int() }),
  z.object({
    driver: z.literal("sunspec"),
    host: z.string(),
    port: z.int(),
    unitId: z.int(),
  }),
]);

const readySchema = z.object({
  ready: z.literal(true),
  homes: z.array(
    z.object({ id: z.string(), inverter: deviceAddress.nullable(), meter: deviceAddress }),
  ),
});

/** The devices of each home as its agent's file wants them, by the home's name; throws if it is no ready line. */
export function readyDevices(line: unknown): ReadonlyMap<string, AgentFileInput["devices"]> {
  const { homes } = readySchema.parse(line);
  return new Map(
    homes.map(({ id, inverter, meter }) => [
      id,
      [
        ...(inverter === null
          ? []
          : [{ name: "inverter", kind: "inverter" as const, ...inverter }]),
        { name: "meter", kind: "meter" as const, ...meter },
      ],
    ]),
  );
}

/** One home at one time: W in the minute from then on, counters in Wh. */
export type PastState = {
  readonly at: number;
  readonly production: number;
  readonly load: number;
  readonly produced: number;
  readonly imported: number;
  readonly exported: number;
};

const pastSchema = z.object({
  past: z.string(),
  states: z.array(z.tuple([z.int(), z.int(), z.int(), z.int(), z.int(), z.int()])),
});

/** What a line tells of one home's past; null: it is another line. */
export function pastOf(
  line: unknown,
): { readonly home: string; readonly states: readonly PastState[] } | null {
  const { success, data } = pastSchema.safeParse(line);
  if (!success) return null;
  const states = data.states.map(([at, production, load, produced, imported, exported]) => ({
    ...{ at, production, load, produced, imported, exported },
  }));
  return { home: data.past, states };
}
