// A community of real agents at the market's real speed, told to the millisecond who heard what when: for the
// benches that ask how fast homes agree.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MINUTE_MS, unixMs } from "../../agent/core/units/time.ts";
import { type LabHome, labHomes } from "../../agent/lab/homes.ts";
import { Laboratory, type Line } from "../../agent/lab/laboratory.ts";
import { firstDelivery } from "../../agent/lab/marketStart.ts";
import { makeWorld } from "../../agent/lab/world.ts";
import { useRealTimeouts } from "../support/realTimeouts.ts";

const WAIT_MAX_MS = 300_000;

export type CommunityPlan = {
  readonly homes: number;
  readonly validators: number;
  /** From the start of the processes to the first cut-off, real time. */
  readonly leadMs: number;
};

/** The block that it stands in, and when each home told of it (performance.now()). */
type Told = { readonly height: number; readonly toldAt: Map<string, number> };

export class RealCommunity {
  readonly homes: readonly LabHome[];
  readonly lab: Laboratory;
  /** Unix ms, market time. */
  readonly cutoff: number;
  /** "member sequence" of each bid. */
  readonly bids = new Map<string, Told>();
  /** When each home told that the first listing was closed, market time. */
  readonly closed = new Map<string, number>();
  isVoid = false;
  #height = 0;
  readonly #heightOf = new Map<string, number>();
  #lastBlockAt = 0;
  #rounds = 0;
  readonly #dir: string;

  private constructor(dir: string, homes: readonly LabHome[], { leadMs }: CommunityPlan) {
    this.#dir = dir;
    this.homes = homes;
    this.cutoff = firstDelivery(null) - MINUTE_MS;
    this.lab = new Laboratory({
      ...{ dir, homes, seed: 1, pv: null, load: null, withDevices: false, administrator: null },
      clock: { realStart: unixMs(Date.now()), marketStart: unixMs(this.cutoff - leadMs), speed: 1 },
      print: () => {},
      heard: (home, line) => this.#heard(home, line),
    });
  }

  /** Starts everyone; resolves when all are members, all PVs registered, and a listing is open. */
  static async open(plan: CommunityPlan): Promise<RealCommunity> {
    const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
    const homes = labHomes(plan.homes);
    const marketStart = unixMs(firstDelivery(null) - MINUTE_MS - plan.leadMs);
    const { validators } = plan;
    await makeWorld({ dir, homes, validators, speed: 1, schedule: "hourly", marketStart });
    useRealTimeouts(dir);
    const community = new RealCommunity(dir, homes, plan);
    try {
      await community.lab.start();
      const { record } = community.lab;
      const pvs = homes.filter(({ pv }) => pv !== null).length;
      const isReady = (): boolean =>
        record.members.size === homes.length && record.pvs.size === pvs && record.listings.size > 0;
      await community.lab.until("members, PVs and a listing", isReady, WAIT_MAX_MS);
    } catch (error) {
      await community.close();
      throw error;
    }
    return community;
  }

  get height(): number {
    return this.#height;
  }

  /** Blocks that needed more than one round. */
  get slowBlocks(): number {
    return this.#rounds;
  }

  /** All homes at one height and no block for `ms`. */
  readonly isIdleFor = (ms: number): boolean => {
    const isLevel = this.homes.every(({ name }) => this.#heightOf.get(name) === this.#height);
    return isLevel && performance.now() - this.#lastBlockAt >= ms;
  };

  /** Fire and forget. */
  bid(home: LabHome, sequence: number): void {
    const listingId = [...this.lab.record.listings.values()].find(
      ({ state }) => state === "ACCEPT_OFFERS",
    )?.listingId;
    const submit = { type: "buyOffer", listingId, sequence, energy: 1000, bidPrice: 3000 };
    this.lab.send(home.name, { id: 1_000_000_000 + sequence, submit });
  }

  /** Fire and forget; of a home with a PV. */
  offer({ name, pv }: LabHome, sequence: number): void {
    const [listing] = this.lab.record.listings.values();
    const { listingId } = listing ?? {};
    const what = { listingId, pvId: pv?.pvId, sequence, energy: 1000, reservePrice: 1000 };
    this.lab.send(name, { id: 1_000_000_000 + sequence, submit: { type: "pvOffer", ...what } });
  }

  async close(): Promise<void> {
    await this.lab.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #heard(home: string, line: Line): void {
    if (line.type === "started") this.#heightOf.set(home, line.height);
    if (line.type === "block") {
      this.#heightOf.set(home, line.height);
      this.#lastBlockAt = performance.now();
      if (line.height > this.#height && line.round > 0) this.#rounds += 1;
      this.#height = Math.max(this.#height, line.height);
    }
    if (line.type !== "ledger") return;
    const { event, height } = line;
    if (event.type === "buyOfferPlaced") {
      const key = `${event.bid.memberId} ${event.bid.sequence}`;
      const told = this.bids.get(key) ?? { height, toldAt: new Map<string, number>() };
      told.toldAt.set(home, performance.now());
      this.bids.set(key, told);
    }
    if (event.type === "biddingClosed" && !this.closed.has(home)) {
      this.closed.set(home, this.lab.marketTime());
    }
    if (event.type === "listingVoided") this.isVoid = true;
  }
}
