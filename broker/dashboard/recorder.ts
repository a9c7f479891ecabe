// What the homes said before a browser was opened: the broker keeps the last word of each, this keeps a day of it
// in steps of five minutes and a month in hours. In memory, bounded; the ledger's own history is read by REST.

import { connect } from "mqtt";
import { parseTopic, TOPIC_ROOT } from "../topics.ts";
import type { PageLog } from "./server.ts";

const MINUTE = 60_000;
const FINE = 5 * MINUTE;
const COARSE = 60 * MINUTE;
const FINE_MAX = 25 * 12;
const COARSE_MAX = 31 * 24;
const HOURS_MAX = 31 * 24;
export const HOMES_MAX = 64;
export const DEVICES_MAX = 8;

/** [start of the slot, Unix ms; mean W] */
type Slot = [at: number, w: number];
type Series = { readonly slots: Slot[]; sum: number; count: number };
type Hour = readonly [string, number, number, number | null, number | null];

export type Recorder = {
  readonly hear: (topic: string, payload: string) => void;
  /** JSON text: {devices: [{device, samples: [[at, w]]}], hours: [[listingid, sold, bought, import, export]]} */
  readonly history: (home: string) => string;
};

export function createRecorder(): Recorder {
  const homes = new Map<string, { devices: Map<string, Device>; hours: Map<string, Hour> }>();
  type Device = { readonly fine: Series; readonly coarse: Series };
  const homeNamed = (name: string) => {
    const known = homes.get(name);
    if (known !== undefined || homes.size >= HOMES_MAX) return known;
    const home = { devices: new Map<string, Device>(), hours: new Map<string, Hour>() };
    homes.set(name, home);
    return home;
  };
  const hearHour = (name: string, payload: string): void => {
    const hour = hourOf(objectOf(payload));
    const hours = hour === null ? undefined : homeNamed(name)?.hours;
    if (hour === null || hours === undefined) return;
    hours.delete(hour[0]);
    hours.set(hour[0], hour);
    forgetFirst(hours, HOURS_MAX);
  };
  const hearDevice = (name: string, deviceName: string, payload: string): void => {
    const value = objectOf(payload);
    const [time, w] = [value["at"], value["power_w"]];
    const at = Date.parse(String(time));
    if (Number.isNaN(at) || typeof w !== "number") return;
    const devices = homeNamed(name)?.devices;
    const known = devices?.get(deviceName);
    if (devices === undefined || (known === undefined && devices.size >= DEVICES_MAX)) return;
    const device = known ?? { fine: emptySeries(), coarse: emptySeries() };
    devices.set(deviceName, device);
    add(device.fine, [at, w], { width: FINE, max: FINE_MAX });
    add(device.coarse, [at, w], { width: COARSE, max: COARSE_MAX });
  };
  return {
    hear: (topic, payload) => {
      const parsed = parseTopic(topic);
      if (parsed?.kind === "hour") hearHour(parsed.home, payload);
      if (parsed?.kind === "deviceState") hearDevice(parsed.home, parsed.device, payload);
    },
    history: (name) => {
      const home = homes.get(name);
      if (home === undefined) return "{}";
      const devices = [...home.devices].map(([device, { fine, coarse }]) => {
        const from = fine.slots[0]?.[0] ?? Number.POSITIVE_INFINITY;
        const samples = [...coarse.slots.filter(([at]) => at + COARSE <= from), ...fine.slots];
        return { device, samples: samples.map(([at, w]) => [at, Math.round(w)]) };
      });
      return JSON.stringify({ devices, hours: [...home.hours.values()] });
    },
  };
}

export type RecorderOptions = {
  /** The broker: mqtt://127.0.0.1:1883 */
  readonly mqttUrl: string;
  readonly username?: string;
  readonly password?: string;
  readonly log: PageLog;
};

/** Listens to the broker, also when that comes later or comes back. */
export function openRecorder(options: RecorderOptions): Pick<Recorder, "history"> & {
  readonly close: () => Promise<void>;
} {
  const { mqttUrl, log, ...login } = options;
  const recorder = createRecorder();
  const client = connect(mqttUrl, { ...login, protocolVersion: 4, reconnectPeriod: 2000 });
  client.on("connect", () => {
    client.subscribe([`${TOPIC_ROOT}/+/device/+/state`, `${TOPIC_ROOT}/+/hour`], { qos: 0 });
  });
  client.on("message", (topic, payload) => recorder.hear(topic, payload.toString()));
  client.on("error", (error) =>
    log("debug", "the recorder hears no broker", { what: error.message }),
  );
  return {
    history: recorder.history,
    close: async () => {
      await client.endAsync(true);
    },
  };
}

function emptySeries(): Series {
  return { slots: [], sum: 0, count: 0 };
}

/** Into the mean of its slot; what is older than the newest slot is not heard. */
function add(series: Series, [at, w]: Slot, { width, max }: { width: number; max: number }): void {
  const start = Math.floor(at / width) * width;
  const last = series.slots.at(-1);
  if (last !== undefined && start < last[0]) return;
  if (last === undefined || start > last[0]) {
    series.slots.push([start, w]);
    if (series.slots.length > max) series.slots.shift();
    [series.sum, series.count] = [w, 1];
    return;
  }
  series.sum += w;
  series.count += 1;
  last[1] = series.sum / series.count;
}

function hourOf(value: { readonly [field: string]: unknown }): Hour | null {
  const listingid = value["listingid"];
  const [sold, bought] = [value["sold_kwh"], value["bought_kwh"]];
  if (typeof listingid !== "string" || listingid.length > 64) return null;
  if (typeof sold !== "number" || typeof bought !== "number") return null;
  const metered = (field: string): number | null => {
    const known = value[field];
    return typeof known === "number" ? known : null;
  };
  return [listingid, sold, bought, metered("metered_import_kwh"), metered("metered_export_kwh")];
}

function forgetFirst(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}

function objectOf(payload: string): { readonly [field: string]: unknown } {
  try {
    const value: unknown = JSON.parse(payload);
    return typeof value === "object" && value !== null
      ? (value as { readonly [field: string]: unknown })
      : {};
  } catch {
    // Not ours.
    return {};
  }
}
