// How long a neighbourhood takes to agree, at the market's real speed and with the community's own time-outs:
// from the first thing that somebody says while nobody has anything to say, until the last home has committed
// it; and from the cut-off until the last home has the listing closed. Homes are processes on one machine: so
// the load average is told beside.

import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { SECOND_MS } from "../../agent/core/units/time.ts";
import { RealCommunity } from "./community.ts";
import type { Figures } from "./measure.ts";
import { median } from "./median.ts";

export type LatencyPlan = {
  readonly homes: number;
  readonly validators: number;
  readonly samples: number;
  /** Cut-offs to be seen; each but the first is a new community that does nothing else. */
  readonly seals: number;
};

export const SEVEN: LatencyPlan = { homes: 7, validators: 7, samples: 30, seals: 3 };
export const THIRTY_ONE: LatencyPlan = { homes: 31, validators: 7, samples: 20, seals: 1 };

/** Nothing has been said for so long; longer than the pause after a block. */
const IDLE_MS = 1500;
/** So that samples fall anywhere in whatever else beats once a second. */
const JITTER_MS = 1000;
const SAMPLE_MS = 5 * SECOND_MS;
const SAMPLE_MAX_MS = 60_000;
/** Everybody says something so long before the cut-off. */
const LAST_OFFERS_MS = 15 * SECOND_MS;
const SEALED_MAX_MS = 90_000;
/** The ledger's greatest; above those of all samples. */
const LAST_SEQUENCE = 255;

/** Block latency and time to the seal, seconds; `disturbed` samples met another block and are left out. */
export async function latency(plan: LatencyPlan): Promise<Figures> {
  const bootMs = 15 * SECOND_MS + plan.homes * 5 * SECOND_MS;
  const [latencies, seals]: [number[], number[]] = [[], []];
  let [disturbed, slow] = [0, 0];
  for (let run = 0; run < plan.seals; run += 1) {
    const samples = run === 0 ? plan.samples : 0;
    const leadMs = bootMs + samples * SAMPLE_MS + 2 * LAST_OFFERS_MS;
    const community = await RealCommunity.open({ ...plan, leadMs });
    try {
      const taken = await sample(community, samples);
      latencies.push(...taken.latencies);
      disturbed += taken.disturbed;
      slow += community.slowBlocks;
      seals.push(await sealing(community));
    } finally {
      await community.close();
    }
  }
  return {
    "block p50, s": rounded(median(latencies)),
    "block p95, s": rounded(quantile(latencies, 0.95)),
    "block most, s": rounded(Math.max(...latencies)),
    samples: latencies.length,
    disturbed,
    "blocks of a later round": slow,
    "sealed after cut-off, median s": rounded(median(seals)),
    "sealed after cut-off, most s": rounded(Math.max(...seals)),
    seals: seals.length,
    "load average": rounded(loadavg()[0] ?? 0),
  };
}

type Samples = { readonly latencies: readonly number[]; readonly disturbed: number };

async function sample(community: RealCommunity, count: number): Promise<Samples> {
  const { lab, homes } = community;
  const latencies: number[] = [];
  let disturbed = 0;
  for (let i = 1; i <= count; i += 1) {
    await waitIdle(community);
    if (lab.marketTime() > community.cutoff - 2 * LAST_OFFERS_MS) break;
    const home = homes[i % homes.length];
    if (home === undefined) break;
    const key = `${home.memberId} ${i}`;
    const { height } = community;
    const said = performance.now();
    community.bid(home, i);
    const told = (): number => community.bids.get(key)?.toldAt.size ?? 0;
    await lab.until(`bid ${key} at all`, () => told() === homes.length, SAMPLE_MAX_MS);
    const bid = community.bids.get(key);
    if (bid?.height === height + 1) {
      latencies.push((Math.max(...bid.toldAt.values()) - said) / 1000);
    } else disturbed += 1;
  }
  return { latencies, disturbed };
}

/** Also moves the next sample to no particular place in the second. */
async function waitIdle({
  lab,
  isIdleFor,
}: Pick<RealCommunity, "lab" | "isIdleFor">): Promise<void> {
  for (;;) {
    await sleep(Math.random() * JITTER_MS);
    // Says so if the laboratory has failed.
    await lab.until("nothing", () => true, 1);
    if (isIdleFor(IDLE_MS)) return;
  }
}

/** Seconds from the cut-off until the last home has the listing closed. */
async function sealing(community: RealCommunity): Promise<number> {
  const { lab, homes, cutoff } = community;
  const left = cutoff - LAST_OFFERS_MS - lab.marketTime();
  if (left < 0) throw new Error(`the homes were ready only ${-left} ms after the last offers`);
  await sleep(left);
  for (const home of homes) {
    if (home.pv === null) community.bid(home, LAST_SEQUENCE);
    else community.offer(home, LAST_SEQUENCE);
  }
  const isOver = (): boolean => community.isVoid || community.closed.size === homes.length;
  await lab.until("the first listing closed everywhere", isOver, LAST_OFFERS_MS + SEALED_MAX_MS);
  if (community.isVoid) throw new Error("the listing is void");
  const [listing] = lab.record.listings.values();
  if (listing?.fills.length === 0) throw new Error("nobody has traded");
  return (Math.max(...community.closed.values()) - cutoff) / 1000;
}

/** The smallest value that a share of `q` of them does not exceed. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
