// What goes wrong with homes and wires, as a menu: which fault comes when is drawn from the seed by weight.

import type { MemberId } from "../../agent/core/units/ids.ts";
import { HOUR_MS } from "../../agent/core/units/time.ts";
import { type DiskCopy, EMPTY_DISK } from "./disk.ts";
import type { SimulatedHome } from "./home.ts";
import { FAIR_WEATHER, type SimulatedNetwork, type Weather } from "./network.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Timeline } from "./timeline.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Between two faults. */
const FAULT_EVERY_MIN = 2 * SECOND;
const FAULT_EVERY_MAX = 28 * SECOND;

const WEATHERS: readonly Weather[] = [
  FAIR_WEATHER,
  { delayMin: 5, delayMax: 150, drop: 0.02, duplicate: 0.05, straggle: 0.05, unanswered: 0 },
  { delayMin: 20, delayMax: 900, drop: 0.1, duplicate: 0.1, straggle: 0.1, unanswered: 0 },
  { delayMin: 100, delayMax: 2500, drop: 0.25, duplicate: 0.2, straggle: 0.1, unanswered: 0 },
  { delayMin: 5, delayMax: 60, drop: 0.5, duplicate: 0, straggle: 0, unanswered: 0 },
];

/** So many votes are lost, and found again so late, that a lock may be known to one home alone for rounds. */
const FOUL_WEATHER: Weather = {
  delayMin: 5,
  delayMax: 60,
  drop: 0.35,
  duplicate: 0,
  straggle: 0,
  unanswered: 0.9,
};

export type ChaosWorld = {
  readonly timeline: Timeline;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly homes: readonly SimulatedHome[];
  /** Those whose database is lost now and then, or replaced by an older copy. */
  readonly forgetful: readonly SimulatedHome[];
  /** The copies of their databases that are kept. */
  readonly copies: Map<MemberId, DiskCopy>;
  readonly tally: Tally;
  /** Foul weather from beginning to end, instead of weather that changes. */
  readonly isFoul: boolean;
  /** Sends something hostile. */
  readonly attack: (random: Random) => void;
};

type Fault = {
  readonly name: string;
  /** How often it is drawn, beside the others. */
  readonly weight: number;
  readonly strike: (world: ChaosWorld) => void;
  /** Only where somebody's database may be lost. */
  readonly needsForgetful?: true;
};

const LOST = "database lost";
const RESTORED = "an older copy of the database restored";
/** Counted where they could strike. */
const COUNTED_THERE: ReadonlySet<string> = new Set([LOST, RESTORED]);

/** The menu. A fault ends by itself after a while, or by `heal`. */
export const FAULTS: readonly Fault[] = [
  { name: "the weather changes", weight: 12, strike: changeWeather },
  { name: "power cut", weight: 5, strike: (world) => cutPower(world, (home) => home.crash()) },
  {
    name: "power cut between any two effects",
    weight: 14,
    strike: (world) => cutPower(world, (home) => home.crashAfter(world.random.integer(1, 60))),
  },
  {
    name: "power cut before a vote is on the disk",
    weight: 2,
    strike: (world) => cutPower(world, (home) => home.crashAt("before saveSigned")),
  },
  {
    name: "power cut between a vote's COMMIT and its sending",
    weight: 3,
    strike: (world) => cutPower(world, (home) => home.crashAt("after saveSigned")),
  },
  {
    name: "power cut between a block's COMMIT and what follows",
    weight: 3,
    strike: (world) => cutPower(world, (home) => home.crashAt("after commit")),
  },
  {
    name: "power cut between an offer's COMMIT and its sending",
    weight: 2,
    strike: (world) => cutPower(world, (home) => home.crashAt("after saveOwn")),
  },
  { name: "power cut in the whole street", weight: 1, strike: darken },
  { name: "disk write fails, nothing written", weight: 2, strike: (w) => failDisk(w, false) },
  { name: "disk write fails, though written", weight: 2, strike: (w) => failDisk(w, true) },
  { name: "disk full for a while", weight: 1, strike: fillDisk },
  { name: "database copied", weight: 3, strike: copyDatabase, needsForgetful: true },
  {
    name: LOST,
    weight: 2,
    strike: (w) => replaceDatabase(w, true),
    needsForgetful: true,
  },
  {
    name: RESTORED,
    weight: 3,
    strike: (w) => replaceDatabase(w, false),
    needsForgetful: true,
  },
  { name: "partition", weight: 4, strike: partition },
  { name: "flapping partition", weight: 1, strike: flap },
  { name: "one-way cut", weight: 5, strike: cutOneWay },
  { name: "slow home", weight: 4, strike: slowDown },
  { name: "devices unplugged", weight: 2, strike: unplug },
  { name: "clock not set", weight: 2, strike: (w) => loseTime(w, [0, -2 * SECOND]) },
  { name: "clock not set, and back", weight: 1, strike: (w) => loseTime(w, [-40 * MINUTE]) },
  { name: "clock not set, and 10 s off", weight: 1, strike: (w) => loseTime(w, [-10_000, 10_000]) },
  { name: "clock not set, and 1 h ahead", weight: 1, strike: (w) => loseTime(w, [HOUR_MS]) },
  { name: "attack", weight: 40, strike: (world) => world.attack(world.random) },
];

