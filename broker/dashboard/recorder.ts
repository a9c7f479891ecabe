// What the homes said before a browser was opened: the broker keeps the last word of each, this keeps a day of it
// in steps of five minutes and a month in hours. Bounded, and kept in a file if one is named (recorderFile.ts); the
// ledger's own history is read by REST.

import { connect } from "mqtt";
import { z } from "zod";
import { isName, parseTopic, TOPIC_ROOT } from "../topics.ts";
import { keepRecord, readRecord, tellUnreadable } from "./recorderFile.ts";
import type { PageLog } from "./server.ts";

const MINUTE = 60_000;
const FINE = 5 * MINUTE;
const COARSE = 60 * MINUTE;
const FINE_MAX = 25 * 12;
const COARSE_MAX = 31 * 24;
/** The longest month, and the hour that autumn repeats. */
const HOURS_MAX = 31 * 24 + 1;
export const HOMES_MAX = 64;
export const DEVICES_MAX = 8;
/** No home has more; sums of it stay numbers. */
const W_MAX = 1e9;

/** [start of the slot, Unix ms; mean W] */
type Slot = [at: number, w: number];
/** `sum` and `count` of what `open`, the slot last begun, is the mean of. */
type Series = { readonly slots: Slot[]; open: Slot | null; sum: number; count: number };
type Hour = readonly [string, number, number, number | null, number | null];

export type Recorder = {
  readonly hear: (topic: string, payload: string) => void;
  /** JSON text: {devices: [{device, samples: [[at, w]]}], hours: [[listingid, sold, bought, import, export]]} */
  readonly history: (home: string) => string;
  /** All of it, as `createRecorder` takes it back; null: as it was when this was last asked for. */
  readonly changed: () => string | null;
};

type Device = { readonly fine: Series; readonly coarse: Series };
type Recorded = {
  readonly devices: Map<string, Device>;
  readonly hours: Map<string, Hour>;
  /** As it was asked for last; null: it has changed. */
  told: string | null;
};

/** `kept`: what an earlier one told as `changed`; throws if it is anything else. */
export function createRecorder(kept: unknown = null): Recorder {
  const homes = kept === null ? new Map<string, Recorded>() : restored(kept);
  let isChanged = false;
  const homeNamed = (name: string) => {
    const known = homes.get(name);
    if (known !== undefined || homes.size >= HOMES_MAX) return known;
    const home: Recorded = { devices: new Map(), hours: new Map(), told: null };
    homes.set(name, home);
    return home;
  };
  const hearHour = (name: string, payload: string): void => {
    const hour = hourOf(objectOf(payload));
    const home = hour === null ? undefined : homeNamed(name);
    if (hour === null || home === undefined) return;
    const { hours } = home;
    hours.delete(hour[0]);
    hours.set(hour[0], hour);
    forgetFirst(hours, HOURS_MAX);
    home.told = null;
    isChanged = true;
  };
  const hearDevice = (name: string, deviceName: string, payload: string): void => {
    const value = objectOf(payload);
    // An inverter that sleeps says no power, and makes none.
    const w = value["power_w"] ?? (value["state"] === "asleep" ? 0 : null);
    const time = value["at"];
    const at = Date.parse(String(time));
    // One that is no number in JSON would make all that is kept unreadable.
    if (!(at >= 0) || !isNumber(w) || Math.abs(w) > W_MAX) return;
    const home = homeNamed(name);
    if (home === undefined) return;
    const { devices } = home;
    const known = devices.get(deviceName);
    if (known === undefined && devices.size >= DEVICES_MAX) return;
    const device = known ?? { fine: emptySeries(), coarse: emptySeries() };
    devices.set(deviceName, device);
    add(device.fine, [at, w], { width: FINE, max: FINE_MAX });
    add(device.coarse, [at, w], { width: COARSE, max: COARSE_MAX });
    home.told = null;
    isChanged = true;
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
      home.told ??= JSON.stringify({
        devices: [...home.devices].map(([device, of]) => ({ device, samples: samplesOf(of) })),
        hours: [...home.hours.values()],
      });
      return home.told;
    },
    changed: () => {
      if (!isChanged) return null;
      isChanged = false;
      return JSON.stringify(keepable(homes));
    },
  };
}

// ------------------------------------------------------------------------------------- to keep

const time = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const finite = z.number();

function series(width: number, max: number) {
  return z
    .strictObject({
      slots: z.array(z.tuple([time, finite])).max(max),
      sum: finite,
      count: z.int().min(0),
    })
    .refine(
      ({ slots }) => slots.every(([at], i) => at % width === 0 && at > (slots[i - 1]?.[0] ?? -1)),
      "slots out of order",
    );
}

const name = z.string().refine(isName);
const maybe = finite.nullable();
const hour = z.tuple([z.string().max(64), finite, finite, maybe, maybe]);
const keptShape = z.strictObject({
  version: z.literal(1),
  homes: z
    .array(
      z.strictObject({
        name,
        devices: z
          .array(
            z.strictObject({
              ...{ name, fine: series(FINE, FINE_MAX), coarse: series(COARSE, COARSE_MAX) },
            }),
          )
          .max(DEVICES_MAX),
        hours: z.array(hour).max(HOURS_MAX),
      }),
    )
    .max(HOMES_MAX),
});

