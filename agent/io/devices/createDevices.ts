// From the configured entries to devices: what shares a host shares its connection and its queue.

import type { Device, Log } from "../../ports.ts";
import { FroniusHost, froniusDevice } from "./fronius/froniusHost.ts";
import type { HttpLimits } from "./fronius/httpHost.ts";
import { ModbusHost, type ModbusLimits } from "./sunspec/modbusHost.ts";
import type { MeterSign } from "./sunspec/reading.ts";
import { SunspecUnit, sunspecDevice } from "./sunspec/sunspecUnit.ts";

export type FroniusEntry = {
  readonly name: string;
  readonly kind: Device["kind"];
  readonly driver: "fronius";
  readonly url: string;
  /** Left out: 1 for an inverter, 0 for a meter. */
  readonly deviceId?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
};

export type SunspecEntry = {
  readonly name: string;
  readonly kind: Device["kind"];
  readonly driver: "sunspec";
  readonly host: string;
  /** Left out: 502. */
  readonly port?: number | undefined;
  /** Left out: 1. */
  readonly unitId?: number | undefined;
  /** What a positive power of the meter means. Left out: as its vendor is known to do it, else import. */
  readonly meterSign?: MeterSign | undefined;
};

export type DeviceEntry = FroniusEntry | SunspecEntry;

export type DeviceLimits = { readonly http: HttpLimits; readonly modbus: ModbusLimits };

/** Devices with a lifetime: after close() each read that is under way or comes later calls back unreachable. */
export type DeviceSet = { readonly devices: readonly Device[]; readonly close: () => void };

/**
 * Fronius asks for at most one request a second and answers its first within 3.3 s; 5 s is usual for
 * Modbus TCP. A laboratory whose hours are minutes may want shorter rests.
 */
export const DEVICE_LIMITS: DeviceLimits = {
  http: { gapMs: 1000, timeoutMs: 10_000 },
  modbus: { timeoutMs: 5000, gapMs: 50, backOffMs: 1000, backOffMaxMs: 60_000 },
};

/** Opens nothing yet: the first read connects. Entries with the same host share one queue. */
export function createDevices(
  entries: readonly DeviceEntry[],
  options: { readonly log: Log; readonly limits?: DeviceLimits },
): DeviceSet {
  const limits = options.limits ?? DEVICE_LIMITS;
  const closing = new AbortController();
  const { signal } = closing;
  const log = options.log;
  const loggers = new Map<string, FroniusHost>();
  const modbusHosts = new Map<string, ModbusHost>();
  const units = new Map<string, SunspecUnit>();

  function fronius(entry: FroniusEntry): Device {
    const url = new URL(entry.url);
    const host = once(loggers, url.origin, () => new FroniusHost(url, signal));
    const timeoutMs =
      entry.timeoutSeconds === undefined ? limits.http.timeoutMs : entry.timeoutSeconds * 1000;
    const deviceId = entry.deviceId ?? (entry.kind === "inverter" ? 1 : 0);
    const { name, kind } = entry;
    return froniusDevice(
      host,
      { name, kind, deviceId, limits: { ...limits.http, timeoutMs } },
      log,
    );
  }

  function sunspec(entry: SunspecEntry): Device {
    const { host, port = 502, unitId = 1 } = entry;
    const address = `${host.toLowerCase()}:${port}`;
    const modbus = once(
      modbusHosts,
      address,
      () => new ModbusHost({ host, port }, { limits: limits.modbus, signal, log }),
    );
    const unit = once(
      units,
      `${address}/${unitId}`,
      () => new SunspecUnit(modbus, { unitId, log }),
    );
    return sunspecDevice(unit, {
      name: entry.name,
      kind: entry.kind,
      sign: entry.meterSign ?? null,
    });
  }

  return {
    devices: entries.map((entry) => (entry.driver === "fronius" ? fronius(entry) : sunspec(entry))),
    close: () => closing.abort(),
  };
}

function once<T>(made: Map<string, T>, key: string, make: () => T): T {
  const found = made.get(key);
  if (found !== undefined) return found;
  const value = make();
  made.set(key, value);
  return value;
}
