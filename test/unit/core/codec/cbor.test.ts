import { describe, expect, it } from "vitest";
import { CodecError, Reader, Writer } from "../../../../agent/core/codec/cbor.ts";
import { bytesToHex, hexToBytes } from "../../../../agent/core/codec/hex.ts";

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return bytesToHex(writer.finish());
}

/** The problem that reading `hex` meets, or what was read. */
function outcome<T>(hex: string, read: (reader: Reader) => T): T | string {
  const reader = new Reader(hexToBytes(hex));
  try {
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof CodecError) return `${error.problem} at ${error.offset}`;
    throw error;
  }
}

const INT_64 = [-(2n ** 64n), 2n ** 64n - 1n] as const;
const anyInteger = (reader: Reader): bigint => reader.bigint(...INT_64);

// RFC 8949 appendix A, as far as our subset goes.
describe("RFC 8949 appendix A", () => {
  it.each<[bigint, string]>([
    [0n, "00"],
    [1n, "01"],
    [10n, "0a"],
    [23n, "17"],
    [24n, "1818"],
    [25n, "1819"],
    [100n, "1864"],
    [1000n, "1903e8"],
    [1_000_000n, "1a000f4240"],
    [1_000_000_000_000n, "1b000000e8d4a51000"],
    [18_446_744_073_709_551_615n, "1bffffffffffffffff"],
    [-18_446_744_073_709_551_616n, "3bffffffffffffffff"],
    [-1n, "20"],
    [-10n, "29"],
    [-100n, "3863"],
    [-1000n, "3903e7"],
  ])("%s is %s", (value, hex) => {
    expect(written((w) => w.integer(value))).toBe(hex);
    expect(outcome(hex, anyInteger)).toBe(value);
    if (value !== BigInt(Number(value)) || !Number.isSafeInteger(Number(value))) return;
    const number = Number(value);
    expect(written((w) => w.integer(number))).toBe(hex);
    expect(outcome(hex, (r) => r.integer(-(2 ** 53) + 1, 2 ** 53 - 1))).toBe(number);
  });

  it.each([
    ["", "60"],
    ["a", "6161"],
    ["IETF", "6449455446"],
    ['"\\', "62225c"],
    ["\u00fc", "62c3bc"],
    ["\u6c34", "63e6b0b4"],
    ["\ud800\udd51", "64f0908591"],
  ])("%j is %s", (value, hex) => {
    expect(written((w) => w.text(value))).toBe(hex);
    expect(outcome(hex, (r) => r.text(64))).toBe(value);
  });

  it.each([
    ["", "40"],
    ["01020304", "4401020304"],
  ])("h'%s' is %s", (content, hex) => {
    expect(written((w) => w.bytes(hexToBytes(content)))).toBe(hex);
    expect(outcome(hex, (r) => bytesToHex(r.bytes(0, 64)))).toBe(content);
  });

  it("false, true and null are f4, f5 and f6", () => {
    expect(written((w) => w.boolean(false))).toBe("f4");
    expect(written((w) => w.boolean(true))).toBe("f5");
    expect(written((w) => w.null())).toBe("f6");
    expect(outcome("f4", (r) => r.boolean())).toBe(false);
    expect(outcome("f5", (r) => r.boolean())).toBe(true);
    expect(outcome("f6", (r) => r.nullNext())).toBe(true);
  });

  it("[1, 2, 3], 25 numbers, and {} are 83..., 9819... and a0", () => {
    const numbers = (n: number): string =>
      written((w) => {
        w.array(n);
        for (let i = 1; i <= n; i += 1) w.integer(i);
      });
    expect(numbers(0)).toBe("80");
    expect(numbers(3)).toBe("83010203");
    expect(numbers(25)).toBe("98190102030405060708090a0b0c0d0e0f101112131415161718181819");
    expect(written((w) => w.map(0))).toBe("a0");
    expect(outcome("80", (r) => r.array(0, 9))).toBe(0);
    expect(outcome("a0", (r) => r.map(9))).toBe(0);
  });
});

