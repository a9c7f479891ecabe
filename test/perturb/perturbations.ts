// What is done to the neighbourhood, one after the other, and what must be true while it is done. What must be
// true afterwards (one state, nothing acknowledged lost) is asked after each of them in main.ts.

import { assert } from "../../agent/core/assert.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import type { Street } from "./street.ts";

export type Perturbation = {
  readonly name: string;
  /** For people. */
  readonly what: (validators: number) => string;
  /** Whether cables must be pulled, which needs network namespaces. */
  readonly needsStreet?: true;
  /** Throws if something is not as it must be; returns what else is worth telling. */
  readonly run: (n: Neighbourhood) => Promise<string>;
};

/** Frozen or cut off for so long: longer than a round, and than the pings that notice it. */
const AWAY_MS = 8000;
/** Blocks that the others must make meanwhile, and everybody afterwards. */
const BLOCKS = 3;
/** What had its votes before the halt may still be committed. */
const LAST_COMMITS_MS = 2000;
/** Longer than all who are gone time out as proposers, one after the other: 3 + 3.5 + 4 s of seven homes. */
const HALT_MS = 12_000;
/** Homes that are restarted one after the other. */
const ROLLING_MAX = 4;
/** The liar has each of its lies for so long. */
const LIES_MS = 6000;

/** In the order in which they are run; the liar stays a liar, so it comes last. */
export const PERTURBATIONS: readonly Perturbation[] = [
  { name: "kill", what: (n) => `${faulty(n)} killed with SIGKILL, restarted`, run: kill },
  { name: "pause", what: (n) => `${faulty(n)} frozen for ${AWAY_MS / 1000} s`, run: pause },
  { name: "restart", what: (n) => `${Math.min(n, ROLLING_MAX)} restarted in turn`, run: restart },
  {
    name: "disconnect",
    what: (n) => `${faulty(n)} without network for ${AWAY_MS / 1000} s`,
    needsStreet: true,
    run: disconnect,
  },
  {
    name: "split",
    what: () => "the network in two halves: the market stops",
    needsStreet: true,
    run: split,
  },
  { name: "third", what: (n) => `${faulty(n) + 1} killed: the market stops`, run: third },
  { name: "all", what: () => "all killed at once, restarted", run: all },
  { name: "joiner", what: () => "a new home joins late", run: joiner },
  { name: "liar", what: () => "one lies: equivocates, replays, floods, sends garbage", run: liar },
];

function faulty(validators: number): number {
  return Math.floor((validators - 1) / 3);
}

/** As many victims as the agreement bears; not always the same. */
function victims(n: Neighbourhood, shift: number): readonly string[] {
  const { validators, faultyMax } = n;
  return Array.from(
    { length: faultyMax },
    (_, i) => validators[(shift + i) % validators.length] ?? "",
  );
}

async function kill(n: Neighbourhood): Promise<string> {
  const gone = victims(n, 0);
  await n.kill(gone);
  await n.grows(n.others(gone), BLOCKS);
  await n.restore(gone);
  return await back(n, gone);
}

async function pause(n: Neighbourhood): Promise<string> {
  const gone = victims(n, 1);
  n.signal(gone, "SIGSTOP");
  try {
    await n.grows(n.others(gone), BLOCKS);
    await n.rest(n.pace * AWAY_MS);
  } finally {
    n.signal(gone, "SIGCONT");
  }
  return await back(n, gone);
}

async function restart(n: Neighbourhood): Promise<string> {
  const turns = n.validators.slice(0, ROLLING_MAX);
  for (const home of turns) {
    await n.switchOff([home]);
    await n.restore([home]);
    await n.catchesUp([home]);
  }
  return await back(n, turns);
}

async function disconnect(n: Neighbourhood): Promise<string> {
  const gone = victims(n, 2);
  const street = streetOf(n);
  for (const home of gone) street.pull(home);
  try {
    await n.rest(LAST_COMMITS_MS);
    const stood = n.height(gone);
    await n.grows(n.others(gone), BLOCKS);
    await n.rest(n.pace * AWAY_MS);
    assert(n.height(gone) === stood, "who is cut off commits nothing");
  } finally {
    for (const home of gone) street.plug(home);
  }
  return await back(n, gone);
}

async function split(n: Neighbourhood): Promise<string> {
  const street = streetOf(n);
  const half = n.validators.slice(0, Math.floor(n.validators.length / 2));
  // An odd one out belongs to neither: the larger half would have a quorum of 7 with 5 of them, not with 4.
  for (const home of half) street.move(home, 1);
  try {
    await halted(n);
  } finally {
    for (const home of half) street.move(home, 0);
  }
  return await back(n, half);
}

async function third(n: Neighbourhood): Promise<string> {
  const gone = n.validators.slice(-(n.faultyMax + 1));
  await n.kill(gone);
  await halted(n);
  await n.restore(gone);
  return await back(n, gone);
}

async function all(n: Neighbourhood): Promise<string> {
  const everyone = n.others([]);
  await n.kill(everyone);
  await n.restore(everyone);
  return await back(n, everyone);
}

async function joiner(n: Neighbourhood): Promise<string> {
  const goal = n.height();
  const started = performance.now();
  await n.restore([n.joiner]);
  await n.catchesUp([n.joiner]);
  const seconds = (performance.now() - started) / 1000;
  await n.trades([n.joiner]);
  return `level with block ${goal} ${seconds.toFixed(1)} s after its start`;
}

async function liar(n: Neighbourhood): Promise<string> {
  const [home] = n.validators.slice(-1);
  assert(home !== undefined, "there are validators");
  await n.turnLiar(home);
  const honest = n.others([home]);
  for (const lie of ["equivocate", "replay", "flood", "garbage", "wire"]) {
    n.lab.send(home, { lie });
    await n.rest(n.pace * LIES_MS);
    await n.grows(honest, 1);
  }
  await n.grows(honest, BLOCKS);
  await n.trades(honest);
  const lies = n.lies();
  for (const lie of [
    "votes",
    "proposals",
    "edgeSignatures",
    "replays",
    "flood",
    "garbage",
    "wire",
  ]) {
    assert((lies.get(lie) ?? 0) > 0, `the liar has lied: ${lie}`);
  }
  // By the ledger, so that every home has it; the rest of the pattern is the log's sentence.
  const naming = n.logged(new RegExp(`"offender":"${home}@.*a card signed twice`));
  assert(
    honest.every((name) => naming.includes(name)),
    "every honest home names the card that signed twice",
  );
  return [...lies].map(([lie, count]) => `${lie} ${count}`).join(", ");
}

/** They have what the others have, and their own transactions land again. */
async function back(n: Neighbourhood, homes: readonly string[]): Promise<string> {
  const started = performance.now();
  await n.catchesUp(homes);
  await n.trades(homes);
  await n.grows(n.others([]), BLOCKS);
  return `level and trading after ${((performance.now() - started) / 1000).toFixed(1)} s`;
}

/** Nobody commits anything, for there is no quorum. */
async function halted(n: Neighbourhood): Promise<void> {
  await n.rest(LAST_COMMITS_MS);
  const stood = n.height(n.others([]));
  await n.rest(HALT_MS);
  assert(n.height(n.others([])) === stood, "without a quorum nothing is committed");
}

function streetOf({ street }: Neighbourhood): Street {
  assert(street !== null, "there are cables to pull");
  return street;
}
