import { describe, expect, it, test } from "vitest";
import { createLengths, PACKET_BYTES_MAX } from "../../../../agent/io/mqtt/inbound.ts";

/** CONNACK, PUBLISH of 200 bytes (0xc8 0x01), PINGRESP. */
const RIGHT = [0x20, 2, 0, 0, 0x30, 0xc8, 0x01, ...new Array<number>(200).fill(0xff), 0xd0, 0];

function isEnded(bytes: readonly number[], step: number): boolean {
  const isTooLarge = createLengths();
  for (let i = 0; i < bytes.length; i += step) {
    if (isTooLarge(Uint8Array.from(bytes.slice(i, i + step)))) return true;
  }
  return false;
}

/** MQTT's length of four bytes at most. */
function lengthOf(n: number): number[] {
  return [(n & 0x7f) | 0x80, ((n >> 7) & 0x7f) | 0x80, n >> 14];
}

describe.each([1, 2, 3, 1000])("in pieces of %i bytes", (step) => {
  it("lets pass what is right", () => {
    expect(isEnded([...RIGHT, ...RIGHT], step)).toBe(false);
    expect(isEnded([...RIGHT, 0x30, ...lengthOf(PACKET_BYTES_MAX)], step)).toBe(false);
  });

  it("ends what is too large by its header, or has no length", () => {
    expect(isEnded([...RIGHT, 0x30, ...lengthOf(PACKET_BYTES_MAX + 1)], step)).toBe(true);
    expect(isEnded([...RIGHT, 0x30, 0xff, 0xff, 0xff, 0x7f], step)).toBe(true);
    expect(isEnded([0x20, 0x80, 0x80, 0x80, 0x80], step)).toBe(true);
  });
});

test("the largest is 256 KiB, a topic of 512 bytes, and what stands round them", () => {
  expect(PACKET_BYTES_MAX).toBe(262_144 + 512 + 8);
});
