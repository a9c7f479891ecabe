// Where a device keeps which SunSpec model. Base addresses, the 'SunS' marker, and the ends that real maps have.

import { accepted, type Result, refused } from "../../../core/result.ts";
import type { DeviceRefusal } from "../../../ports.ts";

/** Holding registers (function 03) from a 0-based address. Refused with `exception` for Modbus exceptions. */
export type ReadRegisters = (
  address: number,
  count: number,
) => Promise<Result<readonly number[], DeviceRefusal>>;

export type FoundModel = {
  readonly id: number;
  /** Of the model's id. */
  readonly address: number;
  /** Registers after id and length. */
  readonly length: number;
};

export type ModelMap = {
  readonly base: number;
  readonly models: readonly FoundModel[];
  /** Behind the last model: the end marker as specified, or nothing that could be one. */
  readonly end: "marker" | "open";
};

export const BASES: readonly number[] = [40_000, 50_000, 0];

/** 'SunS' */
const MARKER = [0x5375, 0x6e53] as const;
const END_ID = 0xffff;
const ADDRESS_MAX = 0xffff;
/** Maps have up to about 30 models; a device that never ends its map is cut off here. */
export const MODELS_MAX = 64;

/** Illegal data address and illegal data value: how SMA says that the map is over. */
const EXCEPTIONS_END: readonly unknown[] = [2, 3];

/**
 * Walks the map of one unit. Bases are tried in order.
 * Refusals: those of `read`; deviceError if no base has the marker, or nothing follows it.
 * Source: SunSpec Device Information Model Specification, "Device Information Model Discovery".
 */
export async function walk(
  read: ReadRegisters,
  bases: readonly number[] = BASES,
): Promise<Result<ModelMap, DeviceRefusal>> {
  let exception: DeviceRefusal | null = null;
  for (const base of bases) {
    const marker = await read(base, 2);
    if (!marker.ok && marker.refusal.code !== "deviceError") return marker;
    if (!marker.ok) exception ??= marker.refusal;
    else if (isMarker(marker.value)) return walkFrom(base, read);
  }
  if (exception !== null && !isEnd(exception)) return refused(exception);
  return refused({
    code: "deviceError",
    detail: `no SunSpec marker at ${bases.join(", ")}`,
    hint: "switch Modbus TCP (SunSpec) on in the device's menu and check unitId",
  });
}

/**
 * Three short reads after a new connection: marker, header of the last model, end.
 * Accepted: whether `map` still holds. Refusals: those of `read` that say nothing about the map.
 */
export async function stillHolds(
  map: ModelMap,
  read: ReadRegisters,
): Promise<Result<boolean, DeviceRefusal>> {
  const last = map.models.at(-1);
  if (last === undefined) return accepted(false);
  const afterLast = last.address + 2 + last.length;
  const expected = [
    { address: map.base, words: MARKER },
    { address: last.address, words: [last.id, last.length] },
    ...(map.end === "marker" ? [{ address: afterLast, words: [END_ID] }] : []),
  ];
  for (const { address, words } of expected) {
    const found = await read(address, 2);
    if (!found.ok && isEnd(found.refusal)) return accepted(false);
    if (!found.ok) return found;
    if (words.some((word, index) => found.value[index] !== word)) return accepted(false);
  }
  return accepted(true);
}

/** At night some devices show only the beginning of their map. */
export function isPartOf(part: ModelMap, whole: ModelMap): boolean {
  return (
    part.base === whole.base &&
    part.models.length < whole.models.length &&
    part.models.every((model, index) => {
      const other = whole.models[index];
      return other?.id === model.id && other.length === model.length;
    })
  );
}

async function walkFrom(
  base: number,
  read: ReadRegisters,
): Promise<Result<ModelMap, DeviceRefusal>> {
  const models: FoundModel[] = [];
  let address = base + 2;
  while (models.length < MODELS_MAX && address < ADDRESS_MAX) {
    const header = await read(address, 2);
    if (!header.ok && !isEnd(header.refusal)) return header;
    if (!header.ok) break;
    const [id = 0, length = 0] = header.value;
    if (id === END_ID) return accepted({ base, models, end: "marker" });
    // SolarEdge: nothing follows its last meter, not even an end.
    if (id === 0 || length === 0 || address + 2 + length > ADDRESS_MAX) break;
    models.push({ id, address, length });
    address += 2 + length;
  }
  if (models.length > 0) return accepted({ base, models, end: "open" });
  return refused({ code: "deviceError", detail: `no model behind the marker at ${base}` });
}

function isMarker(registers: readonly number[]): boolean {
  return MARKER.every((word, index) => registers[index] === word);
}

function isEnd(refusal: DeviceRefusal): boolean {
  const { exception } = refusal;
  return EXCEPTIONS_END.includes(exception);
}
