// A neighbour that hangs up while we open a stream to it must not end our agent.

import { type MessageStream, StreamStateError } from "@libp2p/interface";
import { expect, test } from "vitest";
import { steadyYamux } from "../../../../agent/io/p2p/muxer.ts";

const log = Object.assign(() => {}, {
  trace() {},
  error() {},
  enabled: false,
  newScope: () => log,
});

/** A connection of which only what yamux touches is there; it refuses as libp2p's own does. */
function connection(): MessageStream & { writeStatus: string; sent: number } {
  const fake = Object.assign(new EventTarget(), {
    ...{ log, status: "open", readStatus: "readable", writeStatus: "writable", sent: 0 },
    ...{ pause() {}, resume() {}, abort() {}, push() {} },
    send: (): boolean => {
      if (fake.writeStatus !== "writable") throw new StreamStateError(fake.writeStatus);
      fake.sent += 1;
      return true;
    },
  });
  return fake as unknown as ReturnType<typeof connection>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a stream opened on a connection that goes down is lost, and nothing is thrown", async () => {
  const thrown: unknown[] = [];
  const catcher = (error: unknown): void => void thrown.push(error);
  process.on("uncaughtException", catcher);
  try {
    for (const status of ["closing", "closed"]) {
      const line = connection();
      const muxer = steadyYamux({}, { watch() {} })().createStreamMuxer(line);
      await muxer.createStream();
      await turn();
      expect(line.sent).toBe(1);
      const opened = Promise.resolve(muxer.createStream());
      line.writeStatus = status;
      await Promise.allSettled([opened]);
      await turn();
      expect(line.sent).toBe(1);
    }
    expect(thrown).toEqual([]);
  } finally {
    process.off("uncaughtException", catcher);
  }
});
