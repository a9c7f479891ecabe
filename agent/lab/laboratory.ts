// The laboratory at work: simulated devices and one agent process per home, watched through their lines.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Submittable } from "../commands/protocol.ts";
import { type UnixMs, unixMs } from "../core/units/time.ts";
import type { Plain } from "../plain.ts";
import type { AgentEvent } from "../ports.ts";
import { Child } from "./child.ts";
import { LAB_TIME_ZONE } from "./community.ts";
import {
  type DeviceWorld,
  firmwareConfig,
  type PastState,
  pastOf,
  readyDevices,
} from "./devices.ts";
import { freePorts } from "./ports.ts";
import { Deduplicator, LabRecord, RootCheck } from "./record.ts";
import type { AgentStatus } from "./result.ts";
import { balancesLine, marketClock, shortName, timelineLines } from "./timeline.ts";
import { homeDir, type LabMqtt, type LabRest, writeAgentFile } from "./world.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** As package.json's `pvtrading` and Dockerfile.arm: a home's heap is small, and should stay so. */
const SMALL_HEAP = ["--max-semi-space-size=1", "--max-old-space-size=128"];
const READY_MAX_MS = 60_000;
/** More for each home: they share the processors while they start. */
const READY_MAX_PER_HOME_MS = 5000;
const SETTLE_MAX_MS = 60_000;
const ANSWER_MAX_MS = 60_000;
const POLL_MS = 250;
/** Blocks arrive whole within this; then their balances are printed in one line. */
const GATHER_MS = 300;

/** A line that an agent prints. */
export type Line = Plain<AgentEvent> | Answer;
type Answer = { readonly type: "answer"; readonly id: number } & (
  | ({ readonly ok: true } & Omit<AgentStatus, "home"> & {
        readonly transactionId: string;
        readonly isCaughtUp: boolean;
        readonly peers: number;
      })
  | { readonly ok: false; readonly refusal: { readonly code: string } }
);

export type LaboratoryOptions = DeviceWorld & {
  readonly dir: string;
  /** Without devices nobody reads or trades by itself: the paper's scenario. */
  readonly withDevices: boolean;
  /** Name of the home that keeps the administrator's card; null: none. */
  readonly administrator: string | null;
  /** Where each home's REST door is, by its name; left out: none has one. */
  readonly rest?: ReadonlyMap<string, LabRest>;
  /** For the homes among themselves, one each; left out: any that are free. */
  readonly ports?: readonly number[];
  /** How each home reaches the broker, likewise. */
  readonly mqtt?: ReadonlyMap<string, LabMqtt>;
  readonly print: (line: string) => void;
  /** Each line of each agent as it comes, before the laboratory looks at it; left out: nobody else listens. */
  readonly heard?: (home: string, line: Line) => void;
  /** How a home runs that is no ordinary agent on 127.0.0.1. */
  readonly arrange?: (home: string) => Arrangement;
  /** Homes that `start` leaves out, for `restore` to start later. */
  readonly late?: ReadonlySet<string>;
  /**
   * Called once everything is there but the agents, with their files and what the devices told of their past,
   * each by the home's name.
   */
  readonly beforeAgents?: (
    files: ReadonlyMap<string, string>,
    past: ReadonlyMap<string, readonly PastState[]>,
  ) => void;
};

/** What is left out is as for every home. */
export type Arrangement = {
  /** The address that it listens on; 127.0.0.1 otherwise. */
  readonly host?: string;
  /** See ChildOptions. */
  readonly prefix?: readonly string[];
  /** Runs with `--config FILE --json` instead of the agent. */
  readonly program?: string;
};

type Waiter = { readonly condition: () => boolean; readonly resolve: () => void };

export class Laboratory {
  readonly record = new LabRecord();
  readonly #options: LaboratoryOptions;
  readonly #agents = new Map<string, Child>();
  readonly #files = new Map<string, string>();
  readonly #up = new Set<string>();
  readonly #blockTimes = new Map<string, number>();
  readonly #answers = new Map<number, (answer: Answer) => void>();
  readonly #news = new Deduplicator();
  readonly #roots = new RootCheck();
  readonly #refusing = new Set<string>();
  readonly #past = new Map<string, readonly PastState[]>();
  readonly #abort = new AbortController();
  #devices: Child | null = null;
  #waiters: readonly Waiter[] = [];
  #balancesTimer: NodeJS.Timeout | null = null;
  #closedAt = 0;
  #nextId = 1;

  constructor(options: LaboratoryOptions) {
    this.#options = options;
  }

  /** What the market's clock shows. */
  marketTime(): UnixMs {
    const { realStart, marketStart, speed } = this.#options.clock;
    return unixMs(marketStart + Math.floor((Date.now() - realStart) * speed));
  }

