import { describe, expect, test } from "vitest";
import { countedEnergy, decodeModel } from "../../../../../agent/io/devices/sunspec/decode.ts";
import { modelPoints } from "../../../../../agent/io/devices/sunspec/models.ts";
import { decodePoint, scaleWhole } from "../../../../../agent/io/devices/sunspec/points.ts";

test.each([
  ["int16", [0x8000], null],
  ["int16", [0x7fff], 32767],
  ["int16", [0x8001], -32767],
  ["int16", [0xffff], -1],
  ["uint16", [0xffff], null],
  ["uint16", [0xfffe], 65534],
  ["enum16", [0xffff], null],
  ["sunssf", [0x8000], null],
  ["sunssf", [0xfff6], -10],
  ["acc32", [0, 0], null],
  ["acc32", [0xffff, 0xfffe], 4294967294],
  ["uint32", [0xffff, 0xffff], null],
  ["bitfield32", [0xffff, 0xffff], null],
  ["bitfield32", [0, 0], 0],
  ["uint64", [0xffff, 0xffff, 0xffff, 0xffff], null],
  // 0x0001_0000_0000_0001 = 2^48 + 1
  ["uint64", [1, 0, 0, 1], 281474976710657n],
  // 0x3FC00000 = 1.5; 0x7FC00000 and 0xFF800000 are NaN and -infinity; 0x4EFF8000 = float(0x7FC00000)
  ["float32", [0x3fc0, 0], 1.5],
  ["float32", [0x7fc0, 0], null],
  ["float32", [0x7fc0, 1], null],
  ["float32", [0xff80, 0], null],
  ["float32", [0x4eff, 0x8000], null],
  ["string", [0x4672, 0x6f6e, 0x6975, 0x7300], "Fronius"],
  ["string", [0x4100, 0x4242], "A"],
  ["string", [0x2020, 0x2020], null],
  ["string", [0, 0], null],
] as const)("%s %j is %s", (type, registers, value) => {
  expect(decodePoint(type, registers)).toBe(value);
});

test("scales whole numbers without floats", () => {
  // (2^53 + 1) x 10 / 10 survives only in integers.
  expect(scaleWhole(9007199254740993n, 1)).toBe(90071992547409930n);
  expect(scaleWhole(1999n, -3)).toBe(1n);
  expect(scaleWhole(1n, 11)).toBe(null);
  expect(scaleWhole(1n, null)).toBe(null);
});

test.each([
  [1, 67],
  [101, 52],
  [103, 52],
  [113, 62],
  [203, 107],
  [213, 126],
  // 155 with the 32 registers of alarm text.
  [701, 123],
])("model %i ends at register %i", (id, length) => {
  const last = modelPoints(id)?.at(-1);
  expect((last?.offset ?? 0) + (last?.length ?? 0)).toBe(length);
});

/** Model 103 with W at 14, W_SF at 15, WH at 24, WH_SF at 26, St at 38; the rest not implemented. */
function model103(words: { readonly [offset: number]: number }): number[] {
  const registers = new Array<number>(52).fill(0xffff);
  for (const point of modelPoints(103) ?? []) {
    if (point.type === "int16" || point.type === "sunssf") registers[point.offset] = 0x8000;
  }
  registers.splice(0, 2, 103, 50);
  for (const [offset, word] of Object.entries(words)) registers[Number(offset)] = word;
  return registers;
}

describe("decodeModel", () => {
  test("scales, keeps what is not implemented null, and drops values without their factor", () => {
    const points = decodeModel(103, model103({ 14: 5520, 15: 0xffff, 16: 4996 }));
    expect(points.get("W")).toEqual({ raw: 5520, scaled: 552 });
    expect(points.get("Hz")).toEqual({ raw: 4996, scaled: null });
    expect(points.get("DCW")).toEqual({ raw: null, scaled: null });
  });

  test("reads no further than the registers, or the model's own length", () => {
    const registers = model103({ 14: 5520, 15: 0 });
    expect(decodeModel(103, registers.slice(0, 15)).has("W_SF")).toBe(false);
    expect(decodeModel(103, registers.slice(0, 15)).get("W")).toEqual({ raw: 5520, scaled: null });
    registers[1] = 12;
    expect(decodeModel(103, registers).has("W")).toBe(false);
    expect(decodeModel(64001, registers).size).toBe(0);
  });
});

describe("countedEnergy", () => {
  const read = (words: { readonly [offset: number]: number }, isNegative = false): unknown =>
    countedEnergy(103, model103(words), { name: "WH", isNegative });

  test("is the floor of the device's count, in Wh", () => {
    // 0x01A3_6B62 = 27487074; x 10^-1 = 2748707.4
    expect(read({ 24: 0x01a3, 25: 0x6b62, 26: 0xffff })).toBe(2748707);
    expect(read({ 24: 0x01a3, 25: 0x6b62, 26: 3 })).toBe(27487074000);
  });

  test("believes 0 where the scale factor is implemented", () => {
    expect(read({ 24: 0, 25: 0, 26: 0 })).toBe(0);
    expect(read({ 24: 0, 25: 0 })).toBe(null);
    expect(read({ 24: 0xffff, 25: 0xffff, 26: 0 })).toBe(null);
    // 4294967294 x 10^10 is more than a number holds exactly.
    expect(read({ 24: 0xffff, 25: 0xfffe, 26: 10 })).toBe(null);
    // 4294967294 x 10^3 Wh is 4.3 TWh: a country, not a home. 999999999 x 10^3 Wh is just below 1 TWh.
    expect(read({ 24: 0xffff, 25: 0xfffe, 26: 3 })).toBe(null);
    expect(read({ 24: 0x3b9a, 25: 0xc9ff, 26: 3 })).toBe(999999999000);
  });

  test("turns a count that goes downwards", () => {
    // 2^32 - 0xFFFF_FC18 = 1000
    expect(read({ 24: 0xffff, 25: 0xfc18, 26: 0 }, true)).toBe(1000);
    expect(read({ 24: 0, 25: 1000, 26: 0 }, true)).toBe(1000);
  });
});
