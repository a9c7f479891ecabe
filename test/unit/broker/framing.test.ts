import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { type FrameFault, Framing, watchFraming } from "../../../broker/framing.ts";

const LIMITS = { connectBytesMax: 20, packetBytesMax: 200, packetsAtOnceMax: 3 };
/** CONNECT of 20 bytes, PUBLISH of 200 (0xc8 0x01), PINGREQ. */
const RIGHT = [0x10, 20, ...filled(20), 0x30, 0xc8, 0x01, ...filled(200), 0xc0, 0];

function filled(length: number): number[] {
  return new Array<number>(length).fill(0xff);
}

function readAll(bytes: readonly number[], step: number): FrameFault | null {
  const framing = new Framing(LIMITS);
  for (let i = 0; i < bytes.length; i += step) {
    let piece = Uint8Array.from(bytes.slice(i, i + step));
    while (piece.length > 0) {
      const taken = framing.read(piece);
      if (typeof taken !== "number") return taken;
      piece = piece.subarray(taken);
    }
  }
  return null;
}

describe("framing", () => {
  test.each([1, 2, 3, 7, 1000])("takes what is right, in pieces of %i bytes", (step) => {
    expect(readAll([...RIGHT, ...RIGHT.slice(22)], step)).toBe(null);
  });

  test.each([1, 2, 1000])("refuses too large a packet by its header, in pieces of %i", (step) => {
    expect(readAll([0x10, 21], step)).toBe("tooLarge");
    expect(readAll([...RIGHT, 0x30, 0xc9, 0x01], step)).toBe("tooLarge");
    expect(readAll([...RIGHT, 0x30, 0xff, 0xff, 0xff, 0x7f], step)).toBe("tooLarge");
  });

  test("refuses what does not begin with CONNECT, and lengths without an end", () => {
    expect(readAll([...Buffer.from("GET / HTTP/1.1")], 100)).toBe("notMqtt");
    expect(readAll([0x30, 2], 100)).toBe("notMqtt");
    expect(readAll([0x10, 0x80, 0x80, 0x80, 0x80], 100)).toBe("badLength");
    expect(readAll([0x10, 0x80, 0x80, 0x80, 0x00], 100)).toBe(null);
  });

  test("ends a stream before its reader gets the fault, and says so once", () => {
    const stream = new PassThrough();
    const faults: FrameFault[] = [];
    watchFraming(stream, LIMITS, (fault) => faults.push(fault));
    stream.write(Uint8Array.from(RIGHT));
    expect(stream.read()).toEqual(Buffer.from(RIGHT));
    stream.write(Uint8Array.from([0x30, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]));
    expect(stream.read()).toBe(null);
    expect(stream.read()).toBe(null);
    expect([faults, stream.destroyed]).toEqual([["tooLarge"], true]);
  });

  test("gives a few packets at a time, and none twice", () => {
    const stream = new PassThrough();
    watchFraming(stream, LIMITS, () => {});
    // CONNECT, four PINGREQ, and a PUBLISH whose end comes later.
    const ping = [0xc0, 0];
    const first = [0x10, 2, 1, 2, ...ping, ...ping, ...ping, ...ping, 0x30, 3, 7];
    stream.write(Uint8Array.from(first));
    const read = (): number[] => [...((stream.read() ?? []) as Uint8Array)];
    expect(read()).toEqual([0x10, 2, 1, 2, ...ping, ...ping]);
    expect(read()).toEqual([...ping, ...ping, 0x30, 3, 7]);
    expect(read()).toEqual([]);
    stream.write(Uint8Array.from([8, 9, ...ping]));
    expect(read()).toEqual([8, 9, ...ping]);
  });
});