  /** Starts everything; resolves when every agent is up. */
  async start(): Promise<void> {
    const { homes, withDevices, late } = this.#options;
    const devices = withDevices ? await this.#startDevices() : new Map<string, []>();
    const free = this.#options.ports ?? (await freePorts(homes.length));
    const ports = new Map(homes.map(({ name }, i) => [name, free[i] ?? 0]));
    const hosts = new Map(homes.map(({ name }) => [name, this.#arrangement(name).host]));
    for (const home of homes) {
      const { dir, clock, administrator } = this.#options;
      const file = writeAgentFile({
        ...{ dir, home, clock, ports, hosts, devices: devices.get(home.name) ?? [] },
        isAdministrator: home.name === administrator,
        rest: this.#options.rest?.get(home.name) ?? null,
        mqtt: this.#options.mqtt?.get(home.name) ?? null,
      });
      this.#files.set(home.name, file);
    }
    this.#options.beforeAgents?.(this.#files, this.#past);
    this.#past.clear();
    for (const [name, file] of this.#files) {
      if (!late?.has(name)) this.#agents.set(name, this.#startAgent(name, file));
    }
    const count = homes.length - (late?.size ?? 0);
    const readyMax = READY_MAX_MS + count * READY_MAX_PER_HOME_MS;
    await this.until("all agents up", () => this.#up.size === count, readyMax);
    this.#say(`${count} of ${homes.length} homes up`);
  }

  /** Resolves once every home has met every other and knows that its ledger is the newest: then they agree. */
  async ready(): Promise<void> {
    const { homes } = this.#options;
    const end = Date.now() + READY_MAX_MS + homes.length * READY_MAX_PER_HOME_MS;
    for (;;) {
      const answers = await Promise.all(homes.map(({ name }) => this.#ask(name, { status: true })));
      const isReady = (answer: Answer): boolean =>
        answer.ok && answer.isCaughtUp && answer.peers >= homes.length - 1;
      if (answers.every(isReady)) return;
      if (Date.now() > end) throw new Error(`homes do not meet: ${JSON.stringify(answers)}`);
      await this.#pause(POLL_MS);
    }
  }

  /** Resolves once `condition` holds; rejects after `max` real ms, or when something fails or stops. */
  async until(what: string, condition: () => boolean, max: number): Promise<void> {
    const { signal } = this.#abort;
    signal.throwIfAborted();
    if (condition()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { condition, resolve };
    const timer = setTimeout(() => reject(new Error(`waited too long for: ${what}`)), max);
    const aborted = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", aborted);
    this.#waiters = [...this.#waiters, waiter];
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      this.#waiters = this.#waiters.filter((one) => one !== waiter);
    }
  }

  /** Cuts one home's power. */
  async cutPower(home: string): Promise<void> {
    this.#up.delete(home);
    await this.#agents.get(home)?.kill();
    this.#say(`${home} has no power`);
  }

  /** Ends one home's agent as a supervisor does, with SIGTERM; resolves when it has ended. */
  async switchOff(home: string): Promise<void> {
    this.#up.delete(home);
    await this.#agents.get(home)?.stop();
    this.#say(`${home} is switched off`);
  }

  /** Starts a home again on its old files; resolves when it is up. */
  async restore(home: string): Promise<void> {
    const file = this.#files.get(home);
    if (file === undefined) throw new Error(`no home ${home}`);
    this.#agents.set(home, this.#startAgent(home, file));
    await this.until(`${home} up again`, () => this.#up.has(home), READY_MAX_MS);
  }

  /** Process ids of the agents that run. */
  pids(): readonly number[] {
    return [...this.#agents.values()].flatMap(({ pid }) => (pid === null ? [] : [pid]));
  }

  /** The process id of one home's agent, null if it never ran. */
  pid(home: string): number | null {
    return this.#agents.get(home)?.pid ?? null;
  }

  /** Whether a home's agent has said that it is up, and nobody has ended it since. */
  isUp(home: string): boolean {
    return this.#up.has(home);
  }

  /** Says something to one home's agent; what it answers is heard, not awaited. */
  send(home: string, value: object): void {
    this.#agents.get(home)?.send(value);
  }

  /** Submits and waits until it is on the ledger; throws if it is refused. */
  async submit(home: string, payload: Plain<Submittable>, as = "member"): Promise<void> {
    const answer = await this.#ask(home, { submit: payload, as });
    if (!answer.ok) throw new Error(`${home}: ${JSON.stringify(answer.refusal)}`);
  }

  /** Where all agents (or those of `names`) stand, once they stand at one height with one state. */
  async settled(names?: readonly string[]): Promise<readonly AgentStatus[]> {
    const end = Date.now() + SETTLE_MAX_MS;
    const homes = this.#options.homes.filter(({ name }) => names?.includes(name) ?? true);
    for (;;) {
      const statuses = await Promise.all(homes.map((home) => this.#status(home)));
      const [first] = statuses;
      const same = statuses.every(
        ({ height, stateRoot }) => height === first?.height && stateRoot === first.stateRoot,
      );
      if (same) return statuses;
      if (Date.now() > end) throw new Error(`agents do not settle: ${JSON.stringify(statuses)}`);
      await this.#pause(POLL_MS);
    }
  }

  /** Makes every wait reject with `reason`; the first reason stays. */
  fail(reason: Error): void {
    this.#abort.abort(reason);
  }

  /** Ends every process; resolves when none is left. */
  async stop(): Promise<void> {
    this.#sayBalances();
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()));
    await this.#devices?.stop();
  }

  async #startDevices(): Promise<ReturnType<typeof readyDevices>> {
    const { dir } = this.#options;
    const config = join(dir, "firmware.json");
    writeFileSync(config, `${JSON.stringify(firmwareConfig(this.#options), null, 2)}\n`);
    let ready: ReturnType<typeof readyDevices> | null = null;
    this.#devices = new Child({
      name: "simulated devices",
      args: [join(ROOT, "firmware-sim/main.ts"), "--config", config],
      logFile: join(dir, "firmware.log"),
      line: (line) => {
        const past = ready === null ? pastOf(line) : null;
        if (past !== null) this.#past.set(past.home, past.states);
        else ready ??= readyDevices(line);
        this.#changed();
      },
      died: (why) => this.fail(new Error(why)),
    });
    await this.until("simulated devices", () => ready !== null, READY_MAX_MS);
    return ready ?? new Map();
  }

  #startAgent(name: string, file: string): Child {
    const dir = homeDir(this.#options.dir, name);
    mkdirSync(dir, { recursive: true });
    const { prefix = [], program } = this.#arrangement(name);
    const command = program === undefined ? [join(ROOT, "agent/main.ts"), "run"] : [program];
    return new Child({
      name,
      prefix,
      args: [...SMALL_HEAP, ...command, "--config", file, "--json"],
      logFile: join(dir, "agent.log"),
      line: (line) => this.#receive(name, line as Line),
      died: (why) => this.fail(new Error(why)),
    });
  }

  #arrangement(home: string): Arrangement {
    return this.#options.arrange?.(home) ?? {};
  }

  #receive(home: string, line: Line): void {
    this.#options.heard?.(home, line);
    switch (line.type) {
      case "answer":
        this.#answers.get(line.id)?.(line);
        break;
      case "started":
        this.#up.add(home);
        this.#say(`${home} up at height ${line.height}`);
        break;
      case "block":
        this.#receiveBlock(home, line);
        break;
      case "ledger":
        if (this.#news.isNew(home, line.height)) this.#receiveNews(home, line);
        break;
      case "device":
        this.#receiveDevice(`${home}: ${line.device}`, line.refusal?.code ?? null);
        break;
      case "halted":
        this.fail(new Error(`${home} halted: ${line.reason}`));
        break;
      default:
        return;
    }
    this.#changed();
  }

  /** Says when a device stops answering and when it answers again; that it answers at first is no news. */
  #receiveDevice(device: string, refusal: string | null): void {
    if (refusal !== null) this.#refusing.add(device);
    else if (!this.#refusing.delete(device)) return;
    this.#say(`${device} ${refusal ?? "answers again"}`);
  }

  #receiveBlock(home: string, block: Extract<Line, { type: "block" }>): void {
    this.#blockTimes.set(home, block.time);
    const difference = this.#roots.differs(home, block);
    if (difference !== null) this.fail(new Error(difference));
  }

  #receiveNews(home: string, { event }: Extract<Line, { type: "ledger" }>): void {
    this.record.add(event);
    const at = this.#blockTimes.get(home) ?? this.marketTime();
    for (const line of timelineLines(event)) this.#say(line, at);
    if (event.type !== "biddingClosed" || event.fills.length === 0) return;
    this.#closedAt = at;
    this.#balancesTimer ??= setTimeout(() => this.#sayBalances(), GATHER_MS);
  }

  #sayBalances(): void {
    if (this.#balancesTimer === null) return;
    clearTimeout(this.#balancesTimer);
    this.#balancesTimer = null;
    this.#say(balancesLine(this.record.balances()), this.#closedAt);
  }

  #say(line: string, at: number = this.marketTime()): void {
    this.#options.print(`${marketClock(at, LAB_TIME_ZONE)}  ${line}`);
  }

  #changed(): void {
    for (const { condition, resolve } of this.#waiters) if (condition()) resolve();
  }

  async #status({ name, memberId }: LaboratoryOptions["homes"][number]): Promise<AgentStatus> {
    const answer = await this.#ask(name, { status: true });
    if (!answer.ok) throw new Error(`${shortName(memberId)}: ${JSON.stringify(answer.refusal)}`);
    const { height, stateRoot, issued, balances } = answer;
    return { home: memberId, height, stateRoot, issued, balances };
  }

  async #ask(home: string, command: object): Promise<Answer> {
    const id = this.#nextId++;
    let answer: Answer | null = null;
    this.#answers.set(id, (received) => {
      answer = received;
    });
    try {
      this.#agents.get(home)?.send({ id, ...command });
      await this.until(`an answer of ${home}`, () => answer !== null, ANSWER_MAX_MS);
      return answer as unknown as Answer;
    } finally {
      this.#answers.delete(id);
    }
  }

  async #pause(ms: number): Promise<void> {
    const end = Date.now() + ms;
    const timer = setTimeout(() => this.#changed(), ms + 1);
    try {
      await this.until("a moment", () => Date.now() >= end, ms + 1000);
    } finally {
      clearTimeout(timer);
    }
  }
}
