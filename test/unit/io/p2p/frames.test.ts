import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader, toFrame } from "../../../../agent/io/p2p/frames.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("a frame is its length in four bytes, big-endian, and its body", () => {
  // 258 = 1 * 256 + 2
  const frame = toFrame(new Uint8Array(258).fill(7));
  expect(frame.subarray(0, 5)).toEqual(bytes(0, 0, 1, 2, 7));
  expect(frame.length).toBe(262);
  expect(toFrame(new Uint8Array(0))).toEqual(bytes(0, 0, 0, 0));
});

test("bodies come out whole and in order however the stream is cut", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(bodies, cuts, (sent, sizes) => {
      const stream = Buffer.concat(sent.map(toFrame));
      const reader = new FrameReader(9_000);
      const received: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i += 1) {
        const size = sizes[i % sizes.length] ?? 1;
        const read = reader.push(stream.subarray(at, at + size));
        if (!read.ok) return false;
        received.push(...read.value);
        at += size;
      }
      expect(received.map((body) => Buffer.from(body))).toEqual(sent.map((b) => Buffer.from(b)));
      return !reader.isPartial;
    }),
    { numRuns: 200 },
  );
});

test("a body is ours: the chunk it came in may be reused", () => {
  const chunk = toFrame(bytes(1, 2, 3));
  const read = new FrameReader(3).push(chunk);
  chunk.fill(0);
  expect(read).toEqual({ ok: true, value: [bytes(1, 2, 3)] });
});

test("a length above the limit is refused with both numbers, before any body", () => {
  const reader = new FrameReader(3);
  expect(reader.push(bytes(0, 0, 0))).toEqual({ ok: true, value: [] });
  expect(reader.isPartial).toBe(true);
  expect(reader.push(bytes(4))).toEqual({
    ok: false,
    refusal: { code: "frameTooLarge", size: 4, max: 3 },
  });
  // The sign bit is a number like any other: 0xffffffff = 4294967295.
  expect(new FrameReader(3).push(bytes(255, 255, 255, 255))).toMatchObject({
    refusal: { size: 4_294_967_295 },
  });
});
