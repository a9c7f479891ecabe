import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes } from "../../../../agent/core/codec/hex.ts";
import {
  array,
  boolean,
  bytes,
  compareUtf8,
  decode,
  encode,
  hash,
  int64,
  integer,
  kept,
  map,
  nullable,
  oneOf,
  type Shape,
  type ShapeOf,
  struct,
  text,
  union,
} from "../../../../agent/core/codec/shape.ts";

const everything = struct({
  small: integer(-5, 300),
  large: integer(0, Number.MAX_SAFE_INTEGER),
  money: int64(),
  key: bytes(4),
  data: bytes(0, 40),
  id: hash(),
  name: text(12),
  digits: text(8, (value) => /^\d*$/.test(value)),
  flag: boolean,
  maybe: nullable(integer(0, 9)),
  list: array(nullable(text(4)), 3),
  table: map(integer(0, 99), 4, 6),
  state: oneOf(["OPEN", "CLOSED", "VOID"]),
  step: union({ buy: struct({ wh: integer(1, 9) }), stop: struct({}) }, { buy: 3, stop: 7 }),
});

const utf8Length = (value: string): number => new TextEncoder().encode(value).length;
const textOf = (max: number): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", maxLength: max }).filter((value) => utf8Length(value) <= max);

const anything: fc.Arbitrary<ShapeOf<typeof everything>> = fc.record({
  small: fc.integer({ min: -5, max: 300 }),
  large: fc.maxSafeNat(),
  money: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  key: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  data: fc.uint8Array({ maxLength: 40 }),
  id: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex),
  name: textOf(12),
  digits: fc.nat(99_999_999).map(String),
  flag: fc.boolean(),
  maybe: fc.option(fc.nat(9)),
  list: fc.array(fc.option(textOf(4)), { maxLength: 3 }),
  table: fc
    .uniqueArray(fc.tuple(textOf(6), fc.nat(99)), { maxLength: 4, selector: ([k]) => k })
    .map((entries) => new Map(entries)),
  state: fc.constantFrom("OPEN", "CLOSED", "VOID"),
  step: fc.oneof(
    fc.record({ type: fc.constant("buy" as const), wh: fc.integer({ min: 1, max: 9 }) }),
    fc.constant({ type: "stop" as const }),
  ),
});

// biome-ignore lint/suspicious/noExplicitAny: shapes of any type are read the same way.
type AnyShape = Shape<any>;

/** What is wrong with `hex` as a `shape`, or "accepted". */
function problem<T>(shape: Shape<T>, hex: string, max = 1000): string {
  const decoded = decode(shape, hexToBytes(hex), max);
  return decoded.ok ? "accepted" : `${decoded.refusal.problem} at ${decoded.refusal.offset}`;
}

describe("one value has one form", () => {
  it("what is written is read back", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const encoded = encode(everything, value);
        expect(decode(everything, encoded, 1000)).toEqual({ ok: true, value });
      }),
    );
  });

  it("what is read is written back byte for byte, however it was damaged", () => {
    const damage = fc.record({
      at: fc.nat(),
      to: fc.nat(255),
      cut: fc.nat(3),
      more: fc.uint8Array({ maxLength: 2 }),
    });
    let survivors = 0;
    fc.assert(
      fc.property(anything, fc.array(damage, { maxLength: 2 }), (value, damages) => {
        let bytes = [...encode(everything, value)];
        for (const { at, to, cut, more } of damages) {
          bytes.splice(at % bytes.length, cut, ...more, to);
          bytes = bytes.slice(0, 1000);
        }
        const input = Uint8Array.from(bytes);
        const decoded = decode(everything, input, 1000);
        if (!decoded.ok) return;
        survivors += 1;
        expect(encode(everything, decoded.value)).toEqual(input);
      }),
      { numRuns: 3000 },
    );
    expect(survivors).toBeGreaterThan(300);
  });

  it("every truncation is refused, and so is any byte more", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const encoded = encode(everything, value);
        for (let length = 0; length < encoded.length; length += 1) {
          expect(decode(everything, encoded.slice(0, length), 1000).ok).toBe(false);
        }
        expect(decode(everything, Uint8Array.of(...encoded, 0), 1000)).toMatchObject({
          refusal: { code: "malformed", problem: "trailing bytes", offset: encoded.length },
        });
      }),
      { numRuns: 20 },
    );
  });

  it("noise is refused and never thrown", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (b) => !decode(everything, b, 200).ok),
    );
  });
});

describe("bounds", () => {
  it("a message above its limit is refused before it is read", () => {
    expect(problem(integer(0, 9), "0000", 1)).toBe("2 bytes, at most 1 at 1");
  });

  it("a huge count costs nothing: items are read one by one", () => {
    const many = array(boolean, 2 ** 40);
    // 2^32 - 1 and 2^40 items claimed; one is there.
    expect(problem(many, "9afffffffff5")).toBe("truncated at 6");
    expect(problem(many, "9b0000010000000000f5")).toBe("truncated at 10");
    expect(problem(bytes(0, 2 ** 40), "5b000001000000000001")).toBe("truncated at 10");
    expect(problem(text(2 ** 40), "7affffffff61")).toBe("truncated at 6");
    expect(problem(map(boolean, 2 ** 40, 9), "baffffffff6161f5")).toBe("truncated at 8");
  });

  it.each<[string, AnyShape, string, string]>([
    ["an array of 4 where 3 fit", array(boolean, 3), "84f5f5f5f5", "array of 4"],
    ["a hash of 31 bytes", hash(), `581f${"00".repeat(31)}`, "byte string of 31"],
    ["an enumeration's 4th of 3", oneOf(["a", "b", "c"]), "03", "outside [0, 2]"],
    ["text of another form", text(3, (t) => t === "a"), "6162", "wanted form at 0"],
    ["a missing field", struct({ a: boolean, b: boolean }), "81f5", "array of 1"],
    ["a field more", struct({ a: boolean }), "82f5f5", "array of 2"],
    ["an unknown type", union({ a: struct({}) }, { a: 1 }), "820280", "unknown type at 1"],
    ["a type beyond 255", union({ a: struct({}) }, { a: 1 }), "8219010080", "outside"],
    ["a type that all objects have", union({ a: struct({}) }, { a: 1 }), "8280", "integer"],
  ])("refuses %s", (_, shape, hex, expected) => {
    expect(problem(shape, hex)).toContain(expected);
  });
});

