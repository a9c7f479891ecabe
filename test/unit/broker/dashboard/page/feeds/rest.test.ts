// What a home's door answers the page, good or not.

import { afterEach, expect, test, vi } from "vitest";
import { ANSWER_BYTES_MAX, openRest } from "../../../../../../broker/dashboard/page/feeds/rest.ts";

afterEach(() => vi.unstubAllGlobals());

async function answered(response: Response) {
  vi.stubGlobal("fetch", async () => response);
  return await openRest("http://127.0.0.1:3000", "token").get("pvtrading/community");
}

test("an answer is read whole, whatever pieces it comes in", async () => {
  // The two bytes of ü are of two pieces.
  const bytes = new TextEncoder().encode('{"name":"Müller"}');
  const pieces = [bytes.slice(0, 10), bytes.slice(10)];
  const answer = await answered(new Response(ReadableStream.from(pieces)));
  expect(answer).toEqual({ ok: true, value: { name: "Müller" } });
  expect(await answered(Response.json({ error: { message: "no" } }, { status: 403 }))).toEqual({
    ...{ ok: false, status: 403, message: "no" },
  });
  expect(await answered(new Response(null, { status: 204 }))).toEqual({ ok: true, value: null });
  expect(await answered(new Response("<html>"))).toMatchObject({ ok: false, status: 0 });
});

test("an answer without end is left", async () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x20);
  let given = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => {
      given += 1;
      if (given > 200) controller.error(new Error("still read"));
      else controller.enqueue(piece);
    },
  });
  const answer = await answered(new Response(endless));
  expect(answer).toEqual({ ok: false, status: 0, message: "an answer that is too long" });
  expect(given).toBeLessThan(ANSWER_BYTES_MAX / piece.length + 5);
});
