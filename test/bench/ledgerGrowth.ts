// What a week of trading costs a Pi's card: 37 homes, seven of them validators, each with its own roof and
// household, run by the whole agent in virtual time over a calm network. Two keep their ledger in real SQLite
// files: a validator and a follower. In the end both files are audited.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type Agent, createAgent } from "../../agent/agent.ts";
import { assert } from "../../agent/core/assert.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { communityId, encodeRules, type Rules } from "../../agent/core/ledger/rules.ts";
import { accepted } from "../../agent/core/result.ts";
import { watts, wh } from "../../agent/core/units/energy.ts";
import { pvId } from "../../agent/core/units/ids.ts";
import { type DurationMs, HOUR_MS, MINUTE_MS, type UnixMs } from "../../agent/core/units/time.ts";
import { auditLedger } from "../../agent/io/store/audit/auditLedger.ts";
import { type OpenStore, openStore } from "../../agent/io/store/store.ts";
import type { Clock, Device, Ports, Store } from "../../agent/ports.ts";
import { homePower } from "../../firmware-sim/world/homePower.ts";
import { createRegisters, type HomeRegisters } from "../../firmware-sim/world/registers.ts";
import { SimulatedNetwork } from "../simulation/network.ts";
import { Random } from "../simulation/random.ts";
import { Tally } from "../simulation/tally.ts";
import { Timeline } from "../simulation/timeline.ts";
import { createMemoryStore } from "../support/fakes.ts";
import { makeRules, perKwh, type TestCard, testCard } from "../support/ledger.ts";
import { silentLog } from "../support/silentLog.ts";
import type { Figures } from "./measure.ts";

const HOMES = 37;
const VALIDATORS = 7;
const DAYS = 7;
/** Midsummer: the longest days sell and settle the most. */
const EPOCH = Date.UTC(2026, 5, 18, 10, 50);
const SKEW_MAX_MS = 200;
/** Tables that grow by less, bytes a day, are only counted in the sum. */
const SHOWN_FROM = 1000;
/** The first hours register members and have no forecast yet: they are not the week's. */
const WARM_UP_HOURS = 2;

const PLACE = { seed: 37, timeZone: "America/New_York", latitude: 38.9, pv: null, load: null };

/**
 * Bytes a day and writes an hour; each write is one fsync of the WAL. A home's own meter samples, which no
 * ledger holds, are told apart. `days` of trading, after the first hours.
 */