function keepable(homes: ReadonlyMap<string, Recorded>): z.input<typeof keptShape> {
  return {
    version: 1,
    homes: [...homes].map(([homeName, { devices, hours }]) => ({
      name: homeName,
      devices: [...devices].map(([device, { fine, coarse }]) => ({
        ...{ name: device, fine: rounded(fine), coarse: rounded(coarse) },
      })),
      hours: [...hours.values()].map((one): z.input<typeof hour> => [...one]),
    })),
  };
}

/** W need no decimals, but for the running mean, which is made of its sum again: the last slot's. */
function rounded({ slots, open, sum, count }: Series): z.input<ReturnType<typeof series>> {
  const last = slots.at(-1);
  const running = open === last ? { sum, count } : { sum: last?.[1] ?? 0, count: 1 };
  return { slots: slots.map(([at, w]): Slot => [at, Math.round(w)]), ...running };
}

function reopened({ slots, ...running }: z.output<ReturnType<typeof series>>): Series {
  return { slots, open: slots.at(-1) ?? null, ...running };
}

function restored(kept: unknown): Map<string, Recorded> {
  return new Map(
    keptShape.parse(kept).homes.map(({ name: homeName, devices, hours }) => [
      homeName,
      {
        devices: new Map(
          devices.map(({ name: device, fine, coarse }): [string, Device] => [
            device,
            { fine: reopened(fine), coarse: reopened(coarse) },
          ]),
        ),
        hours: new Map(hours.map((one): [string, Hour] => [one[0], one])),
        told: null,
      },
    ]),
  );
}

// ------------------------------------------------------------------------------------ listening

export type RecorderOptions = {
  /** The broker: mqtt://127.0.0.1:1883 */
  readonly mqttUrl: string;
  readonly username?: string;
  readonly password?: string;
  /** What is recorded is kept here; left out: it goes with the process. */
  readonly file?: string;
  readonly log: PageLog;
};

/** Listens to the broker, also when that comes later or comes back. */
export function openRecorder(options: RecorderOptions): Pick<Recorder, "hear" | "history"> & {
  readonly close: () => Promise<void>;
} {
  const { mqttUrl, file, log, ...login } = options;
  const recorder = file === undefined ? createRecorder() : recorderFrom(file, log);
  const { changed: text } = recorder;
  const keeper = file === undefined ? null : keepRecord({ file, text, log });
  const client = connect(mqttUrl, { ...login, protocolVersion: 4, reconnectPeriod: 2000 });
  client.on("connect", () => {
    client.subscribe([`${TOPIC_ROOT}/+/device/+/state`, `${TOPIC_ROOT}/+/hour`], { qos: 0 });
  });
  client.on("message", (topic, payload) => recorder.hear(topic, payload.toString()));
  client.on("error", (error) =>
    log("debug", "the recorder hears no broker", { what: error.message }),
  );
  return {
    hear: recorder.hear,
    history: recorder.history,
    close: async () => {
      await client.endAsync(true);
      await keeper?.close();
    },
  };
}

/** With what an earlier one kept there, if that is a record. */
function recorderFrom(file: string, log: PageLog): Recorder {
  try {
    return createRecorder(readRecord(file, log));
  } catch (error) {
    tellUnreadable(log, file, error);
    return createRecorder();
  }
}

function emptySeries(): Series {
  return { slots: [], open: null, sum: 0, count: 0 };
}

/** Ascending in time: hours where there is nothing finer. */
function samplesOf({ fine, coarse }: Device): readonly Slot[] {
  const finer = new Set(fine.slots.map(([at]) => at - (at % COARSE)));
  return [...coarse.slots.filter(([at]) => !finer.has(at)), ...fine.slots]
    .sort(([a], [b]) => a - b)
    .map(([at, w]) => [at, Math.round(w)]);
}

/**
 * Into the mean of its slot; a slot that was left is not opened again. A clock that was wrong for a while leaves some
 * slots far off, later or earlier than all others: those are the first to go.
 */
function add(series: Series, [at, w]: Slot, { width, max }: { width: number; max: number }): void {
  const { slots, open } = series;
  const start = Math.floor(at / width) * width;
  if (open?.[0] === start) {
    series.sum += w;
    series.count += 1;
    open[1] = series.sum / series.count;
    return;
  }
  const before = slots.findLastIndex(([earlier]) => earlier <= start);
  if (slots[before]?.[0] === start) return;
  const slot: Slot = [start, w];
  [series.open, series.sum, series.count] = [slot, w, 1];
  const oldest = slots[0]?.[0] ?? start;
  // A reading or two of long ago take the place of nothing newer.
  const isStray = start < oldest && (open === null || open[0] >= oldest);
  if (slots.length >= max && isStray) return;
  slots.splice(before + 1, 0, slot);
  if (slots.length <= max) return;
  const [first, last] = [slots[0] ?? slot, slots.at(-1) ?? slot];
  if (start - first[0] >= last[0] - start) slots.shift();
  else slots.pop();
}

function hourOf(value: { readonly [field: string]: unknown }): Hour | null {
  const listingid = value["listingid"];
  const [sold, bought] = [value["sold_kwh"], value["bought_kwh"]];
  if (typeof listingid !== "string" || listingid.length > 64) return null;
  if (!isNumber(sold) || !isNumber(bought)) return null;
  const metered = (field: string): number | null => {
    const known = value[field];
    return isNumber(known) ? known : null;
  };
  return [listingid, sold, bought, metered("metered_import_kwh"), metered("metered_export_kwh")];
}

/** JSON has numbers that are none here: 1e999. */
function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
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