describe("maps", () => {
  const table = map(integer(0, 9), 4, 4);

  it("are written in the order of their keys' bytes, whatever order they came in", () => {
    const entries: [string, number][] = [
      ["b", 1],
      ["a", 2],
      ["", 3],
      ["aa", 4],
    ];
    // "" then a, aa, b: a prefix goes first.
    expect(bytesToHex(encode(table, new Map(entries)))).toBe(
      "a460036161026261610461 6201".replace(" ", ""),
    );
    expect(encode(table, new Map(entries.reverse()))).toEqual(encode(table, new Map(entries)));
  });

  it.each([
    ["a2616101616102", "duplicate key at 4"],
    ["a2616201616102", "keys not in order at 4"],
    ["a262616101616102", "keys not in order at 5"],
    ["a161610a", "integer outside [0, 9] at 3"],
    ["a1010a", "text expected at 1"],
    ["a165616161616101", "text of 5 bytes, allowed 0 to 4 at 1"],
    ["a56001", "map of 5 items, allowed 0 to 4 at 0"],
  ])("refuses %s", (hex, expected) => {
    expect(problem(table, hex)).toBe(expected);
  });

  it("order text as its UTF-8 bytes are ordered", () => {
    // UTF-16 would put U+1F600 (d83d de00) before U+FF5E; its UTF-8 (f0...) comes after ef bd 9e.
    expect(compareUtf8("\u{1f600}", "\uff5e")).toBeGreaterThan(0);
    const unit = fc.string({ unit: "binary", maxLength: 4 });
    fc.assert(
      fc.property(unit, unit, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });
});

describe("what is written again and again", () => {
  const plain = struct({ name: text(12), flag: boolean });

  it("has the bytes of its shape, also within another", () => {
    const values = ["a", "bc"].map((name) => ({ name, flag: true }));
    const [once, again] = [1, 2].map(() => encode(array(kept(plain), 2), values));
    expect(once).toEqual(encode(array(plain, 2), values));
    expect(again).toEqual(once);
    expect(decode(array(kept(plain), 2), once as Uint8Array, 99)).toEqual({
      ok: true,
      value: values,
    });
  });

  it("is written once for each value", () => {
    let writes = 0;
    const counted: Shape<{ readonly flag: boolean }> = {
      write: (writer, { flag }) => {
        writes += 1;
        writer.boolean(flag);
      },
      read: (reader) => ({ flag: reader.boolean() }),
    };
    const shape = kept(counted);
    const value = { flag: true };
    const bytesOf = [value, value, { flag: true }].map((one) => bytesToHex(encode(shape, one)));
    expect([bytesOf, writes]).toEqual([["f5", "f5", "f5"], 2]);
  });

  it("does not reach the caller's bytes when the next is written, nor after a bug", () => {
    const first = encode(text(9), "first");
    expect(() => encode(array(boolean, 1), [true, true])).toThrow("Bug");
    encode(text(9), "second");
    expect(bytesToHex(first)).toBe("656669727374");
    const long = encode(bytes(0, 200_000), new Uint8Array(200_000));
    expect([long.length, encode(boolean, true).length]).toEqual([200_005, 1]);
  });
});

describe("writing what could not be read is a bug of ours", () => {
  it.each<[string, () => unknown]>([
    ["a number too large", () => encode(integer(0, 9), 10)],
    ["a number too small", () => encode(integer(0, 9), -1)],
    ["no number", () => encode(integer(0, 9), Number.NaN)],
    ["a fraction", () => encode(integer(0, 9), 0.5)],
    ["money beyond 64 bits", () => encode(int64(), 2n ** 63n)],
    ["bytes too long", () => encode(bytes(2), new Uint8Array(3))],
    ["a hash too short", () => encode(hash(), "ab")],
    ["text too long", () => encode(text(3), "abcd")],
    ["text too long in UTF-8 only", () => encode(text(3), "\u00fc\u00fc")],
    [
      "text of another form",
      () =>
        encode(
          text(3, (t) => t === "a"),
          "b",
        ),
    ],
    ["too many items", () => encode(array(boolean, 1), [true, true])],
    ["too many entries", () => encode(map(boolean, 0, 3), new Map([["a", true]]))],
    ["a key too long", () => encode(map(boolean, 3, 3), new Map([["abcd", true]]))],
    ["none of the values", () => encode(oneOf(["a", "b"]), "c" as "a")],
    ["none of the types", () => encode(union({ a: struct({}) }, { a: 1 }), { type: "b" as "a" })],
  ])("%s", (_, write) => {
    expect(write).toThrow("Bug");
  });
});
