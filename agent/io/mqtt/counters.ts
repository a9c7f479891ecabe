// The counters and totals that dashboards are shown, of all devices of a home: kept before they are shown.

import {
  advanceShown,
  type KeptCounter,
  keptCounter,
  NEW_SHOWN_COUNTER,
  type ShownCounter,
  shownFrom,
} from "../../core/metering/shownCounter.ts";
import type { Watts, Wh } from "../../core/units/energy.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { DeviceReading } from "../../ports.ts";
import type { Kept, KeptFile } from "./keptFile.ts";
import type { ShownCounters } from "./payloads.ts";
import { type Cleared, countTrades, type Trades } from "./trades.ts";

export type Register = keyof ShownCounters;

export const REGISTERS: { readonly [K in DeviceReading["kind"]]: readonly Register[] } = {
  inverter: ["produced"],
  meter: ["imported", "exported"],
};

export type CounterBounds = { readonly production: Watts; readonly grid: Watts };

export type Counters = {
  /** Takes in what a device says; hands back what may be shown. */
  readonly read: (device: string, at: UnixMs, reading: DeviceReading) => ShownCounters;
  /** What may be shown of a device, without a new reading. */
  readonly shown: (device: string) => ShownCounters;
  /** What is known of it from earlier runs; null: nothing. */
  readonly known: (device: string) => { readonly source: string; readonly at: UnixMs } | null;
  readonly trades: () => Trades;
  readonly cleared: (cleared: Cleared) => void;
  /** The last write: what was shown, exactly. */
  readonly close: () => void;
};

type Device = {
  readonly kind: DeviceReading["kind"];
  source: string;
  counters: ReadonlyMap<Register, ShownCounter>;
};

export function createCounters(
  file: KeptFile,
  configured: readonly { readonly name: string; readonly kind: DeviceReading["kind"] }[],
  bounds: CounterBounds,
): Counters {
  const before = file.value;
  let { trades } = before;
  const devices = new Map<string, Device>(
    configured.map(({ name, kind }) => [name, restored(before, name, kind)]),
  );

  const kept = (isEnd: boolean): Kept => {
    const entries = [...devices].map(([name, { kind, source, counters }]) => {
      const each = [...counters].flatMap(([register, counter]): [string, KeptCounter][] => {
        const one = keptCounter(counter, isEnd);
        return one === null ? [] : [[register, one]];
      });
      return [name, { kind, source, counters: Object.fromEntries(each) }] as const;
    });
    // Devices that left the agent's file may come back.
    return { ...before, trades, devices: { ...before.devices, ...Object.fromEntries(entries) } };
  };

  const shown = (name: string): ShownCounters => {
    const of = (register: Register): Wh | null =>
      devices.get(name)?.counters.get(register)?.shown ?? null;
    return { produced: of("produced"), imported: of("imported"), exported: of("exported") };
  };

  return {
    shown,
    read: (name, at, reading) => {
      const device = devices.get(name);
      if (device === undefined || device.kind !== reading.kind) return shown(name);
      const old = device.counters;
      const oldSource = device.source;
      let isToKeep = false;
      device.source = reading.source;
      const advanced = [...old].map(([register, counter]): [Register, ShownCounter] => {
        const value = counterOf(reading, register);
        if (value === null) return [register, counter];
        const max = register === "produced" ? bounds.production : bounds.grid;
        const one = advanceShown(counter, { at, value }, max);
        isToKeep ||= one.isToKeep;
        return [register, one.next];
      });
      device.counters = new Map(advanced);
      if (isToKeep && !file.save(kept(false))) {
        device.counters = old;
        device.source = oldSource;
      }
      return shown(name);
    },
    known: (name) => {
      const device = devices.get(name);
      for (const { guard } of device?.counters.values() ?? []) {
        if (guard.last !== null) return { source: device?.source ?? name, at: guard.last.at };
      }
      return null;
    },
    trades: () => trades,
    cleared: (cleared) => {
      const next = countTrades(trades, cleared);
      if (next === trades) return;
      const old = trades;
      trades = next;
      if (!file.save(kept(false))) trades = old;
    },
    close: () => {
      file.save(kept(true));
    },
  };
}

function restored(before: Kept, name: string, kind: DeviceReading["kind"]): Device {
  const own = Object.hasOwn(before.devices, name) ? before.devices[name] : undefined;
  const known = own?.kind === kind ? own : undefined;
  const counters = REGISTERS[kind].map((register): [Register, ShownCounter] => {
    const one = known?.counters[register];
    return [register, one === undefined ? NEW_SHOWN_COUNTER : shownFrom(one)];
  });
  return { kind, source: known?.source ?? name, counters: new Map(counters) };
}

function counterOf(reading: DeviceReading, register: Register): Wh | null {
  if (reading.kind === "inverter") return register === "produced" ? reading.produced : null;
  if (register === "imported") return reading.imported;
  return register === "exported" ? reading.exported : null;
}
