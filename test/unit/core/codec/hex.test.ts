import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes } from "../../../../agent/core/codec/hex.ts";

describe("hex", () => {
  it("is lower case, two digits a byte", () => {
    expect(bytesToHex(Uint8Array.of(0, 9, 10, 0x7f, 0xff))).toBe("00090a7fff");
    expect([...hexToBytes("00090a7fff")]).toEqual([0, 9, 10, 0x7f, 0xff]);
    expect(bytesToHex(new Uint8Array())).toBe("");
  });

  it("goes there and back", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = bytesToHex(bytes);
        expect(hex).toBe(Buffer.from(bytes).toString("hex"));
        expect(hexToBytes(hex)).toEqual(bytes);
      }),
    );
  });

  it.each(["0", "AB", "0g", "/0", ":0", "`0", "0x00", " 0", "é0"])("is not %j", (text) => {
    expect(() => hexToBytes(text)).toThrow("Bug");
  });
});
