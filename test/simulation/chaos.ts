// What goes wrong, and when: drawn from the seed before anything happens.

import type { MemberId } from "../../agent/core/units/ids.ts";
import { type DiskCopy, EMPTY_DISK } from "./disk.ts";
import type { SimulatedHome } from "./home.ts";
import { FAIR_WEATHER, type SimulatedNetwork, type Weather } from "./network.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

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
  /** Whose database is lost now and then, or replaced by an older copy. */
  readonly forgetful: SimulatedHome | null;
  /** Foul weather from beginning to end, instead of weather that changes. */
  readonly isFoul: boolean;
  /** Sends something hostile. */
  readonly attack: (random: Random) => void;
};

/** Plans faults until `until`; afterwards `heal` must be called. */
export function planChaos(world: ChaosWorld, until: number): void {
  const { timeline, random } = world;
  const repeat = (min: number, max: number, act: () => void): void => {
    const next = random.integer(min, max);
    if (timeline.now + next >= until) return;
    timeline.plan(next, () => {
      act();
      repeat(min, max, act);
    });
  };
  if (world.isFoul) world.network.weather = FOUL_WEATHER;
  else repeat(20 * SECOND, 4 * MINUTE, () => changeWeather(world));
  repeat(15 * SECOND, 3 * MINUTE, () => cutPower(world));
  repeat(2 * MINUTE, 10 * MINUTE, () => partition(world));
  repeat(MINUTE, 8 * MINUTE, () => cutOneWay(world));
  repeat(5 * MINUTE, 20 * MINUTE, () => unplug(world));
  repeat(5 * SECOND, MINUTE, () => world.attack(random));
  repeat(2 * MINUTE, 10 * MINUTE, () => loseTime(world));
  repeat(2 * MINUTE, 12 * MINUTE, () => failDisk(world));
  repeat(3 * MINUTE, 10 * MINUTE, () => slowDown(world));
  const { forgetful } = world;
  if (forgetful === null) return;
  let copy: DiskCopy = EMPTY_DISK;
  repeat(MINUTE, 8 * MINUTE, () => {
    if (random.chance(0.5)) copy = forgetful.disk.copy();
    else replaceDisk(world, forgetful, random.chance(0.4) ? EMPTY_DISK : copy);
  });
}

/** Everything works again, everyone is up. */
export function heal({ network, homes }: Pick<ChaosWorld, "network" | "homes">): void {
  network.heal();
  for (const home of homes) {
    home.unplugDevices(false);
    home.crashAfter(Number.POSITIVE_INFINITY);
    home.setSynchronised(true);
    home.disk.mend();
    home.start();
  }
}

function changeWeather({ network, random }: ChaosWorld): void {
  network.weather = random.pick(WEATHERS);
}

/** At once, or between any two of the next effects; back in a second or in minutes. */
function cutPower({ timeline, random, homes }: ChaosWorld): void {
  const home = random.pick(homes);
  if (random.chance(0.3)) home.crash();
  else home.crashAfter(random.integer(1, 60));
  timeline.plan(random.integer(SECOND, 3 * MINUTE), () => {
    home.crashAfter(Number.POSITIVE_INFINITY);
    home.start();
  });
}

function partition({ timeline, network, random, homes }: ChaosWorld): void {
  const groups = new Map<MemberId, number>();
  for (const { id } of homes) groups.set(id, random.integer(0, 1));
  network.partition(groups);
  timeline.plan(random.integer(5 * SECOND, 3 * MINUTE), () => network.partition(new Map()));
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

/** One home, or all after a power cut in the whole street, does not know the time for a while. */
function loseTime({ timeline, random, homes }: ChaosWorld): void {
  const lost = random.chance(0.3) ? homes : [random.pick(homes)];
  for (const home of lost) {
    if (lost.length > 1) home.crash();
    home.setSynchronised(false, random.pick([0, -2 * SECOND, -40 * MINUTE]));
    timeline.plan(random.integer(SECOND, 20 * SECOND), () => home.start());
    timeline.plan(random.integer(5 * SECOND, 3 * MINUTE), () => home.setSynchronised(true));
  }
}

/** One write fails, done or not; a supervisor starts the agent again. */
function failDisk({ timeline, random, homes }: ChaosWorld): void {
  const home = random.pick(homes);
  home.disk.failOnce({ isWritten: random.chance(0.5) });
  timeline.plan(random.integer(SECOND, 2 * MINUTE), () => home.start());
}

function replaceDisk({ timeline, random }: ChaosWorld, home: SimulatedHome, copy: DiskCopy): void {
  home.replaceDisk(copy);
  timeline.plan(random.integer(SECOND, 30 * SECOND), () => home.start());
}

function slowDown({ timeline, network, random, homes }: ChaosWorld): void {
  const { id } = random.pick(homes);
  network.slow(id, random.integer(500, 5 * SECOND));
  timeline.plan(random.integer(30 * SECOND, 4 * MINUTE), () => network.slow(id, 0));
}