/** Plans faults until `until`; afterwards `heal` must be called. */
export function planChaos(world: ChaosWorld, until: number): void {
  const { timeline, random, tally } = world;
  if (world.isFoul) world.network.weather = FOUL_WEATHER;
  const menu = FAULTS.filter(
    ({ strike, needsForgetful }) =>
      (!world.isFoul || strike !== changeWeather) &&
      (needsForgetful === undefined || world.forgetful.length > 0),
  );
  const total = menu.reduce((sum, { weight }) => sum + weight, 0);
  const draw = (): Fault | undefined => {
    let left = random.integer(1, total);
    return menu.find(({ weight }) => {
      left -= weight;
      return left <= 0;
    });
  };
  const next = (): void => {
    const wait = random.integer(FAULT_EVERY_MIN, FAULT_EVERY_MAX);
    if (timeline.now + wait >= until) return;
    timeline.plan(wait, () => {
      const fault = draw();
      if (fault !== undefined && !COUNTED_THERE.has(fault.name)) tally.count(fault.name);
      fault?.strike(world);
      next();
    });
  };
  next();
}

/** Everything works again, everyone is up. */
export function heal({ network, homes }: Pick<ChaosWorld, "network" | "homes">): void {
  network.heal();
  for (const home of homes) {
    home.unplugDevices(false);
    home.crashAfter(Number.POSITIVE_INFINITY);
    home.setSynchronised(true);
    home.disk.mend();
    home.comeBack();
    home.start();
  }
}

function changeWeather({ network, random }: ChaosWorld): void {
  network.weather = random.pick(WEATHERS);
}

/** At once, or between any two of the next effects; back in a second or in minutes. */
function cutPower({ timeline, random, homes }: ChaosWorld, cut: (home: SimulatedHome) => void) {
  const home = random.pick(homes);
  cut(home);
  timeline.plan(random.integer(SECOND, 3 * MINUTE), () => {
    home.crashAfter(Number.POSITIVE_INFINITY);
    home.start();
  });
}

/** All go dark; their clocks are not set at once when they are back. */
function darken(world: ChaosWorld): void {
  const { timeline, random, homes } = world;
  for (const home of homes) {
    home.crash();
    home.setSynchronised(false, random.pick([0, -2 * SECOND, -40 * MINUTE]));
    timeline.plan(random.integer(SECOND, 20 * SECOND), () => home.start());
    timeline.plan(random.integer(5 * SECOND, 3 * MINUTE), () => home.setSynchronised(true));
  }
}

function partition({ timeline, network, random, homes }: ChaosWorld): void {
  const groups = new Map<MemberId, number>();
  for (const { id } of homes) groups.set(id, random.integer(0, 1));
  network.partition(groups);
  timeline.plan(random.integer(5 * SECOND, 3 * MINUTE), () => network.partition(new Map()));
}

/** The street falls apart and comes together again every few seconds. */
function flap({ timeline, network, random, homes }: ChaosWorld): void {
  const groups = new Map<MemberId, number>();
  for (const { id } of homes) groups.set(id, random.integer(0, 1));
  const times = random.integer(4, 12);
  let at = 0;
  for (let i = 0; i < times; i += 1) {
    at += random.integer(500, 8 * SECOND);
    timeline.plan(at, () => network.partition(i % 2 === 0 ? groups : new Map()));
  }
  timeline.plan(at + SECOND, () => network.partition(new Map()));
}

function cutOneWay({ timeline, network, random, homes }: ChaosWorld): void {
  network.cutOneWay({ from: random.pick(homes).id, to: random.pick(homes).id });
  timeline.plan(random.integer(SECOND, 5 * MINUTE), () => network.cutOneWay(null));
}

function unplug({ timeline, random, homes }: ChaosWorld): void {
  const home = random.pick(homes);
  home.unplugDevices(true);
  timeline.plan(random.integer(MINUTE, 10 * MINUTE), () => home.unplugDevices(false));
}

/** One home does not know the time for a while. */
function loseTime({ timeline, random, homes }: ChaosWorld, drifts: readonly number[]): void {
  const home = random.pick(homes);
  home.setSynchronised(false, random.pick(drifts));
  timeline.plan(random.integer(5 * SECOND, 3 * MINUTE), () => home.setSynchronised(true));
}

/** One write fails, done or not; a supervisor starts the agent again. */
function failDisk({ timeline, random, homes }: ChaosWorld, isWritten: boolean): void {
  const home = random.pick(homes);
  home.disk.failOnce({ isWritten });
  timeline.plan(random.integer(SECOND, 2 * MINUTE), () => home.start());
}

/** No write succeeds; the supervisor tries again and again, until somebody makes room. */
function fillDisk({ timeline, random, homes }: ChaosWorld): void {
  const home = random.pick(homes);
  home.disk.fill(true);
  const ends = random.integer(20 * SECOND, 3 * MINUTE);
  for (let at = 10 * SECOND; at < ends; at += 10 * SECOND) timeline.plan(at, () => home.start());
  timeline.plan(ends, () => {
    home.disk.fill(false);
    home.start();
  });
}

/** The key and what is beside it stay; the supervisor starts the agent again. */
function replaceDatabase(
  { timeline, random, forgetful, copies, tally }: ChaosWorld,
  isLost: boolean,
) {
  const home = random.pick(forgetful);
  const copy = isLost ? EMPTY_DISK : copies.get(home.id);
  if (copy === undefined || !home.replaceDisk(copy)) return;
  tally.count(isLost ? LOST : RESTORED);
  timeline.plan(random.integer(SECOND, 30 * SECOND), () => home.start());
}

/** A copy that somebody may restore one day. */
function copyDatabase({ random, forgetful, copies }: ChaosWorld): void {
  const home = random.pick(forgetful);
  copies.set(home.id, home.disk.copy());
}

function slowDown({ timeline, network, random, homes }: ChaosWorld): void {
  const { id } = random.pick(homes);
  network.slow(id, random.integer(500, 5 * SECOND));
  timeline.plan(random.integer(30 * SECOND, 4 * MINUTE), () => network.slow(id, 0));
}
