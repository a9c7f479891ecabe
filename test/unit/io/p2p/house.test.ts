// A neighbour with whom gossip does not run keeps its connection while there is hope.

import type { Connection } from "@libp2p/interface";
import { expect, test } from "vitest";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { House, type HouseParts } from "../../../../agent/io/p2p/house.ts";
import { DEFAULT_LIMITS } from "../../../../agent/io/p2p/limits.ts";
import { Standing } from "../../../../agent/io/p2p/standing.ts";
import { Tally } from "../../../../agent/io/p2p/tally.ts";
import { silentLog } from "../../../support/silentLog.ts";

function household() {
  const world = { now: 0, isGossiping: true, again: 0, aborted: 0 };
  const nothing = (): void => undefined;
  const parts: HouseParts = {
    limits: DEFAULT_LIMITS,
    tally: new Tally(),
    log: silentLog,
    standing: new Standing(DEFAULT_LIMITS),
    now: () => world.now,
    own: () => "us",
    judge: () => memberId("b@test.example"),
    dialled: nothing,
    admitted: nothing,
    gossipAgain: () => {
      world.again += 1;
    },
    isGossiping: () => world.isGossiping,
    joined: nothing,
    left: nothing,
    gone: nothing,
    unlearn: nothing,
  };
  const house = new House(parts);
  const connection = {
    remotePeer: { publicKey: { raw: new Uint8Array(32) }, toString: () => "peer" },
    direction: "outbound",
    abort: () => {
      world.aborted += 1;
    },
  } as unknown as Connection;
  house.opened(connection);
  const [neighbour] = house.neighbours.all();
  house.admit(neighbour!, memberId("b@test.example"), new Uint8Array(0));
  const beats = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      world.now += 1_000;
      house.beat();
    }
  };
  return { world, beats };
}

test("gossip that is lost is begun again each second, and its loss forgotten when it runs", () => {
  const { world, beats } = household();
  beats(5);
  expect(world.again).toBe(0);
  for (let i = 0; i < 5; i += 1) {
    world.isGossiping = false;
    beats(15);
    world.isGossiping = true;
    beats(1);
  }
  expect(world).toMatchObject({ again: 75, aborted: 0 });
});

test("after twenty seconds without gossip the connection is given up", () => {
  const { world, beats } = household();
  world.isGossiping = false;
  beats(20);
  expect(world).toMatchObject({ again: 20, aborted: 0 });
  beats(1);
  expect(world).toMatchObject({ again: 20, aborted: 1 });
});
