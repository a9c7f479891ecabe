import { expect, test } from "vitest";
import { sendWhole } from "../../../../agent/io/p2p/oneWrite.ts";

test("a list of pieces is sent as one, and what the connection answers is passed on", () => {
  const sent: unknown[] = [];
  let isFree = true;
  const connection = sendWhole({
    send: (data) => {
      sent.push(data);
      return isFree;
    },
  });
  // Of libp2p's list only this is asked.
  const list = { byteLength: 3, subarray: () => Uint8Array.of(1, 2, 3) };
  expect(connection.send(list as unknown as Uint8Array)).toBe(true);
  isFree = false;
  expect(connection.send(Uint8Array.of(4))).toBe(false);
  expect(sent).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
});
