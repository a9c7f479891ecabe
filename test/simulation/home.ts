// One simulated home: the real agent over simulated ports, its disk, its devices, its power switch.

import { type Agent, type AgentSettings, createAgent } from "../../agent/agent.ts";
import type { FoundMark } from "../../agent/core/consensus/quarantine.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import { type LedgerState, stateRoot } from "../../agent/core/ledger/state.ts";
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
  Network,
  Ports,
  Signer,
} from "../../agent/ports.ts";
import { type ClockFault, offBy } from "./clockFault.ts";
import { type DiskCopy, DiskError, type DiskFaults, SimulatedDisk } from "./disk.ts";
import type { Fairness } from "./fairness.ts";
import { type Invariants, Violation } from "./invariants.ts";
import { type Lie, lying, type Parcel } from "./liar.ts";
import type { SimulatedNetwork } from "./network.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Timeline } from "./timeline.ts";

/** The power went, somewhere inside the agent. */
class PowerCut extends Error {}

export type HomeSettings = {
  readonly signer: Signer;
  readonly agent: AgentSettings;
  /** Watts made while the sun shines, and watts used, all the time. */
  readonly production: number;
  readonly consumption: number;
  /** How far the home's wall clock is off. */
  readonly clock: ClockFault;
  readonly diskFaults: DiskFaults;
  /** What it lies about; none: it is honest. */
  readonly lies: readonly Lie[];
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
  readonly tally: Tally;
  /** Puts a lie on the wire. */
  readonly lie: (from: MemberId, parcel: Parcel) => void;
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
  #crashesAt: string | null = null;
  #devicesAnswer = true;
  #isSynchronised = true;
  /** How far the clock is off beside its skew, while NTP has not set it. */
  #drift = 0;
  /** The power is gone, or the agent has stopped itself. */
  #isDark = false;
  #isAway = false;
  #hasHalted = false;
  #rootChecked: LedgerState | null = null;

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

  /** Gone: nobody switches it on until it is back. */
  leave(): void {
    this.crash();
    this.#isAway = true;
  }

  comeBack(): void {
    this.#isAway = false;
  }

  start(): void {
    if (this.isUp || this.#isAway) return;
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

  /** Its database was lost, or an old copy took its place: nobody knows what it said before. */
  get hasForgotten(): boolean {
    return this.#hasOldDisk;
  }

  /** The power goes now. */
  crash(): void {
    if (this.isUp) this.#goDown("power cut");
  }

  /** The power goes after so many writes and sends, between any two effects. */
  crashAfter(touches: number): void {
    this.#touchesLeft = touches;
    this.#crashesAt = null;
  }

  /** The power goes the next time that it does this: "after saveSigned". */
  crashAt(place: string): void {
    this.#crashesAt = place;
  }

  /**
   * The database is lost, or an older copy takes its place; the key and what is beside it stay. Not done where
   * the mark beside the key cannot show it: for a copy made in the very height that is under way.
   */
  replaceDisk(copy: DiskCopy): boolean {
    const signed = typeof this.#mark === "string" ? 0 : this.#mark.height;
    if (signed <= copy.blocks.length + 1) return false;
    this.crash();
    this.#hasOldDisk = true;
    this.disk.restore(copy);
    this.#world.invariants.forgot(this.id, copy.blocks.length);
    this.#world.log(this.id, `database is back at ${copy.blocks.length}`);
    return true;
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
    const off = offBy(this.#settings.clock, timeline.now) + this.#drift;
    return (epoch + timeline.now + off) as UnixMs;
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
    if (this.#agent !== null) {
      const state = this.#agent.ledger();
      this.#world.invariants.state(this.id, state);
      if (state !== this.#rootChecked) this.#checkRoot(state);
    }
    return this.isUp;
  }

  #checkRoot(state: LedgerState): void {
    this.#rootChecked = state;
    const { invariants } = this.#world;
    if (!invariants.isRootChecked(state.height)) {
      invariants.reachedRoot(this.id, state.height, stateRoot(state));
    }
  }

  #goDown(why: string): void {
    this.#world.log(this.id, why);
    this.#agent = null;
    this.#life += 1;
    this.crashAfter(Number.POSITIVE_INFINITY);
    this.disk.cutPower();
    this.#world.network.leave(this.id);
  }

  #touch(place: string): void {
    this.#touchesLeft -= 1;
    // In the dark nothing more happens, whatever the agent does about what was thrown.
    if (!this.#isDark && this.#touchesLeft > 0 && this.#crashesAt !== place) return;
    this.#isDark = true;
    throw new PowerCut(place);
  }

  #ports(): Ports {
    const { lies } = this.#settings;
    const honest = this.#world.network.port(
      this.id,
      (place, action) => this.run(place, action),
      (place) => this.#touch(place),
    );
    return {
      clock: this.#clock(),
      network: lies.length === 0 ? honest : this.#lying(honest),
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

  #lying(honest: Network): Network {
    const { agent, signer, lies } = this.#settings;
    const { timeline, random, verifier, tally, lie, network } = this.#world;
    const life = this.#life;
    const { network: lied, mutter } = lying(honest, {
      ...{ lies, signer, verifier, tally, random: random.fork(), rules: agent.rules },
      now: () => this.now(),
      ledger: () => this.#agent?.ledger() ?? null,
      others: () => network.others(this.id),
      send: (parcel) => lie(this.id, parcel),
    });
    const mutterOn = (): void => {
      timeline.plan(random.integer(MUTTER_EVERY_MIN, MUTTER_EVERY_MAX), () => {
        if (this.#life !== life) return;
        this.run("mutter", mutter);
        mutterOn();
      });
    };
    mutterOn();
    return lied;
  }

  #heard(event: AgentEvent): void {
    if (event.type === "quarantined") this.#heldBack(event);
    if (event.type !== "halted" || this.#isDark) return;
    if (!event.reason.startsWith("the disk failed")) {
      throw new Violation("halted", `${this.id}: ${event.reason}`);
    }
    this.#hasHalted = true;
  }

  /** I15: only a card that is copied, or lies, stops, and only one whose disk was replaced is held back. */
  #heldBack({ reason }: Extract<AgentEvent, { type: "quarantined" }>): void {
    this.#world.log(this.id, `quarantined ${reason}`);
    const { isCopied, lies } = this.#settings;
    // A liar's other message comes back to the honest agent behind it.
    if (isCopied || lies.length > 0 || reason === "pastUnknown") return;
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
/** A liar speaks up unasked, ms. */
const MUTTER_EVERY_MIN = 2000;
const MUTTER_EVERY_MAX = 60_000;

type Plan = (delay: number, place: string, action: () => void) => () => void;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
