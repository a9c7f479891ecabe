// A meter's answer to GetMeterRealtimeData, read without I/O. Only a meter at the grid connection can be settled by.

import { z } from "zod";
import { accepted, type Result, refused } from "../../../core/result.ts";
import type { DeviceReading, DeviceRefusal } from "../../../ports.ts";
import { countedWh, plausibleWatts } from "../plausible.ts";
import { openAnswer, unreadable } from "./answer.ts";
import type { HttpAnswer } from "./httpHost.ts";
import { asFields, asTime, asWholeNumber, type Fields, firstIssue } from "./wire.ts";

/** Each name as documented, then the internal name that some GEN24 firmware sends instead. */
const NAMES = {
  power: [
    "PowerReal_P_Sum",
    "SMARTMETER_POWERACTIVE_MEAN_SUM_F64",
    "SMARTMETER_POWERACTIVE_SUM_F64",
  ],
  imported: ["EnergyReal_WAC_Plus_Absolute", "SMARTMETER_ENERGYACTIVE_ABSOLUT_PLUS_F64"],
  exported: ["EnergyReal_WAC_Minus_Absolute", "SMARTMETER_ENERGYACTIVE_ABSOLUT_MINUS_F64"],
  location: ["Meter_Location_Current", "SMARTMETER_VALUE_LOCATION_U16"],
  enable: ["Enable", "COMPONENTS_MODE_ENABLE_U16"],
  visible: ["Visible", "COMPONENTS_MODE_VISIBLE_U16"],
  time: ["TimeStamp", "COMPONENTS_TIME_STAMP_U64"],
} as const;

/**
 * Meter_Location_Current: 0 at the grid connection; 1 in the load path, 3 at another generator,
 * 256 to 511 at single loads, where neither power nor counters are the home's import and export.
 */
const LOCATION_GRID = 0;

const number = z.number().nullish();
const readings = z.object({ power: number, imported: number, exported: number });

/**
 * The meter with number `deviceId`, from a Device answer (flat) or a System answer (by number).
 * Power positive is import; imported is EnergyReal_WAC_Plus_Absolute, exported Minus_Absolute, the
 * floor of each in Wh. All three are null for a meter that is not at the grid connection or does not
 * say where it is; an S0 meter has no absolute counters, so they are null.
 * Refusals: as openAnswer; deviceError for a meter that is off (Enable 0), whose values are outdated
 * (Visible 0), that is not in the answer, or that sends zeros only; unintelligible for wrong types
 * and impossible numbers.
 * Source: Fronius Solar API V1, GetMeterRealtimeData.
 */
export function parseMeter(
  answer: HttpAnswer,
  deviceId: number,
): Result<DeviceReading, DeviceRefusal> {
  const opened = openAnswer(answer);
  if (!opened.ok) return opened;
  const found = findMeter(opened.value.data, deviceId);
  if (!found.ok) return found;
  const meter = found.value;
  const doubt = whyNotBelieved(meter);
  if (doubt !== null) return refused({ code: "deviceError", detail: doubt, meter: deviceId });
  const parsed = readings.safeParse({
    power: pick(meter, "power"),
    imported: pick(meter, "imported"),
    exported: pick(meter, "exported"),
  });
  if (!parsed.success) return unreadable(answer, firstIssue(parsed.error));
  const power = believe(parsed.data.power, plausibleWatts);
  const imported = believe(parsed.data.imported, countedWh);
  const exported = believe(parsed.data.exported, countedWh);
  if (power === undefined || imported === undefined || exported === undefined) {
    return unreadable(answer, "a negative counter or an impossible power");
  }
  const isAtGrid = asWholeNumber(pick(meter, "location")) === LOCATION_GRID;
  const seconds = asWholeNumber(pick(meter, "time"));
  return accepted({
    kind: "meter",
    source: sourceOf(meter, deviceId),
    power: isAtGrid ? power : null,
    imported: isAtGrid ? imported : null,
    exported: isAtGrid ? exported : null,
    deviceTime: seconds === null ? opened.value.deviceTime : asTime(seconds * 1000),
  });
}

function findMeter(data: Fields, deviceId: number): Result<Fields, DeviceRefusal> {
  const keyed = asFields(data[String(deviceId)]);
  if (keyed !== null) return accepted(keyed);
  const isFlat = Object.values(NAMES).some((names) => names.some((name) => name in data));
  if (isFlat) return accepted(data);
  return refused({
    code: "deviceError",
    detail: `no meter ${deviceId} in this answer`,
    meters: Object.keys(data).slice(0, 16).join(", "),
  });
}

/** A sentence, or null. */
function whyNotBelieved(meter: Fields): string | null {
  if (isOff(pick(meter, "enable"))) return "the meter is switched off (Enable 0)";
  if (isOff(pick(meter, "visible"))) return "its values are incomplete or outdated (Visible 0)";
  const volts = ["1", "2", "3"].map((phase) => meter[`Voltage_AC_Phase_${phase}`]);
  const said = [pick(meter, "power"), pick(meter, "imported"), pick(meter, "exported"), ...volts];
  const hasNoVoltage = volts.some((voltage) => voltage === 0);
  if (hasNoVoltage && said.every((value) => value === 0 || value === undefined || value === null)) {
    return "a frame of zeros only: overloaded bus or firmware fault";
  }
  return null;
}

function isOff(flag: unknown): boolean {
  return flag === false || asWholeNumber(flag) === 0;
}

function pick(meter: Fields, key: keyof typeof NAMES): unknown {
  const name = NAMES[key].find((candidate) => candidate in meter);
  return name === undefined ? undefined : meter[name];
}

/** null: not said. undefined: said, and impossible. */
function believe<T>(
  value: number | null | undefined,
  judge: (value: number) => T | null,
): T | null | undefined {
  if (value === undefined || value === null) return null;
  return judge(value) ?? undefined;
}

function sourceOf(meter: Fields, deviceId: number): string {
  const { Details } = meter;
  const details = asFields(Details) ?? {};
  const said = ["Manufacturer", "Model", "Serial"]
    .map((key) => details[key])
    .filter((text) => typeof text === "string")
    .map((text) => text.trim().slice(0, 64))
    .filter((text) => text !== "" && text !== "n.a.");
  return said.length === 0 ? `Fronius meter ${deviceId}` : said.join(" ");
}
