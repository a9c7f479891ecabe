// A neighbour that asks much and reads nothing must not keep the others from their answers.

import type { Connection, Stream } from "@libp2p/interface";
import { expect, it } from "vitest";
import { toFrame } from "../../../../agent/io/p2p/frames.ts";
import { DEFAULT_LIMITS } from "../../../../agent/io/p2p/limits.ts";
import type { Neighbour } from "../../../../agent/io/p2p/neighbours.ts";
import { Requests } from "../../../../agent/io/p2p/requests.ts";
import { Tally } from "../../../../agent/io/p2p/tally.ts";
import { TokenBucket } from "../../../../agent/io/p2p/tokenBucket.ts";
import { createRecordingLog } from "../../../support/fakes.ts";

/** Asks at once; takes the answer if it `reads`, else never. */
function question(reads: boolean): { readonly stream: Stream; readonly isAnswered: () => boolean } {
  let isAnswered = false;
  const stream = Object.assign(new EventTarget(), {
    status: "open",
    readableEnded: false,
    send: () => {
      isAnswered = true;
      return true;
    },
    close: () => (reads ? Promise.resolve() : new Promise<void>(() => {})),
    abort: () => {},
  });
  queueMicrotask(() => {
    const event = Object.assign(new Event("message"), { data: toFrame(Uint8Array.of(1)) });
    stream.dispatchEvent(event);
  });
  return { stream: stream as unknown as Stream, isAnswered: () => isAnswered };
}

function neighbour(name: string): Neighbour {
  return {
    key: name,
    requests: new TokenBucket({ perSecond: 100, burst: 100, now: 0 }),
    card: { memberId: name, certificate: new Uint8Array(), admittedAt: 0 },
  } as unknown as Neighbour;
}

it("answers a neighbour while another takes none of its answers", async () => {
  const slow = neighbour("slow@vt.edu");
  const honest = neighbour("honest@vt.edu");
  const connections = new Map([slow, honest].map((who) => [{} as Connection, who]));
  const [toSlow, toHonest] = [...connections.keys()] as [Connection, Connection];
  const log = createRecordingLog();
  const requests = new Requests({
    limits: DEFAULT_LIMITS,
    tally: new Tally(),
    log,
    now: () => 0,
    protocolName: (protocol) => protocol,
    neighbourOf: (connection) => connections.get(connection) ?? null,
    // Blocks come in batches of nearly 4 MiB: four such fill the 16 MiB for all neighbours together.
    handlers: () => ({ requested: () => new Uint8Array(4 * 1024 * 1024 - 8) }) as never,
  });
  for (let i = 0; i < 8; i += 1) void requests.serve("blocks", question(false).stream, toSlow);
  await new Promise((resolve) => setImmediate(resolve));
  const asked = question(true);
  await requests.serve("votes", asked.stream, toHonest);
  expect(asked.isAnswered()).toBe(true);
});
