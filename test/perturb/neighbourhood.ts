// A laboratory that is treated badly: its homes, who trade all the time, what each has said of its ledger, and
// what is asked of them after each perturbation.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unixMs } from "../../agent/core/units/time.ts";
import { type LabHome, labHomes } from "../../agent/lab/homes.ts";
import { Laboratory, type Line } from "../../agent/lab/laboratory.ts";
import { firstDelivery, marketStart } from "../../agent/lab/marketStart.ts";
import { homeDir, makeWorld } from "../../agent/lab/world.ts";
import { ledgerTransactions } from "../support/ledgerTransactions.ts";
import { useRealTimeouts } from "../support/realTimeouts.ts";
import type { Street } from "./street.ts";
import { createTraders, type Traders } from "./traders.ts";

/** An hour of the market in two real minutes: listings open, close and settle while homes are treated badly. */
const SPEED = 30;
const WAIT_MAX_MS = 90_000;
/** What is under way may still land so long after trading pauses. */
const QUIET_MS = 3000;
const LIAR = join(import.meta.dirname, "liar/main.ts");

export type Calm = {
  readonly height: number;
  readonly stateRoots: ReadonlySet<string>;
  readonly homes: number;
  readonly acknowledged: number;
  /** Acknowledged transactions that are not on the ledger of some home: "id reported by A missing at B". */
  readonly lost: readonly string[];
};

type Plan = {
  readonly validators: number;
  /** Makes the cables; null: everybody on 127.0.0.1. */
  readonly lay: ((homes: readonly string[]) => Street) | null;
  readonly pace: number;
};

type Ground = { readonly street: Street | null; readonly pace: number };

export class Neighbourhood {
  readonly validators: readonly string[];
  /** Follows; starts late. */
  readonly joiner: string;
  readonly lab: Laboratory;
  readonly street: Street | null;
  /** Waits are this many times as long as usual. */
  readonly pace: number;
  readonly traders: Traders;
  readonly #dir: string;
  readonly #heights = new Map<string, number>();
  readonly #up = new Set<string>();
  readonly #liars = new Set<string>();
  readonly #lies = new Map<string, number>();

