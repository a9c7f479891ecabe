// How long a new home takes to be level with a community of 37 homes and four weeks, by all blocks and by a
// snapshot: the real agent on a real disk. Neighbours are in the same process, so this is work and not waiting
// for answers; what the agent waits by its own clock is told beside it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Verifier } from "../../agent/core/crypto.ts";
import { type BuiltBlock, buildBlock } from "../../agent/core/ledger/buildBlock.ts";
import { listingIdAt } from "../../agent/core/ledger/calendar.ts";
import { communityId, encodeRules } from "../../agent/core/ledger/rules.ts";
import { SNAPSHOT_EVERY } from "../../agent/core/ledger/snapshot.ts";
import type { Payload, Transaction } from "../../agent/core/ledger/transaction.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS, unixMs } from "../../agent/core/units/time.ts";
import { type OpenStore, openStore } from "../../agent/io/store/store.ts";
import type { Store } from "../../agent/ports.ts";
import { attackHome } from "../support/attackHome.ts";
import { createFakeClock, createMemoryStore } from "../support/fakes.ts";
import { neighbourhood } from "../support/joiningHome.ts";
import { kwh, makeRules, perKwh, registration, say, TestChain, tokens } from "../support/ledger.ts";
import { silentLog } from "../support/silentLog.ts";
import { storeChain } from "../support/voices.ts";
import type { Figures } from "./measure.ts";

const HOMES = Array.from({ length: 37 }, (_, i) => `home${i}@vt.edu`);
const VALIDATORS = HOMES.slice(0, 4);
const BLOCKS = 5400;
const FIRST_HOUR = Date.parse("2018-03-21T12:00:00Z");
const NEW_HOME = "new@vt.edu";
const WAIT_MAX_MS = 120_000;

export function joining(): Figures {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  const chain = tradingChain();
  const open = (name: string): OpenStore =>
    openStore(join(dir, name), {
      ...{ communityId: communityId(chain.rules), memberId: memberId(NEW_HOME) },
      ...{ rules: encodeRules(chain.rules), log: silentLog },
    });
  const neighbours = createMemoryStore();
  storeChain(neighbours, chain);
  try {
    const stateBytes = neighbours.snapshot(BLOCKS - (BLOCKS % SNAPSHOT_EVERY))?.state.length ?? 0;
    const by = (name: string, snapshotEvery: number): Figures =>
      joinBy(name, { chain, neighbours, store: open(name), snapshotEvery });
    return {
      blocks: chain.blocks.length,
      homes: HOMES.length,
      "state, bytes": stateBytes,
      ...by("all blocks", BLOCKS + 1),
      ...by("snapshot", SNAPSHOT_EVERY),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

type Joining = {
  readonly chain: TestChain;
  readonly neighbours: Store;
  readonly store: OpenStore;
  readonly snapshotEvery: number;
};

function joinBy(way: string, { chain, neighbours, store, snapshotEvery }: Joining): Figures {
  const clock = createFakeClock(chain.state.time + SECOND_MS);
  const { rules } = chain;
  const home = attackHome(NEW_HOME, { rules, clock, store, snapshotEvery });
  let bytes = 0;
  const count = (_: unknown, honest: Uint8Array | null): Uint8Array | null => {
    bytes += honest?.length ?? 0;
    return honest;
  };
  const around = neighbourhood(home, {
    ...{ chain, snapshotEvery, neighbours: VALIDATORS, store: neighbours },
    lies: Object.fromEntries(VALIDATORS.map((name) => [name, count])),
  });
  home.agent.start();
  const from = clock.monotonic();
  const started = performance.now();
  const worked = process.cpuUsage();
  around.connect();
  while (home.agent.head().height < BLOCKS && clock.monotonic() - from < WAIT_MAX_MS) {
    around.pass(20);
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(worked);
  if (home.agent.head().height < BLOCKS) throw new Error(`by ${way}: not level`);
  const first = store.blocks(1, 1)[0]?.height ?? 0;
  home.agent.stop();
  store.close();
  return {
    [`by ${way}, s`]: Number(seconds.toFixed(2)),
    [`by ${way}, s of processor`]: Number(((user + system) / 1_000_000).toFixed(2)),
    [`by ${way}, s waited between`]: (clock.monotonic() - from) / 1000,
    [`by ${way}, bytes`]: bytes,
    [`by ${way}, first block`]: first,
  };
}

/** Blocks that are built only, for what is built has been applied. */
class QuickChain extends TestChain {
  readonly #quick = new Verifier();

  override addSigned(
    time: string | number,
    transactions: readonly Transaction[],
    by: string = VALIDATORS[this.blocks.length % 4] ?? "",
  ): BuiltBlock {
    const when = unixMs(Number(time));
    const wanted = { time: when, proposer: memberId(by), transactions };
    const built = buildBlock(this.state, wanted, this.#quick);
    const [dropped] = built.dropped;
    if (dropped !== undefined) throw new Error(JSON.stringify(dropped.refusal));
    this.state = built.state;
    this.blocks.push(built.block);
    return built;
  }
}

/** Eight blocks an hour: every home bids or offers, all is heard of, closed, metered and finished. */
function tradingChain(): QuickChain {
  const rules = makeRules({ validators: VALIDATORS, initialBalance: tokens(1_000_000) });
  const chain = new QuickChain(rules);
  const all = (payload: (name: string, i: number) => Payload) =>
    HOMES.map((name, i) => [name, payload(name, i)] as const);
  chain.add(FIRST_HOUR + 30_000, ...all((name) => registration(name)));
  chain.add(
    FIRST_HOUR + 40_000,
    ...all((name) => say.registerPv(name, `pv of ${name}`.replaceAll(" ", "-"))),
  );
  for (let hour = FIRST_HOUR; chain.blocks.length < BLOCKS; hour += HOUR_MS) {
    addHour(chain, hour, all);
  }
  chain.blocks.length = BLOCKS;
  return chain;
}

type Said = readonly [string, Payload];

/** From `start` on: the readings of the hour before, then the trade for the next. */
function addHour(
  chain: QuickChain,
  start: number,
  all: (payload: (name: string, i: number) => Payload) => readonly Said[],
): void {
  const at = (minutes: number) => start + minutes * MINUTE_MS;
  const next = listingIdAt(unixMs(start + HOUR_MS), chain.rules.timeZone);
  const past = listingIdAt(unixMs(start - HOUR_MS), chain.rules.timeZone);
  const placed = all((name, i) =>
    i % 2 === 0
      ? say.pvOffer(next, `pv-of-${name}`, { energy: kwh(2), reserve: perKwh(2), sequence: 1 })
      : say.buyOffer(next, { energy: kwh(1), price: perKwh(3), sequence: 1 }),
  );
  const isMetered = chain.state.listings.get(past)?.state === "AUCTION_CLOSED";
  const read = isMetered
    ? all(() => say.meterReading(past, { imported: [0, 1000], exported: [0, 2000] }))
    : [];
  chain.add(at(2), ...placed.slice(0, 12));
  chain.add(at(3), ...placed.slice(12, 24));
  chain.add(at(4), ...placed.slice(24));
  chain.addReceipts(at(5));
  chain.add(at(6), ...read.slice(0, 20));
  chain.add(at(7), ...read.slice(20));
  chain.add(at(59) + 10_000);
  chain.add(at(59) + 30_000);
}
