import { describe, expect, test } from "vitest";
import { bytesOf } from "../../../../../../broker/dashboard/page/ledger/bytes.ts";
import { readItem } from "../../../../../../broker/dashboard/page/ledger/cbor.ts";

const read = (hex: string) => readItem(bytesOf(hex) ?? new Uint8Array());

describe("the page's reader of bytes", () => {
  test("reads each kind in its one form (RFC 8949, appendix A)", () => {
    expect(read("17")).toMatchObject({ kind: "integer", value: 23n });
    expect(read("1818")).toMatchObject({ kind: "integer", value: 24n });
    expect(read("1903e8")).toMatchObject({ kind: "integer", value: 1000n });
    expect(read("1bffffffffffffffff")).toMatchObject({ value: 18446744073709551615n });
    expect(read("3903e7")).toMatchObject({ kind: "integer", value: -1000n });
    expect(read("4401020304")).toMatchObject({ kind: "bytes", value: bytesOf("01020304") });
    expect(read("62c3bc")).toMatchObject({ kind: "text", value: "ü" });
    expect(read("8201f6")).toMatchObject({
      ...{
        kind: "list",
        items: [
          { kind: "integer", at: 1 },
          { kind: "null", at: 2 },
        ],
      },
    });
    expect(read("f5")).toMatchObject({ kind: "boolean", value: true });
  });

  test.each([
    ["nothing", ""],
    ["more than one value", "0101"],
    ["a number longer than needed", "1817"],
    ["the same in two bytes", "190018"],
    ["in four", "1a0000ffff"],
    ["and in eight", "1b00000000ffffffff"],
    ["a length longer than needed", "580101"],
    ["cut off text", "6261"],
    ["a cut off list", "8201"],
    ["a cut off number", "19ff"],
    ["text that is not UTF-8", "61ff"],
    ["a list without end", "9f01ff"],
    ["a map", "a0"],
    ["a tag", "c001"],
    ["a float", "f90000"],
    ["undefined", "f7"],
    ["more items than bytes", "9b7fffffffffffffff"],
    ["too deep", `${"81".repeat(17)}01`],
  ])("refuses %s", (_what, hex) => {
    expect(() => read(hex)).toThrow(/at byte \d+$/);
  });

  test("hex is of whole bytes in lower case", () => {
    expect([bytesOf("0g"), bytesOf("abc"), bytesOf("AB"), bytesOf("")]).toEqual([
      ...[null, null, null, new Uint8Array()],
    ]);
  });
});