  private constructor(dir: string, homes: readonly LabHome[], { street, pace }: Ground) {
    const names = homes.map(({ name }) => name);
    this.#dir = dir;
    this.street = street;
    this.pace = pace;
    this.validators = names.slice(0, -1);
    this.joiner = names.at(-1) ?? "";
    const start = marketStart(firstDelivery(null), SPEED);
    this.lab = new Laboratory({
      ...{ dir, homes, seed: 1, pv: null, load: null, withDevices: false, administrator: null },
      clock: { realStart: unixMs(Date.now()), marketStart: start, speed: SPEED },
      print: () => {},
      heard: (home, line) => this.#heard(home, line),
      arrange: (home) => ({
        ...street?.place(home),
        ...(this.#liars.has(home) ? { program: LIAR } : {}),
      }),
      late: new Set([this.joiner]),
    });
    this.traders = createTraders(() => this.lab, homes);
  }

  /** `validators` homes that vote and one more that will join. */
  static async make({ validators, lay, pace }: Plan): Promise<Neighbourhood> {
    const dir = mkdtempSync(join(tmpdir(), "pvtrading-perturb-"));
    const homes = labHomes(validators + 1);
    const start = marketStart(firstDelivery(null), SPEED);
    const plan = { dir, homes, validators, speed: SPEED };
    await makeWorld({ ...plan, schedule: "hourly", marketStart: start });
    useRealTimeouts(dir);
    const street = lay === null ? null : lay(homes.map(({ name }) => name));
    return new Neighbourhood(dir, homes, { street, pace });
  }

  /** Homes that vote and have power; `but` left out. */
  others(but: readonly string[]): readonly string[] {
    return this.validators.filter((name) => this.#up.has(name) && !but.includes(name));
  }

  /** The faulty that the agreement bears. */
  get faultyMax(): number {
    return Math.floor((this.validators.length - 1) / 3);
  }

  /** The greatest height that any of these homes has told. */
  height(homes: readonly string[] = this.validators): number {
    return Math.max(0, ...homes.map((home) => this.#heights.get(home) ?? 0));
  }

  async open(): Promise<void> {
    await this.lab.start();
    for (const home of this.validators) this.#up.add(home);
    const { record } = this.lab;
    await this.lab.until(
      "members",
      () => record.members.size >= this.validators.length,
      WAIT_MAX_MS,
    );
    await this.lab.until("a listing", () => record.listings.size > 0, WAIT_MAX_MS);
    this.traders.start();
    await this.grows(this.validators, 3);
  }

  /** Resolves when each of these homes has `blocks` blocks more than anybody has now. */
  async grows(homes: readonly string[], blocks: number): Promise<void> {
    const goal = this.height() + blocks;
    const what = `block ${goal} at ${homes.join(", ")}`;
    await this.lab.until(
      what,
      () => homes.every((home) => this.height([home]) >= goal),
      WAIT_MAX_MS,
    );
  }

  /** Resolves when each of these homes has the blocks that the others have now. */
  async catchesUp(homes: readonly string[]): Promise<void> {
    const goal = this.height(this.others(homes));
    const what = `${homes.join(", ")} level at ${goal}`;
    await this.lab.until(
      what,
      () => homes.every((home) => this.height([home]) >= goal),
      WAIT_MAX_MS,
    );
  }

  /** Resolves when a transaction of each of these homes has been committed that was said from now on. */
  async trades(homes: readonly string[]): Promise<void> {
    const before = new Set(this.traders.acknowledged.keys());
    const traded = (home: string): boolean =>
      [...this.traders.acknowledged].some(([id, by]) => by === home && !before.has(id));
    await this.lab.until(`trades of ${homes.join(", ")}`, () => homes.every(traded), WAIT_MAX_MS);
  }

  /** Sleeps, but fails at once when the laboratory fails. */
  async rest(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0; left = end - performance.now()) {
      await sleep(Math.min(250, left));
      await this.lab.until("nothing", () => true, 1);
    }
  }

  async kill(homes: readonly string[]): Promise<void> {
    this.#gone(homes);
    await Promise.all(homes.map((home) => this.lab.cutPower(home)));
  }

  async switchOff(homes: readonly string[]): Promise<void> {
    this.#gone(homes);
    await Promise.all(homes.map((home) => this.lab.switchOff(home)));
  }

  async restore(homes: readonly string[]): Promise<void> {
    await Promise.all(homes.map((home) => this.lab.restore(home)));
    for (const home of homes) this.#up.add(home);
  }

  signal(homes: readonly string[], signal: "SIGSTOP" | "SIGCONT"): void {
    for (const home of homes) {
      const pid = this.lab.pid(home);
      if (pid !== null) process.kill(pid, signal);
    }
  }

  /** Starts a home again as one that lies; it trades no more and nobody asks it anything. */
  async turnLiar(home: string): Promise<void> {
    await this.kill([home]);
    this.#liars.add(home);
    this.traders.silence(home);
    await this.lab.restore(home);
  }

  /** How often the liar has done what, by its own account. */
  lies(): ReadonlyMap<string, number> {
    return this.#lies;
  }

  /** The homes that run, the liar among them, whose log has a line that matches. */
  logged(pattern: RegExp): readonly string[] {
    return [...this.#up].filter((name) =>
      readFileSync(join(homeDir(this.#dir, name), "agent.log"), "utf8")
        .split("\n")
        .some((line) => pattern.test(line)),
    );
  }

  /** Lets trading rest until all honest homes stand level, and looks into each one's ledger. */
  async calm(): Promise<Calm> {
    this.traders.pause();
    await this.rest(QUIET_MS);
    const homes = [...this.#up];
    const statuses = await this.lab.settled(homes);
    const stateRoots = new Set(statuses.map(({ stateRoot }) => stateRoot));
    const lost = homes.flatMap((home) => this.#missing(home));
    const { acknowledged } = this.traders;
    this.traders.start();
    const height = statuses[0]?.height ?? 0;
    return { height, stateRoots, homes: homes.length, acknowledged: acknowledged.size, lost };
  }

  /** Ends every process and removes the files; after a failure the logs are kept, and where is returned. */
  async close({ isKept }: { readonly isKept: boolean }): Promise<string> {
    this.traders.pause();
    await this.lab.stop();
    if (!isKept) rmSync(this.#dir, { recursive: true, force: true });
    return this.#dir;
  }

  #gone(homes: readonly string[]): void {
    for (const home of homes) {
      this.#up.delete(home);
      this.traders.forget(home);
    }
  }

  #missing(home: string): readonly string[] {
    const all = ledgerTransactions(join(homeDir(this.#dir, home), "data"));
    const held = new Set<string>(all.map(({ transaction }) => transaction.id));
    return [...this.traders.acknowledged]
      .filter(([id]) => !held.has(id))
      .map(([id, by]) => `${id} reported by ${by} missing at ${home}`);
  }

  #heard(home: string, line: Line | Lied): void {
    if (line.type === "block" || line.type === "started") this.#heights.set(home, line.height);
    if (line.type === "lied") {
      for (const [lie, count] of Object.entries(line.lies)) this.#lies.set(lie, count);
    } else this.traders.heard(home, line);
  }
}

/** What the liar prints about itself. */
type Lied = { readonly type: "lied"; readonly lies: { readonly [lie: string]: number } };