export function ledgerGrowth(days: number = DAYS): Figures {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  try {
    return new Street(dir).run(days);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The homes whose files are measured. */
type Measured = {
  readonly name: string;
  readonly dir: string;
  readonly store: OpenStore;
  readonly agent: () => Agent;
};

type Real = Pick<Measured, "name" | "agent"> & { readonly signer: TestCard };

class Street {
  readonly #dir: string;
  readonly #timeline = new Timeline();
  readonly #random = new Random(37);
  readonly #verifier = new Verifier();
  readonly #network: SimulatedNetwork;
  readonly #rules: Rules;
  readonly #measured: Measured[] = [];

  constructor(dir: string) {
    this.#dir = dir;
    const nothing = (): void => {};
    const watch = { published: nothing, received: nothing, punished: nothing };
    const random = this.#random.fork();
    this.#network = new SimulatedNetwork(this.#timeline, random, watch, new Tally());
    const names = Array.from({ length: VALIDATORS }, (_, i) => nameOf(i));
    this.#rules = makeRules({ validators: names });
    for (let i = 0; i < HOMES; i += 1) this.#home(i);
  }

  run(days: number): Figures {
    const from = WARM_UP_HOURS * HOUR_MS;
    this.#until(from);
    const before = this.#measured.map(sizes);
    this.#until(from + days * 24 * HOUR_MS);
    const figures: Record<string, number> = { homes: HOMES, validators: VALIDATORS, days };
    for (const [i, measured] of this.#measured.entries()) {
      const then = before[i];
      assert(then !== undefined, "each home is measured twice");
      const now = sizes(measured);
      const perDay = (a: number, b: number): number => Math.round((b - a) / days);
      if (i === 0) {
        Object.assign(figures, {
          blocksPerDay: perDay(then.blocks, now.blocks),
          transactionsPerDay: perDay(then.transactions, now.transactions),
        });
      }
      const { name } = measured;
      const bytes = ({ tables }: Sizes, table: string): number => tables.get(table) ?? 0;
      const all = ({ tables }: Sizes): number => tables.values().reduce((sum, one) => sum + one, 0);
      const shared = (size: Sizes): number => all(size) - bytes(size, "register_sample");
      figures[`${name}BytesPerDay`] = perDay(shared(then), shared(now));
      for (const table of now.tables.keys()) {
        const grown = perDay(bytes(then, table), bytes(now, table));
        if (grown >= SHOWN_FROM) figures[`${name}BytesPerDay ${table}`] = grown;
      }
      figures[`${name}FsyncsPerHour`] = Math.round(perDay(then.writes, now.writes) / 24);
      figures[`${name}WalMegabytes`] = Math.round(now.walBytes / 100_000) / 10;
      figures[`${name}VerifySeconds`] = this.#verify(measured);
    }
    return figures;
  }

  /** Everything in the file, checked again with a verifier that has seen nothing. */
  #verify({ name, dir, store, agent }: Measured): number {
    store.close();
    const start = performance.now();
    const { findings, facts } = auditLedger(dir, { rules: this.#rules, verifier: new Verifier() });
    const seconds = (performance.now() - start) / 1000;
    assert(findings.length === 0, `the ${name}'s file is right: ${JSON.stringify(findings[0])}`);
    assert(facts?.stateRoot === agent().head().stateRoot, "the audit ends where the agent stands");
    return Math.round(seconds * 10) / 10;
  }

  #until(time: number): void {
    while (this.#timeline.step(time));
  }

  #home(index: number): void {
    const signer = testCard(nameOf(index));
    const isSeller = index % 2 === 0;
    const capacity = isSeller ? 3000 + 250 * (index % 9) : 0;
    const shape = { index, pvCapacityW: capacity, loadScale: 1 };
    const registers = createRegisters(homePower(PLACE, shape));
    const id = signer.memberId;
    const name = index === 0 ? "validator" : index === HOMES - 1 ? "follower" : null;
    const store =
      name === null ? createMemoryStore() : this.#realStore({ name, signer, agent: () => agent });
    const clock = this.#clock();
    const ports: Ports = {
      ...{ clock, store, signer, log: silentLog },
      network: this.#network.port(
        id,
        (_, action) => {
          action();
          return true;
        },
        () => {},
      ),
      devices: devices(registers, isSeller, clock),
      publisher: { publish: () => {} },
    };
    const agent = createAgent(
      {
        rules: this.#rules,
        member: { firstName: id.split("@")[0] ?? id, lastName: "Neighbour" },
        pv: isSeller ? { pvId: pvId(`roof${index}`), capacity: watts(capacity) } : null,
        limits: {
          sell: isSeller
            ? { reservePrice: perKwh(1 + (index % 5) / 10), mostEnergy: wh(6000) }
            : null,
          buy: { bidPrice: perKwh(3 + (index % 7) / 10), mostEnergy: wh(6000) },
        },
        pollInterval: MINUTE_MS,
        administrator: null,
      },
      ports,
      this.#verifier,
    );
    this.#timeline.plan(this.#random.integer(0, 5000), agent.start);
  }

  #realStore({ name, signer: { memberId }, agent }: Real): Store {
    const dir = join(this.#dir, name);
    const community = communityId(this.#rules);
    const rules = encodeRules(this.#rules);
    const store = openStore(dir, { communityId: community, memberId, rules, log: silentLog });
    this.#measured.push({ name, dir, store, agent });
    return store;
  }

  #clock(): Clock {
    const skew = this.#random.integer(-SKEW_MAX_MS, SKEW_MAX_MS);
    const timeline = this.#timeline;
    const now = (): UnixMs => (EPOCH + timeline.now + skew) as UnixMs;
    const at: Clock["at"] = (time, run) => timeline.plan(time - now(), run);
    return {
      ...{ now, at },
      isSynchronised: () => true,
      monotonic: () => timeline.now as DurationMs,
      after: (delay, run) => timeline.plan(delay, run),
      everyMinute: (run) => {
        let cancel = (): void => {};
        const beat = (): void => {
          cancel = timeline.plan(MINUTE_MS - (now() % MINUTE_MS), () => {
            beat();
            run();
          });
        };
        beat();
        return () => cancel();
      },
    };
  }
}

function nameOf(index: number): string {
  return `home${String(index).padStart(2, "0")}@vt.edu`;
}

function devices(registers: HomeRegisters, isSeller: boolean, { now }: Clock): readonly Device[] {
  const meter: Device = {
    name: "meter",
    kind: "meter",
    read: (done) => {
      const { imported, exported } = registers.at(now());
      const counters = { imported: wh(imported), exported: wh(exported) };
      const rest = { power: null, deviceTime: null, source: "meter" };
      done(accepted({ kind: "meter", ...counters, ...rest }));
    },
  };
  if (!isSeller) return [meter];
  const inverter: Device = {
    name: "inverter",
    kind: "inverter",
    read: (done) => {
      const { produced, production } = registers.at(now());
      const state = production > 0 ? "producing" : "asleep";
      const rest = { power: watts(production), deviceTime: null, source: "inverter" };
      done(accepted({ kind: "inverter", state, produced: wh(produced), ...rest }));
    },
  };
  return [inverter, meter];
}

type Sizes = {
  /** Bytes of whole pages, by table, each with its indexes. */
  readonly tables: ReadonlyMap<string, number>;
  readonly walBytes: number;
  readonly writes: number;
  readonly blocks: number;
  readonly transactions: number;
};

/** Of the ledger's file as a second connection reads it. */
function sizes({ dir, store, agent }: Measured): Sizes {
  const file = join(dir, "ledger.db");
  const { writes, height } = store.status();
  const walBytes = statSync(`${file}-wal`).size;
  // In this process the file is opened by SQLite alone: another way of opening it would drop its locks.
  const db = new Database(file, { readonly: true });
  const rows = db
    .prepare<[], { name: string; bytes: number }>(
      `SELECT ifnull(tbl_name, name) AS name, sum(pgsize) AS bytes
       FROM dbstat LEFT JOIN sqlite_schema USING (name) GROUP BY 1`,
    )
    .all();
  const count = db.prepare<[], number>("SELECT count(*) FROM ledger_transaction").pluck().get();
  db.close();
  assert(height === agent().head().height, "the store is where the agent is");
  const tables = new Map(rows.map(({ name, bytes }) => [name, bytes]));
  return { tables, walBytes, writes, blocks: height, transactions: Number(count) };
}
