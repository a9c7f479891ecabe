// One simulated home: the real agent over simulated ports, its disk, its devices, its power switch.

import { type Agent, type AgentSettings, createAgent } from "../../agent/agent.ts";
import type { FoundMark } from "../../agent/core/consensus/quarantine.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import { accepted, refused } from "../../agent/core/result.ts";
import { watts, wh } from "../../agent/core/units/energy.ts";
import type { MemberId } from "../../agent/core/units/ids.ts";
import { type DurationMs, HOUR_MS, MINUTE_MS, type UnixMs } from "../../agent/core/units/time.ts";
import type {
  AgentEvent,
  Clock,
  Device,
  DeviceReading,
  Log,
  Ports,
  Signer,
} from "../../agent/ports.ts";
import { type DiskCopy, DiskError, type DiskFaults, SimulatedDisk } from "./disk.ts";
import type { Fairness } from "./fairness.ts";
import { type Invariants, Violation } from "./invariants.ts";
import { lying } from "./liar.ts";
import type { SimulatedNetwork } from "./network.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** The power went, somewhere inside the agent. */
class PowerCut extends Error {}

export type HomeSettings = {
  readonly signer: Signer;
  readonly agent: AgentSettings;
  /** Watts made while the sun shines, and watts used, all the time. */
  readonly production: number;
  readonly consumption: number;
  /** How far the home's wall clock is off, ms. */
  readonly skew: number;
  readonly diskFaults: DiskFaults;
  /** Whether its receipts lie. */
  readonly backdates: boolean;
  /** Whether somebody else has its key, too. */
  readonly isCopied: boolean;
};

export type HomeWorld = {
  readonly timeline: Timeline;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly invariants: Invariants;
  readonly fairness: Fairness;
  readonly verifier: Verifier;
  /** Unix time at which the simulation's clock was 0. */
  readonly epoch: number;
  readonly log: (home: MemberId, line: string) => void;
};

export class SimulatedHome {
  readonly id: MemberId;
  readonly disk: SimulatedDisk;
  readonly #settings: HomeSettings;
  readonly #world: HomeWorld;
  #agent: Agent | null = null;
  /** Beside the key: what happens to the disk does not happen to it. */
  #mark: FoundMark = "absent";
  #hasOldDisk = false;
  /** Counts starts: whatever an earlier life planned does not happen any more. */
  #life = 0;
  #touchesLeft = Number.POSITIVE_INFINITY;
  #devicesAnswer = true;
  #isSynchronised = true;
  /** How far the clock is off beside its skew, while NTP has not set it. */
  #drift = 0;
  /** The power is gone, or the agent has stopped itself. */
  #isDark = false;
  #hasHalted = false;

