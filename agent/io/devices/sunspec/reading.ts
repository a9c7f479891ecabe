// SunSpec registers as a reading of an inverter or a meter, without I/O.

import { accepted, type Result, refused } from "../../../core/result.ts";
import type { Watts, Wh } from "../../../core/units/energy.ts";
import type { DeviceReading, DeviceRefusal } from "../../../ports.ts";
import { plausibleWatts } from "../plausible.ts";
import { countedEnergy, type DecodedModel, decodeModel } from "./decode.ts";
import { MODEL_COMMON } from "./models.ts";

/** What a positive W of a meter means: vendors differ. */
export type MeterSign = "import" | "export";

/** A model with its registers from its id on, and those of the common model before it. */
export type ModelRegisters = {
  readonly id: number;
  readonly registers: readonly number[];
  readonly identity: Identity;
};

export type Identity = {
  /** Whose firmware fills the registers: of the map's first common model. */
  readonly manufacturer: string;
  /** Make, model and serial number as far as known. */
  readonly source: string;
};

type InverterReading = Extract<DeviceReading, { kind: "inverter" }>;
type State = InverterReading["state"];

const MODEL_DER = 701;

/** St of models 101-103 and 111-113. */
const STATES: ReadonlyMap<unknown, State> = new Map([
  [1, "asleep"],
  [2, "asleep"],
  [3, "starting"],
  [4, "producing"],
  [5, "producing"],
  [6, "asleep"],
  [7, "fault"],
  [8, "asleep"],
]);

/** InvSt of model 701. */
const DER_STATES: ReadonlyMap<unknown, State> = new Map([
  [0, "asleep"],
  [1, "asleep"],
  [2, "starting"],
  [3, "producing"],
  [4, "producing"],
  [5, "asleep"],
  [6, "fault"],
  [7, "asleep"],
]);

const SPURIOUS: DeviceRefusal = {
  code: "deviceError",
  detail: "a frame of zeros only: overloaded bus or firmware fault",
};

/** Who made the device, from its common model; null registers: it has none. */
export function identify(registers: readonly number[] | null): Identity {
  const common = registers === null ? new Map() : decodeModel(MODEL_COMMON, registers);
  const said = ["Mn", "Md", "SN"].map((name) => common.get(name)?.raw);
  const texts = said.filter((text) => typeof text === "string");
  const manufacturer = typeof said[0] === "string" ? said[0] : "";
  return { manufacturer, source: texts.length === 0 ? "SunSpec device" : texts.join(" ") };
}

/**
 * Models 101-103, 111-113, 701. Power positive is production; produced is the lifetime counter.
 * Not-implemented values, NaN (SMA at night) and points without a scale factor are null.
 * Refusals: deviceError for a frame of zeros, unless asleep; unintelligible for a model too short to
 * hold power and counter.
 */
export function inverterReading(model: ModelRegisters): Result<DeviceReading, DeviceRefusal> {
  const points = decodeModel(model.id, model.registers);
  const names =
    model.id === MODEL_DER
      ? { counter: "TotWhInj", state: "InvSt", volts: "LNV" }
      : { counter: "WH", state: "St", volts: "PhVphA" };
  if (!points.has("W") || !points.has(names.counter) || !points.has(names.state)) {
    return tooShort(model);
  }
  const st = points.get(names.state)?.raw ?? null;
  const state = (model.id === MODEL_DER ? DER_STATES : STATES).get(st) ?? "unknown";
  const watts = power(points);
  const produced = counter(model, names.counter);
  const isZero = produced === 0 && isAllZero(points, ["W", "Hz", names.volts]);
  if (isZero && state !== "asleep") return refused(SPURIOUS);
  // A counter of 0 is believed of a new inverter at work, not of one that cleared its registers to sleep.
  const isAtWork = state === "producing" || state === "starting" || (watts ?? 0) > 0;
  return accepted({
    kind: "inverter",
    source: model.identity.source,
    state,
    power: watts,
    produced: produced === 0 && !isAtWork ? null : produced,
    deviceTime: null,
  });
}

/**
 * Models 201-204 and 211-214, at the grid connection. Power positive is import.
 * `sign` null: as the vendor is known to do it, else import.
 * Refusals: deviceError for a frame of zeros; unintelligible for a model too short.
 */
export function meterReading(
  model: ModelRegisters,
  sign: MeterSign | null,
): Result<DeviceReading, DeviceRefusal> {
  const points = decodeModel(model.id, model.registers);
  if (!points.has("W") || !points.has("TotWhExp") || !points.has("TotWhImp")) {
    return tooShort(model);
  }
  const imported = counter(model, "TotWhImp");
  const exported = counter(model, "TotWhExp");
  const isZero = isAllZero(points, ["W", "Hz", "PhV", "PhVphA"]);
  if (imported === 0 && exported === 0 && isZero) return refused(SPURIOUS);
  return accepted({
    kind: "meter",
    source: model.identity.source,
    power: power(points, (sign ?? usualSign(model.identity)) === "export" ? -1 : 1),
    imported,
    exported,
    deviceTime: null,
  });
}

/** SolarEdge's meters show export as positive, Fronius's and the others known to us import. */
function usualSign(identity: Identity): MeterSign {
  return /solar\s?edge/i.test(identity.manufacturer) ? "export" : "import";
}

function power(points: DecodedModel, sign: 1 | -1 = 1): Watts | null {
  const scaled = points.get("W")?.scaled ?? null;
  return scaled === null ? null : plausibleWatts(scaled * sign);
}

function counter(model: ModelRegisters, name: string): Wh | null {
  const isNegative = /kostal/i.test(model.identity.manufacturer);
  return countedEnergy(model.id, model.registers, { name, isNegative });
}

/** Whether something is said, and all that is said is 0. */
function isAllZero(points: DecodedModel, names: readonly string[]): boolean {
  const said = names.map((name) => points.get(name)?.raw ?? null).filter((raw) => raw !== null);
  return said.length > 1 && said.every((raw) => Number(raw) === 0);
}

function tooShort(model: ModelRegisters): Result<DeviceReading, DeviceRefusal> {
  const detail = `model ${model.id} has ${model.registers.length} registers, too few`;
  return refused({ code: "unintelligible", detail });
}
