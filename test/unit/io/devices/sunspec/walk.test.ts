import { describe, expect, test } from "vitest";
import { accepted, refused } from "../../../../../agent/core/result.ts";
import {
  isPartOf,
  MODELS_MAX,
  type ReadRegisters,
  stillHolds,
  walk,
} from "../../../../../agent/io/devices/sunspec/walk.ts";

const SUNS = [0x5375, 0x6e53];
const END = [0xffff, 0];

/** A model of `length` zeros. */
function model(id: number, length: number): number[] {
  return [id, length, ...new Array<number>(length).fill(0)];
}

/** A device with `words` from `base` on, and `exception` everywhere else. */
function device(base: number, words: readonly number[], exception = 2): ReadRegisters {
  return (address, count) => {
    const from = address - base;
    const isInside = from >= 0 && from + count <= words.length;
    return Promise.resolve(
      isInside
        ? accepted(words.slice(from, from + count))
        : refused({ code: "deviceError", detail: "exception", exception }),
    );
  };
}

const models = [...model(1, 65), ...model(103, 50)];
const found = [
  { id: 1, address: 40_002, length: 65 },
  { id: 103, address: 40_069, length: 50 },
];

describe("walk", () => {
  test.each([[40_000], [50_000], [0]])("finds the map at %i", async (base) => {
    const outcome = await walk(device(base, [...SUNS, ...models, ...END]));
    expect(outcome.ok && outcome.value).toEqual({
      base,
      models: found.map((each) => ({ ...each, address: each.address - 40_000 + base })),
      end: "marker",
    });
  });

  test.each([[2], [3]])("SMA ends its map by exception %i", async (exception) => {
    const outcome = await walk(device(40_000, [...SUNS, ...models], exception));
    expect(outcome.ok && outcome.value).toEqual({ base: 40_000, models: found, end: "open" });
  });

  test("SolarEdge has a second common model, and zeros for an end", async () => {
    const both = [...models, ...model(1, 65), ...model(203, 105), 0, 0];
    const outcome = await walk(device(40_000, [...SUNS, ...both]));
    // 40002 + 67 + 52 = 40121; + 67 = 40188
    expect(outcome.ok && outcome.value.models).toEqual([
      ...found,
      { id: 1, address: 40_121, length: 65 },
      { id: 203, address: 40_188, length: 105 },
    ]);
  });

  test("exception 0x0B is told, not taken for an end", async () => {
    const outcome = await walk(device(40_000, [...SUNS, ...models], 11));
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({ exception: 11 });
    const nobody = await walk(device(40_000, [], 11));
    expect(nobody.ok ? null : nobody.refusal).toMatchObject({ exception: 11 });
  });

  test("a device without SunSpec, and one without models, are refused", async () => {
    const none = await walk(device(40_000, [1, 2, 3, 4]));
    expect(none.ok ? null : none.refusal).toMatchObject({
      code: "deviceError",
      detail: "no SunSpec marker at 40000, 50000, 0",
    });
    const empty = await walk(device(40_000, [...SUNS, 0, 0]));
    expect(empty.ok).toBe(false);
  });

  test("silence at the first base ends the walk", async () => {
    const outcome = await walk(() => Promise.resolve(refused({ code: "unreachable" })));
    expect(outcome).toEqual({ ok: false, refusal: { code: "unreachable" } });
  });

  test("a map without an end is cut off", async () => {
    const endless: ReadRegisters = (address) =>
      Promise.resolve(accepted(address === 40_000 ? SUNS : [64_001, 2]));
    const outcome = await walk(endless);
    expect(outcome.ok && outcome.value.models.length).toBe(MODELS_MAX);
  });
});

describe("stillHolds", () => {
  const whole = { base: 40_000, models: found, end: "marker" } as const;

  test.each([
    ["the same", [...SUNS, ...models, ...END], true],
    ["moved", [...SUNS, ...model(1, 66), ...model(103, 50), ...END], false],
    ["longer", [...SUNS, ...models, ...model(120, 26), ...END], false],
    ["cut short", [...SUNS, ...model(1, 65), ...END], false],
    ["no SunSpec any more", [0, 0, ...models, ...END], false],
  ])("a map that is %s: %s", async (_, words, holds) => {
    expect(await stillHolds(whole, device(40_000, words))).toEqual(accepted(holds));
  });

  test("tells a broken connection from a changed map", async () => {
    const outcome = await stillHolds(whole, () =>
      Promise.resolve(refused({ code: "unreachable" })),
    );
    expect(outcome.ok).toBe(false);
  });
});

test("a beginning is part of a map, another map is not", () => {
  const whole = { base: 40_000, models: found, end: "marker" } as const;
  expect(isPartOf({ ...whole, models: found.slice(0, 1) }, whole)).toBe(true);
  expect(isPartOf(whole, whole)).toBe(false);
  const moved = [{ id: 1, address: 40_002, length: 66 }];
  expect(isPartOf({ ...whole, models: moved }, whole)).toBe(false);
});