  constructor(settings: HomeSettings, world: HomeWorld) {
    this.id = settings.signer.memberId;
    this.#settings = settings;
    this.#world = world;
    const { invariants } = world;
    this.disk = new SimulatedDisk(
      {
        touched: (place) => this.#touch(place),
        said: (transaction) => world.fairness.said(this.id, transaction),
        signed: (record) => {
          if (!this.#isSynchronised) throw new Violation("I13", `${this.id} voted without a clock`);
          invariants.signed(this.id, record);
        },
        committed: (block) => {
          invariants.committed(this.id, block);
          world.log(this.id, `commit ${block.height} ${block.blockId}`);
        },
      },
      settings.diskFaults,
    );
  }

  get isUp(): boolean {
    return this.#agent !== null;
  }

  /** Another one after each start and each power cut. */
  get life(): number {
    return this.#life;
  }

  get agent(): Agent | null {
    return this.#agent;
  }

  start(): void {
    if (this.isUp) return;
    this.#life += 1;
    this.#isDark = false;
    this.#hasHalted = false;
    this.#world.log(this.id, `start at ${this.disk.height}`);
    this.run("start", () => {
      this.#agent = createAgent(this.#settings.agent, this.#ports(), this.#world.verifier);
      this.#world.invariants.restarted(this.id, this.#agent.head().height);
      this.#agent.start();
    });
  }

  /** The power goes now. */
  crash(): void {
    if (this.isUp) this.#goDown("power cut");
  }

  /** The power goes after so many writes and sends, between any two effects. */
  crashAfter(touches: number): void {
    this.#touchesLeft = touches;
  }

  /** The database is lost, or an older copy takes its place; the key and what is beside it stay. */
  replaceDisk(copy: DiskCopy): void {
    this.crash();
    this.#hasOldDisk = true;
    this.disk.restore(copy);
    this.#world.invariants.forgot(this.id, copy.blocks.length);
    this.#world.log(this.id, `database is back at ${copy.blocks.length}`);
  }

  unplugDevices(isUnplugged: boolean): void {
    this.#devicesAnswer = !isUnplugged;
  }

  /** NTP is gone and the clock off by `drift` more; or it is back, and the clock steps. */
  setSynchronised(isSynchronised: boolean, drift = 0): void {
    this.#isSynchronised = isSynchronised;
    this.#drift = isSynchronised ? 0 : drift;
  }

  now(): UnixMs {
    const { epoch, timeline } = this.#world;
    return (epoch + timeline.now + this.#settings.skew + this.#drift) as UnixMs;
  }

  /** Runs something on this home; false if it is down afterwards. */
  run(place: string, action: () => void): boolean {
    try {
      action();
    } catch (error) {
      if (!(error instanceof PowerCut || error instanceof DiskError)) throw error;
      if (error instanceof DiskError && !this.#hasHalted && place !== "start") {
        throw new Violation("I14", `${this.id} went on after its disk failed in ${place}`);
      }
      this.#goDown(`${error.constructor.name} in ${place} ${error.message}`);
      return false;
    }
    if (this.#agent !== null) this.#world.invariants.state(this.id, this.#agent.ledger());
    return this.isUp;
  }

  #goDown(why: string): void {
    this.#world.log(this.id, why);
    this.#agent = null;
    this.#life += 1;
    this.#touchesLeft = Number.POSITIVE_INFINITY;
    this.disk.cutPower();
    this.#world.network.leave(this.id);
  }

  #touch(place: string): void {
    this.#touchesLeft -= 1;
    if (this.#touchesLeft > 0) return;
    this.#isDark = true;
    throw new PowerCut(place);
  }

  #ports(): Ports {
    const { agent, signer, backdates } = this.#settings;
    const honest = this.#world.network.port(
      this.id,
      (place, action) => this.run(place, action),
      (place) => this.#touch(place),
    );
    const liar = { rules: agent.rules, signer, ledger: () => this.#agent?.ledger() ?? null };
    return {
      clock: this.#clock(),
      network: backdates ? lying(honest, liar) : honest,
      store: this.disk.store(),
      signer: this.#settings.signer,
      mark: {
        read: () => this.#mark,
        write: (mark) => {
          this.#touch("before mark");
          this.#mark = mark;
          this.#touch("after mark");
        },
      },
      devices: this.#devices(),
      publisher: { publish: (event) => this.#heard(event) },
      log: silent,
    };
  }

  #heard(event: AgentEvent): void {
    if (event.type === "quarantined") this.#heldBack(event);
    if (event.type !== "halted" || this.#isDark) return;
    if (!event.reason.startsWith("the disk failed")) {
      throw new Violation("halted", `${this.id}: ${event.reason}`);
    }
    this.#hasHalted = true;
  }

  /** I15: only a card that is copied stops, and only one whose disk was replaced is held back. */
  #heldBack({ reason }: Extract<AgentEvent, { type: "quarantined" }>): void {
    this.#world.log(this.id, `quarantined ${reason}`);
    if (this.#settings.isCopied || reason === "pastUnknown") return;
    if (this.#hasOldDisk && reason !== "cardUsedElsewhere") return;
    throw new Violation("I15", `${this.id} is held back: ${reason}`);
  }

  #clock(): Clock {
    const { timeline } = this.#world;
    const life = this.#life;
    const plan: Plan = (delay, place, action) =>
      timeline.plan(delay, () => {
        if (this.#life === life) this.run(place, action);
      });
    const everyMinute = (action: () => void): (() => void) => {
      let isCancelled = false;
      const beat = (): void => {
        const wait = MINUTE_MS - (this.now() % MINUTE_MS);
        plan(wait, "minute", () => {
          if (isCancelled) return;
          beat();
          action();
        });
      };
      beat();
      return () => {
        isCancelled = true;
      };
    };
    return {
      now: () => this.now(),
      isSynchronised: () => this.#isSynchronised,
      monotonic: () => timeline.now as DurationMs,
      after: (delay, action) => plan(delay, "timer", action),
      at: (time, action) => this.#alarm(plan, time, action),
      everyMinute,
    };
  }

  /** Looks again now and then, for the clock may be set meanwhile. */
  #alarm(plan: Plan, time: UnixMs, action: () => void): () => void {
    let cancel = () => {};
    const wait = (): void => {
      const left = time - this.now();
      cancel = plan(Math.min(Math.max(left, 0), ALARM_LOOK_MS), "alarm", () => {
        if (this.now() >= time) action();
        else wait();
      });
    };
    wait();
    return () => cancel();
  }

  #devices(): Device[] {
    const { production, consumption } = this.#settings;
    const meter: Device = this.#device("meter", () => ({
      kind: "meter",
      source: "simulated meter",
      power: watts(consumption - production),
      imported: this.#register(Math.max(0, consumption - production)),
      exported: this.#register(Math.max(0, production - consumption)),
      deviceTime: null,
    }));
    if (production === 0) return [meter];
    const inverter: Device = this.#device("inverter", () => ({
      kind: "inverter",
      source: "simulated inverter",
      state: "producing",
      power: watts(production),
      produced: this.#register(production),
      deviceTime: null,
    }));
    return [inverter, meter];
  }

  #device(kind: DeviceReading["kind"], reading: () => DeviceReading): Device {
    const { timeline, random } = this.#world;
    return {
      name: kind,
      kind,
      read: (done) => {
        const life = this.#life;
        timeline.plan(random.integer(5, 200), () => {
          if (this.#life !== life) return;
          this.run("device", () =>
            done(
              this.#devicesAnswer
                ? accepted(reading())
                : refused({ code: "unreachable", detail: "unplugged" }),
            ),
          );
        });
      },
    };
  }

  /** A counter that has run at this power since 2026. */
  #register(power: number): ReturnType<typeof wh> {
    const { epoch, timeline } = this.#world;
    const since = epoch + timeline.now - Date.UTC(2026, 0, 1);
    return wh(Math.floor((power * since) / HOUR_MS));
  }
}

/** As the real clock does. */
const ALARM_LOOK_MS = 10_000;

type Plan = (delay: number, place: string, action: () => void) => () => void;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
