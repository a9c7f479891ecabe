// Who is silent is asked, who does not answer is lost, and nobody else costs a frame but one a minute, to measure.

import type { MessageStream, Stream } from "@libp2p/interface";
import { expect, test } from "vitest";
import { KeepAlive } from "../../../../agent/io/p2p/keepAlive.ts";

function line() {
  const fake = {
    pings: 0,
    ended: 0,
    status: "open" as "open" | "closed",
    answer: (): Promise<void> => Promise.reject(new Error("closed meanwhile")),
    connection: Object.assign(new EventTarget(), {
      abort: () => {
        fake.ended += 1;
        fake.connection.dispatchEvent(new Event("close"));
      },
    }),
    muxer: {
      streams: [] as Stream[],
      get status() {
        return fake.status;
      },
      abort: () => {
        fake.status = "closed";
      },
      ping: () => {
        fake.pings += 1;
        return fake.answer();
      },
    },
    hear: () => fake.connection.dispatchEvent(new Event("message")),
  };
  return fake;
}

function watched(now = () => 0): {
  keepAlive: KeepAlive;
  one: ReturnType<typeof line>;
  beat: () => void;
} {
  const keepAlive = new KeepAlive(5_000, now);
  const one = line();
  keepAlive.watch(one.muxer, one.connection as unknown as MessageStream);
  return { keepAlive, one, beat: () => keepAlive.beat() };
}

test("a connection on which something comes in each beat is asked once a minute, to measure", () => {
  const { one, beat } = watched();
  const askedAt: number[] = [];
  for (let i = 1; i <= 100; i += 1) {
    const before = one.pings;
    one.hear();
    beat();
    if (one.pings > before) askedAt.push(i);
  }
  // A beat is 2.5 s, a minute 24 of them.
  expect(askedAt).toEqual([2, 26, 50, 74, 98]);
  expect(one.ended).toBe(0);
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

test("how long the way there and back takes is the median of the newest five answers", async () => {
  let time = 0;
  const { keepAlive, one, beat } = watched(() => time);
  const connection = { streams: one.muxer.streams };
  const minute = async (takes: number | null) => {
    const answered = Promise.withResolvers<void>();
    one.answer = () => answered.promise;
    const before = one.pings;
    while (one.pings === before) {
      one.hear();
      beat();
    }
    if (takes === null) answered.reject(new Error("closed meanwhile"));
    time += takes ?? 0;
    answered.resolve();
    // The question's own way through three awaits.
    for (let i = 0; i < 5; i += 1) await Promise.resolve();
  };
  expect(keepAlive.roundTripMs(connection)).toBeNull();
  await minute(30);
  expect(keepAlive.roundTripMs(connection)).toBe(30);
  for (const takes of [2, 900]) await minute(takes);
  expect(keepAlive.roundTripMs(connection)).toBe(30);
  await minute(null);
  for (const takes of [4, 5, 6]) await minute(takes);
  // 2, 900, 4, 5, 6
  expect(keepAlive.roundTripMs(connection)).toBe(5);
  expect(keepAlive.roundTripMs({ streams: [] })).toBeNull();
  one.connection.dispatchEvent(new Event("close"));
  expect(keepAlive.roundTripMs(connection)).toBeNull();
});

test("an answer that comes after three questions is counted once, from the first", async () => {
  let time = 0;
  const { keepAlive, one, beat } = watched(() => time);
  const answered = Promise.withResolvers<void>();
  one.answer = () => answered.promise;
  beat();
  beat();
  one.hear();
  for (const later of [70, 80]) {
    time = later;
    for (let i = 0; i < 24; i += 1) {
      one.hear();
      beat();
    }
  }
  expect(one.pings).toBe(3);
  time = 100;
  answered.resolve();
  for (let i = 0; i < 5; i += 1) await Promise.resolve();
  expect(keepAlive.roundTripMs({ streams: one.muxer.streams })).toBe(100);
});
