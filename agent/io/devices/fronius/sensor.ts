// A sensor card's answer to GetSensorRealtimeData (NowSensorData), read without I/O: the lower half of the paper's Fig. 5.

import { z } from "zod";
import { accepted, type Result } from "../../../core/result.ts";
import type { UnixMs } from "../../../core/units/time.ts";
import type { DeviceRefusal } from "../../../ports.ts";
import { openAnswer, unreadable } from "./answer.ts";
import type { HttpAnswer } from "./httpHost.ts";
import { firstIssue } from "./wire.ts";

export type SensorUnit = "°C" | "°F" | "W/m²" | "kWh/m²" | "m/s" | "km/h" | "mph" | "Hz" | "A";

export type SensorChannel = {
  /** 0, 1 temperature; 2 irradiance; 3, 4 digital, of the owner's meaning; 5 current. */
  readonly channel: number;
  /** In `unit`, or in `rawUnit` where that is unknown. null: the card did not say. */
  readonly value: number | null;
  /** null: a unit that is not in the table. */
  readonly unit: SensorUnit | null;
  /** As sent: units follow the owner's settings and the firmware's spelling. */
  readonly rawUnit: string;
};

export type SensorReading = {
  /** By channel number; inactive and damaged channels are absent. */
  readonly channels: readonly SensorChannel[];
  readonly deviceTime: UnixMs | null;
};

/** By the spelling without tags, entities, blanks and case. */
const UNITS: ReadonlyMap<string, SensorUnit> = new Map([
  ["°c", "°C"],
  ["degc", "°C"],
  ["c", "°C"],
  ["°f", "°F"],
  ["degf", "°F"],
  ["f", "°F"],
  ["w/m2", "W/m²"],
  ["kwh/m2", "kWh/m²"],
  ["m/s", "m/s"],
  ["km/h", "km/h"],
  ["mph", "mph"],
  ["hz", "Hz"],
  ["a", "A"],
]);

/** A card has 6 channels; a later one may have more, a hostile answer many. */
const CHANNELS_MAX = 16;

const channel = z.looseObject({ Value: z.number().nullish(), Unit: z.string().nullish() });

/**
 * Every channel of a sensor card, as measured: °F stay °F.
 * Refusals: as openAnswer (12: no such card; a GEN24 answers an error); unintelligible for wrong types.
 * Source: Fronius Solar API V1, GetSensorRealtimeData; the paper, Fig. 5.
 */
export function parseSensor(answer: HttpAnswer): Result<SensorReading, DeviceRefusal> {
  const opened = openAnswer(answer);
  if (!opened.ok) return opened;
  const channels: SensorChannel[] = [];
  for (const [key, content] of Object.entries(opened.value.data).slice(0, CHANNELS_MAX)) {
    if (!/^\d{1,2}$/.test(key)) continue;
    const parsed = channel.safeParse(content);
    if (!parsed.success) return unreadable(answer, `${key}.${firstIssue(parsed.error)}`);
    const rawUnit = parsed.data.Unit ?? "";
    const unit = normaliseUnit(rawUnit);
    channels.push({ channel: Number(key), value: parsed.data.Value ?? null, unit, rawUnit });
  }
  return accepted({ channels, deviceTime: opened.value.deviceTime });
}

function normaliseUnit(raw: string): SensorUnit | null {
  const plain = raw
    .replace(/<[^>]{0,8}>/g, "")
    .replace(/&deg;|&#176;|º/gi, "°")
    .replace(/&sup2;|&#178;|²|\^2/gi, "2")
    .replace(/\s/g, "")
    .toLowerCase();
  return UNITS.get(plain) ?? null;
}
