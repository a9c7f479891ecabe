// Who is silent is asked, who does not answer is lost, and nobody else costs a frame.

import type { MessageStream } from "@libp2p/interface";
import { expect, test } from "vitest";
import { KeepAlive } from "../../../../agent/io/p2p/keepAlive.ts";

function line() {
  const fake = {
    pings: 0,
    ended: 0,
    status: "open" as "open" | "closed",
    connection: Object.assign(new EventTarget(), {
      abort: () => {
        fake.ended += 1;
        fake.connection.dispatchEvent(new Event("close"));
      },
    }),
    muxer: {
      get status() {
        return fake.status;
      },
      abort: () => {
        fake.status = "closed";
      },
      ping: () => {
        fake.pings += 1;
        return Promise.reject(new Error("closed meanwhile"));
      },
    },
    hear: () => fake.connection.dispatchEvent(new Event("message")),
  };
  return fake;
}

function watched(): { keepAlive: KeepAlive; one: ReturnType<typeof line>; beat: () => void } {
  const keepAlive = new KeepAlive(5_000);
  const one = line();
  keepAlive.watch(one.muxer, one.connection as unknown as MessageStream);
  return { keepAlive, one, beat: () => keepAlive.beat() };
}

test("a connection on which something comes in each beat is never asked", () => {
  const { one, beat } = watched();
  for (let i = 0; i < 100; i += 1) {
    one.hear();
    beat();
  }
  expect([one.pings, one.ended]).toEqual([0, 0]);
});

test("one that only answers is asked every second beat, and stays", () => {
  const { one, beat } = watched();
  for (let i = 0; i < 10; i += 1) {
    const before = one.pings;
    beat();
    if (one.pings > before) one.hear();
  }
  // Beats 2, 4, 6, 8, 10: the beat right after an answer is too soon to be silence.
  expect([one.pings, one.ended]).toEqual([5, 0]);
});

test("one that does not answer is asked once, and lost two beats later", () => {
  const { one, beat } = watched();
  beat();
  expect(one.pings).toBe(0);
  beat();
  expect(one.pings).toBe(1);
  beat();
  expect([one.pings, one.ended, one.status]).toEqual([1, 0, "open"]);
  beat();
  expect([one.pings, one.ended, one.status]).toEqual([1, 1, "closed"]);
  beat();
  expect(one.ended).toBe(1);
});

test("an answer just in time counts", () => {
  const { one, beat } = watched();
  beat();
  beat();
  beat();
  one.hear();
  beat();
  expect([one.pings, one.ended]).toEqual([1, 0]);
});

test("one that is gone is forgotten, and one that is going is not asked", () => {
  const { one, beat } = watched();
  one.connection.dispatchEvent(new Event("close"));
  for (let i = 0; i < 5; i += 1) beat();
  expect([one.pings, one.ended]).toEqual([0, 0]);

  const other = watched();
  other.one.status = "closed";
  other.beat();
  other.beat();
  expect(other.one.pings).toBe(0);
});

test("after the end nobody is asked any more", () => {
  const { keepAlive, one, beat } = watched();
  keepAlive.start();
  keepAlive.stop();
  for (let i = 0; i < 5; i += 1) beat();
  expect([one.pings, one.ended]).toEqual([0, 0]);
});