describe("reading refuses", () => {
  it.each([
    // 23 and 255, 65535 and 2^32 - 1 in one size more than they need.
    ["1817", "longer head than needed at 0"],
    ["1900ff", "longer head than needed at 0"],
    ["1a0000ffff", "longer head than needed at 0"],
    ["1b00000000ffffffff", "longer head than needed at 0"],
    ["3800", "longer head than needed at 0"],
    ["1c", "indefinite or reserved length at 0"],
    ["1f", "indefinite or reserved length at 0"],
    ["", "truncated at 0"],
    ["18", "truncated at 1"],
    ["1903", "truncated at 2"],
    ["1b000000e8d4a510", "truncated at 8"],
    ["0000", "trailing bytes at 1"],
    // A bignum, a date, a float, undefined, a simple value, and text: none is an integer here.
    ["c249010000000000000000", "integer expected at 0"],
    ["c11a514b67b0", "integer expected at 0"],
    ["f93c00", "integer expected at 0"],
    ["f7", "integer expected at 0"],
    ["f0", "integer expected at 0"],
    ["6131", "integer expected at 0"],
  ])("%j as an integer", (hex, problem) => {
    expect(outcome(hex, anyInteger)).toBe(problem);
    expect(outcome(hex, (r) => r.integer(-(2 ** 53) + 1, 2 ** 53 - 1))).toBe(problem);
  });

  it.each([
    ["18ff", 0, 254],
    ["20", 0, 254],
    ["1b0020000000000000", -(2 ** 53) + 1, 2 ** 53 - 1],
    ["3b001fffffffffffff", -(2 ** 53) + 1, 2 ** 53 - 1],
    ["3bffffffffffffffff", -(2 ** 53) + 1, 2 ** 53 - 1],
  ])("%s outside %d to %d", (hex, min, max) => {
    const problem = `integer outside [${min}, ${max}] at 0`;
    expect(outcome(hex, (r) => r.integer(min, max))).toBe(problem);
    expect(outcome(hex, (r) => r.bigint(BigInt(min), BigInt(max)))).toBe(problem);
  });

  it.each([
    ["5f42010243030405ff", "indefinite or reserved length at 0"],
    ["5801ff", "longer head than needed at 0"],
    ["4401020304", "byte string of 4 bytes, allowed 1 to 3 at 0"],
    ["40", "byte string of 0 bytes, allowed 1 to 3 at 0"],
    ["4201", "truncated at 2"],
    ["6101", "byte string expected at 0"],
    ["5bffffffffffffffff", "byte string of 18446744073709551615 bytes, allowed 1 to 3 at 0"],
  ])("%j as bytes", (hex, problem) => {
    expect(outcome(hex, (r) => bytesToHex(r.bytes(1, 3)))).toBe(problem);
  });

  it.each([
    ["7f657374726561646d696e67ff", "indefinite or reserved length at 0"],
    ["780161", "longer head than needed at 0"],
    ["6561626364", "text of 5 bytes, allowed 0 to 4 at 0"],
    ["6261", "truncated at 2"],
    ["4161", "text expected at 0"],
    ["61ff", "text is not UTF-8 at 0"],
    ["62c328", "text is not UTF-8 at 0"],
    // An overlong NUL, a surrogate, beyond U+10FFFF, and half a character.
    ["62c080", "text is not UTF-8 at 0"],
    ["63eda080", "text is not UTF-8 at 0"],
    ["64f4908080", "text is not UTF-8 at 0"],
    ["62e6b0", "text is not UTF-8 at 0"],
  ])("%j as text", (hex, problem) => {
    expect(outcome(hex, (r) => r.text(4))).toBe(problem);
  });

  it.each([
    ["9f0102ff", "indefinite or reserved length at 0"],
    ["9800", "longer head than needed at 0"],
    ["84", "array of 4 items, allowed 1 to 3 at 0"],
    ["80", "array of 0 items, allowed 1 to 3 at 0"],
    ["a1", "array expected at 0"],
    ["9bffffffffffffffff", "array of 18446744073709551615 items, allowed 1 to 3 at 0"],
  ])("%j as an array", (hex, problem) => {
    expect(outcome(hex, (r) => r.array(1, 3))).toBe(problem);
  });

  it.each([
    ["bf61610161629f0203ffff", "indefinite or reserved length at 0"],
    ["b800", "longer head than needed at 0"],
    ["a4", "map of 4 items, allowed 0 to 3 at 0"],
    ["80", "map expected at 0"],
  ])("%j as a map", (hex, problem) => {
    expect(outcome(hex, (r) => r.map(3))).toBe(problem);
  });

  it.each(["f6", "f7", "f3", "00", "f814", "f815"])("%s as a boolean", (hex) => {
    expect(outcome(hex, (r) => r.boolean())).toBe("boolean expected at 0");
  });
});

describe("reading", () => {
  it("keeps a byte order mark, so that text has one form", () => {
    expect(outcome("64efbbbf61", (r) => r.text(9))).toBe("\ufeffa");
    expect(written((w) => w.text("\ufeffa"))).toBe("64efbbbf61");
  });

  it("copies bytes out of the message they came in", () => {
    const message = hexToBytes("420102");
    const found = new Reader(message).bytes(0, 9);
    message.fill(0xff);
    expect([...found]).toEqual([1, 2]);
  });

  it("sees null without taking what is not", () => {
    expect(outcome("00", (r) => [r.nullNext(), r.offset, r.integer(0, 0)])).toEqual([false, 0, 0]);
  });
});

describe("writing", () => {
  it("grows as far as needed", () => {
    const long = "x".repeat(100_000);
    const writer = new Writer();
    for (let i = 0; i < 3; i += 1) writer.text(long);
    // Head 7a and four bytes: 100 000 needs more than two.
    expect(writer.finish().length).toBe(3 * 100_005);
  });

  it("keeps what was written when text turns out not to be ASCII late", () => {
    const text = `${"a".repeat(600)}\u00fc`;
    // 602 = 0x25a bytes.
    const hex = `0179025a${"61".repeat(600)}c3bcf5`;
    const all = written((w) => {
      w.integer(1);
      w.text(text);
      w.boolean(true);
    });
    expect(all).toBe(hex);
  });

  it.each([0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])("of %d is a bug of ours", (n) => {
    expect(() => written((w) => w.integer(n))).toThrow("Bug: not a safe integer");
  });

  it("of what has no form is a bug of ours", () => {
    expect(() => written((w) => w.integer(2n ** 64n))).toThrow("Bug: integer beyond 64 bits");
    expect(() => written((w) => w.integer(-(2n ** 64n) - 1n))).toThrow("Bug: integer beyond");
    expect(() => written((w) => w.text("\ud800"))).toThrow("Bug: text with a lone surrogate");
  });
});
