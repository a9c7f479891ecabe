// An inverter's answer to GetInverterRealtimeData, read without I/O: the paper's Fig. 5, by day, by night, and in error.

import { accepted, type Result, refused } from "../../../core/result.ts";
import type { DeviceReading, DeviceRefusal } from "../../../ports.ts";
import { countedWh, plausibleWatts } from "../plausible.ts";
import { openAnswer, unreadable } from "./answer.ts";
import type { HttpAnswer } from "./httpHost.ts";
import { readQuantity, systemDevices } from "./quantity.ts";
import { inverterState, STATUS_CODE_ERROR, statusCode } from "./status.ts";
import { asFields, type Fields } from "./wire.ts";

const POWER = "PAC";
const COUNTER = "TOTAL_ENERGY";
/** Each with its dimension; all but the first two only serve to judge the frame. */
const KEYS = [
  [POWER, "power"],
  [COUNTER, "energy"],
  ["DAY_ENERGY", "energy"],
  ["YEAR_ENERGY", "energy"],
  ["UAC", "any"],
  ["FAC", "any"],
] as const;

type Values = { readonly [Key in (typeof KEYS)[number][0]]: number | null };

/**
 * CommonInverterData of one inverter, or its share of a Scope=System answer.
 * Absent keys (night) and null values (GEN24) become null, never 0. A negative power at night is the
 * inverter's own consumption. The counter is the floor of TOTAL_ENERGY, in Wh.
 * Refusals: as openAnswer; also deviceError for a frame of nothing but zeros, and for a System answer
 * without this device; unintelligible for wrong types, unknown units, impossible numbers.
 * Source: Fronius Solar API V1, GetInverterRealtimeData.
 */
export function parseInverter(
  answer: HttpAnswer,
  deviceId: number,
): Result<DeviceReading, DeviceRefusal> {
  const opened = openAnswer(answer);
  if (!opened.ok) return opened;
  const { data, deviceTime } = opened.value;
  const devices = systemDevices(data, POWER) ?? systemDevices(data, COUNTER);
  if (devices !== null && devices.length > 0 && !devices.includes(String(deviceId))) {
    const detail = `no inverter ${deviceId} in this answer`;
    return refused({ code: "deviceError", detail, inverters: devices.join(", ") });
  }
  const read = readValues(data, deviceId);
  if (!read.ok) return unreadable(answer, read.refusal.detail);
  const values = read.value;
  const { DeviceStatus } = data;
  const status = asFields(DeviceStatus);
  const { StatusCode } = status ?? {};
  const code = statusCode(StatusCode);
  if (isSpurious(values, code)) {
    const detail = "a frame of zeros only: overloaded bus or firmware fault";
    return refused({ code: "deviceError", detail });
  }
  const power = values.PAC === null ? null : plausibleWatts(values.PAC);
  if (values.PAC !== null && power === null) return unreadable(answer, `PAC: ${values.PAC} W`);
  const total = believedTotal(values);
  const produced = total === null ? null : countedWh(total);
  if (total !== null && produced === null) return unreadable(answer, `TOTAL_ENERGY: ${total} Wh`);
  // A datalogger that answers for an inverter without a word about it.
  const isSilent = status === null && values.PAC === null;
  const state = isSilent ? "asleep" : inverterState(code, values.PAC !== null);
  const source = `Fronius inverter ${deviceId}`;
  return accepted({ kind: "inverter", source, state, power, produced, deviceTime });
}

function readValues(
  data: Fields,
  deviceId: number,
): Result<Values, { code: string; detail: string }> {
  const values: { [key: string]: number | null } = {};
  for (const [key, dimension] of KEYS) {
    // The paper prints its answer with blanks: 'TOTAL ENERGY'.
    const name = key in data ? key : key.replace("_", " ");
    const value = readQuantity(data, name, { dimension, deviceId });
    if (!value.ok) return value;
    values[key] = value.value;
  }
  return accepted(values as Values);
}

/**
 * An inverter that runs has a grid voltage, and one that sleeps leaves it out or keeps its counter:
 * zeros in all of them are an invention of the bus, and the counter among them would be settled.
 */
function isSpurious(values: Values, code: number | null): boolean {
  const said = Object.values(values).filter((value) => value !== null);
  if (said.length === 0 || said.some((value) => value !== 0)) return false;
  return code === STATUS_CODE_ERROR || (values.TOTAL_ENERGY === 0 && values.UAC === 0);
}

/** The lifetime counter cannot be 0 when this day's or year's is not: seen for one poll, a few times a year. */
function believedTotal(values: Values): number | null {
  const counted = (values.DAY_ENERGY ?? 0) > 0 || (values.YEAR_ENERGY ?? 0) > 0;
  return values.TOTAL_ENERGY === 0 && counted ? null : values.TOTAL_ENERGY;
}
