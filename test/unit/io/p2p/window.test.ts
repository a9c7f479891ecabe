// Two real yamuxes on a line in memory: what is read is answered rarely, and nobody waits for ever.

import {
  type MessageStream,
  type Stream,
  StreamCloseEvent,
  StreamMessageEvent,
} from "@libp2p/interface";
import { expect, test } from "vitest";
import { steadyYamux } from "../../../../agent/io/p2p/muxer.ts";
import { UNTOLD_BYTES_MAX } from "../../../../agent/io/p2p/window.ts";

const log = Object.assign(() => {}, {
  trace() {},
  error() {},
  enabled: false,
  newScope: () => log,
});

type Bytes = { subarray(): Uint8Array };
type End = MessageStream & { frames: number };

/** Two ends of one line; each counts what it sends. */
function line(): [End, End] {
  const end = (direction: string): End => {
    const fake = Object.assign(new EventTarget(), {
      ...{ log, direction, status: "open", readStatus: "readable", writeStatus: "writable" },
      ...{ frames: 0, pause() {}, resume() {}, push() {} },
      abort: () => fake.dispatchEvent(new StreamCloseEvent()),
    });
    return fake as unknown as End;
  };
  const ends: [End, End] = [end("outbound"), end("inbound")];
  const connect = (from: End, to: End): void => {
    from.send = (data) => {
      from.frames += 1;
      const bytes = (data as Bytes).subarray().slice();
      queueMicrotask(() => to.dispatchEvent(new StreamMessageEvent(bytes)));
      return true;
    };
  };
  connect(ends[0], ends[1]);
  connect(ends[1], ends[0]);
  return ends;
}

/** There and back: what is said in a turn goes out at its end. */
async function settled(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function stream(): Promise<{ here: End; there: End; out: Stream; read: () => number }> {
  const [here, there] = line();
  const make = (end: End) => steadyYamux({}, { watch() {} })().createStreamMuxer(end);
  const [dialler, listener] = [make(here), make(there)];
  let read = 0;
  listener.addEventListener("stream", ({ detail }) => {
    detail.addEventListener("message", ({ data }) => {
      read += data.byteLength;
    });
  });
  const out = (await dialler.createStream()) as Stream;
  await settled();
  return { here, there, out, read: () => read };
}

test("many small messages are not answered one by one", async () => {
  const { here, there, out, read } = await stream();
  out.send(new Uint8Array(100));
  await settled();
  const [sent, answered] = [here.frames, there.frames];
  for (let i = 0; i < 500; i += 1) {
    out.send(new Uint8Array(100));
    await settled();
  }
  expect(read()).toBe(50_100);
  expect(here.frames - sent).toBe(500);
  expect(there.frames - answered).toBe(0);
});

test("the sender is told in time, however much it has to say", async () => {
  const { here, there, out, read } = await stream();
  const [sent, answered] = [here.frames, there.frames];
  const total = 40 * UNTOLD_BYTES_MAX;
  out.send(new Uint8Array(total));
  for (let i = 0; i < 200 && read() < total; i += 1) await settled();
  expect(read()).toBe(total);
  // One answer for each half window, and none for less.
  expect(there.frames - answered).toBeGreaterThanOrEqual(19);
  expect(there.frames - answered).toBeLessThanOrEqual(40);
  expect(here.frames - sent).toBeGreaterThan(0);
});

test("a reader that pauses stops the sender, and sets it going again", async () => {
  const [here, there] = line();
  const make = (end: End) => steadyYamux({}, { watch() {} })().createStreamMuxer(end);
  const [dialler, listener] = [make(here), make(there)];
  let read = 0;
  const inbound: Stream[] = [];
  listener.addEventListener("stream", ({ detail }) => {
    inbound.push(detail as Stream);
    detail.addEventListener("message", ({ data }) => {
      read += data.byteLength;
    });
  });
  const out = (await dialler.createStream()) as Stream;
  await settled();
  inbound[0]?.pause();
  const total = 10 * UNTOLD_BYTES_MAX;
  out.send(new Uint8Array(total));
  for (let i = 0; i < 50; i += 1) await settled();
  expect(read).toBe(0);
  expect(out.writeBufferLength).toBe(total - 2 * UNTOLD_BYTES_MAX);
  inbound[0]?.resume();
  for (let i = 0; i < 200 && read < total; i += 1) await settled();
  expect(read).toBe(total);
});
