// A home without a ledger begins with a neighbour's snapshot, if it can know that it is the community's.
//
//   idle --(a neighbour has many blocks, we have none)--> asking --(a snapshot can be trusted)--> collecting
//   collecting --(its state is whole, and on the disk)--> over: the blocks after it are fetched
//   asking, collecting --(in vain)--> over: all blocks from the first one are fetched
//
// Trust comes from outside the chain, for keys that voted long ago may have been stolen since:
//   a block named by the operator: the snapshot's block is below it, and the headers in between lead down to
//     it, each holding the hash of the one before; or above it, and the same set of validators signed both;
//   no block named: f + 1 of the first validators, connected with their cards, name the same snapshot, so at
//     least one that does not lie does. That holds while at most f of the first validators lie.
// Nothing is voted on (`pause`) from asking on until nobody has more blocks: only who is level votes.

import {
  type CheckedSnapshot,
  checkSnapshotProof,
  type SnapshotRefusal,
} from "../core/audit/checkSnapshot.ts";
import type { Verifier } from "../core/crypto.ts";
import { type BlockReference, headerOf } from "../core/ledger/blockReference.ts";
import type { Rules } from "../core/ledger/rules.ts";
import { ChunkAssembly } from "../core/ledger/snapshot.ts";
import { liarsMax } from "../core/ledger/validators.ts";
import type { Refusal } from "../core/result.ts";
import type { BlockId, MemberId } from "../core/units/ids.ts";
import { type DurationMs, SECOND_MS } from "../core/units/time.ts";
import type { Cancel, Clock, Log, Network } from "../ports.ts";
import { heightBelow, isYounger, type Wanted, wantedAbove, wantedByVoices } from "./joinWanted.ts";
import type { Ledger } from "./ledger.ts";
import {
  HEADERS_PER_REPLY_MAX,
  type SnapshotList,
  type SnapshotRequest,
  snapshotChunk,
  snapshotHeaders,
  snapshotList,
  snapshotManifest,
  snapshotRequest,
} from "./snapshotWire.ts";

/** Whoever is connected is asked again which snapshots there are. */
const ASK_EVERY: DurationMs = (2 * SECOND_MS) as DurationMs;
/** So long it is looked for a snapshot that can be trusted. */
const ASK_FOR = (30 * SECOND_MS) as DurationMs;
/** Below the 32 questions a second that a neighbour answers. */
const BETWEEN_CHUNKS = 40 as DurationMs;
/** Who has not answered may be busy; so often it is asked again in one attempt, after this long. */
const SILENCES_MAX = 3;
const AFTER_SILENCE: DurationMs = SECOND_MS;
/** Whole attempts: each that fails costs the one who gave the manifest its turn. */
const ATTEMPTS_MAX = 8;

export type JoinLoop = {
  /** True if the agreement must not begin yet: the chain is longer than ours for certain. */
  readonly start: () => boolean;
  readonly claimed: (height: number) => void;
  readonly holdsBlocks: () => boolean;
  readonly caughtUp: () => void;
  readonly stop: () => void;
};

export type JoinDependencies = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly network: Network;
  readonly log: Log;
  readonly ledger: Pick<Ledger, "state">;
  readonly snapshotEvery: number;
  /** A block that the operator has from the CA or a neighbour; null: the first validators are asked. */
  readonly trust: BlockReference | null;
  readonly install: (snapshot: CheckedSnapshot, state: Uint8Array) => ReturnType<Ledger["install"]>;
  /** The agreement waits from the first of these to the second. */
  readonly pause: () => void;
  readonly level: () => void;
  /** Blocks may be fetched now. */
  readonly resume: () => void;
};

export function createJoinLoop(dependencies: JoinDependencies): JoinLoop {
  return new Loop(dependencies);
}

type Phase = "idle" | "asking" | "collecting" | "over";

/** One snapshot by one manifest. */
type Attempt = {
  readonly giver: MemberId;
  readonly snapshot: CheckedSnapshot;
  readonly assembly: ChunkAssembly;
  /** Who has it too and has sent nothing wrong, with how often it was silent; asked in turn. */
  readonly sources: Map<MemberId, number>;
};

class Loop implements JoinLoop {
  readonly #d: JoinDependencies;
  #phase: Phase = "idle";
  #timers = new Set<Cancel>();
  readonly #offers = new Map<MemberId, SnapshotList>();
  readonly #asked = new Set<MemberId>();
  /** Sent what nobody honest sends, or had its turn. */
  readonly #excluded = new Set<MemberId>();
  #attempts = 0;
  /** On the monotonic clock. */
  #askUntil = 0;
  /** Headers lead from the trusted block down to this one. */
  #link: BlockReference | null;
  /** By height: ids of snapshots' blocks, known for certain. */
  readonly #certain = new Map<number, BlockId>();
  /** The header of the trusted block says who votes after it; known once it was asked for. */
  #trustedSet: string | null = null;
  #isLinking = false;
  readonly #headerless = new Set<MemberId>();
  #isPaused = false;
  /** There are so many blocks for certain. */
  #target: number;

  constructor(dependencies: JoinDependencies) {
    this.#d = dependencies;
    this.#target = dependencies.trust?.height ?? 0;
    this.#link = null;
    this.#linkTo(dependencies.trust);
  }

  start(): boolean {
    this.#isPaused = this.#d.ledger.state().height < this.#target;
    return this.#isPaused;
  }

  claimed(height: number): void {
    const { ledger, snapshotEvery, clock, log } = this.#d;
    if (this.#phase !== "idle") return;
    if (ledger.state().height > 0) {
      this.#phase = "over";
      return;
    }
    if (height < snapshotEvery) return;
    this.#phase = "asking";
    this.#askUntil = clock.monotonic() + ASK_FOR;
    log.info("joining: looking for a snapshot", { height });
    this.#pause();
    this.#askEveryone();
  }

  holdsBlocks(): boolean {
    return this.#phase === "asking" || this.#phase === "collecting";
  }

  caughtUp(): void {
    const { height } = this.#d.ledger.state();
    if (!this.#isPaused || this.holdsBlocks() || height < this.#target) return;
    this.#isPaused = false;
    this.#d.log.info("joined: level with the neighbours", { height });
    this.#d.level();
  }

  stop(): void {
    this.#end();
    this.#isPaused = false;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#d.pause();
  }

  // ----------------------------------------------------------------------------------- asking

  #askEveryone(): void {
    this.#after(ASK_EVERY, () => this.#askEveryone());
    if (this.#phase !== "asking") return;
    if (this.#d.clock.monotonic() >= this.#askUntil) {
      this.#giveUp("no snapshot can be trusted");
      return;
    }
    for (const peer of this.#d.network.peers()) {
      if (this.#excluded.has(peer) || this.#asked.has(peer)) continue;
      this.#asked.add(peer);
      this.#ask(peer, { type: "list" }, (reply) => {
        this.#asked.delete(peer);
        if (reply === null || !this.holdsBlocks()) return;
        const list = snapshotList.decode(reply);
        if (!list.ok) {
          this.#exclude(peer, list.refusal);
          return;
        }
        this.#offers.set(peer, list.value);
        this.#choose();
      });
    }
  }

  /** Looks whether what was answered is enough to trust a snapshot. */
  #choose(): void {
    const { rules, trust, snapshotEvery } = this.#d;
    if (this.#phase !== "asking") return;
    const isYoung = isYounger(this.#offers, { validators: rules.validators, than: snapshotEvery });
    if (isYoung && (trust === null || trust.height < snapshotEvery)) {
      this.#giveUp("there are not so many blocks");
      return;
    }
    const wanted =
      trust === null ? wantedByVoices(this.#offers, rules.validators) : this.#wantedByTrust(trust);
    if (wanted !== null) this.#begin(wanted);
  }

  /** Asks for headers where they are wanting; null: nothing to begin with yet. */
  #wantedByTrust(trust: BlockReference): Wanted | null {
    const { snapshotEvery: every } = this.#d;
    for (;;) {
      const below = heightBelow(this.#offers, { trusted: trust.height, every });
      if (below === null) break;
      const blockId = this.#certain.get(below);
      if (blockId === undefined) {
        this.#askHeaders(below);
        return null;
      }
      const wanted = { height: below, blockId, set: null };
      // Either someone has it, or all that name one at this height are gone now.
      this.#excludeOthers(wanted);
      if (this.#giversOf(wanted).length > 0) return wanted;
    }
    if (this.#trustedSet !== null) {
      return wantedAbove(this.#offers, { trusted: trust.height, set: this.#trustedSet });
    }
    this.#askHeaders(trust.height - 1);
    return null;
  }

  /** Whoever names another block at that height is not of the trusted chain. */
  #excludeOthers({ height, blockId }: Wanted): void {
    for (const [peer, { snapshots }] of [...this.#offers]) {
      const other = snapshots.find((one) => one.height === height && one.blockId !== blockId);
      if (other !== undefined) this.#exclude(peer, { code: "otherSnapshot", ...other });
    }
  }

  /** Follows headers down to `to`, whoever has them: they prove themselves. */
  #askHeaders(to: number): void {
    const link = this.#link;
    if (link === null || this.#isLinking) return;
    const [peer] = [...this.#offers]
      .filter(([peer, { height }]) => height >= link.height && !this.#headerless.has(peer))
      .map(([peer]) => peer);
    if (peer === undefined) return;
    this.#isLinking = true;
    const count = Math.min(HEADERS_PER_REPLY_MAX, link.height - to + 1);
    this.#ask(peer, { type: "headers", to: link.height, count }, (reply) => {
      this.#isLinking = false;
      // Its own ledger may begin later.
      if (reply === null || !this.#takeHeaders(reply, to)) this.#headerless.add(peer);
      this.#choose();
    });
  }

  /** True if the first one was right: then we are further down. */
  #takeHeaders(reply: Uint8Array, to: number): boolean {
    const decoded = snapshotHeaders.decode(reply);
    if (!decoded.ok) return false;
    let isNews = false;
    for (const encoded of decoded.value.headers) {
      const link = this.#link;
      if (link === null || link.height === to) break;
      const header = headerOf(encoded, link);
      if (!header.ok) break;
      isNews = true;
      const { height, previous, nextValidatorsHash } = header.value;
      if (height === this.#d.trust?.height) this.#trustedSet = nextValidatorsHash;
      this.#linkTo(previous === null ? null : { height: height - 1, blockId: previous });
    }
    return isNews;
  }

  #linkTo(link: BlockReference | null): void {
    this.#link = link;
    if (link === null || link.height % this.#d.snapshotEvery !== 0) return;
    this.#certain.set(link.height, link.blockId);
  }

  // --------------------------------------------------------------------------------- collecting

  #begin(wanted: Wanted): void {
    const givers = this.#giversOf(wanted);
    const [giver] = givers;
    if (giver === undefined) return;
    this.#attempts += 1;
    this.#phase = "collecting";
    this.#target = Math.max(this.#target, this.#targetHeight());
    this.#ask(giver, { type: "manifest", height: wanted.height }, (reply) => {
      if (this.#phase !== "collecting") return;
      const attempt = reply === null ? null : this.#readManifest(reply, { wanted, givers });
      if (attempt === null) {
        this.#failed(giver, { code: "badManifest" });
        return;
      }
      if ("code" in attempt) {
        this.#failed(giver, attempt);
        return;
      }
      this.#collect(attempt);
    });
  }

  #giversOf({ height, blockId }: Wanted): MemberId[] {
    const has = ({ snapshots }: SnapshotList): boolean =>
      snapshots.some((one) => one.height === height && one.blockId === blockId);
    return [...this.#offers].filter(([, list]) => has(list)).map(([peer]) => peer);
  }

  #readManifest(
    reply: Uint8Array,
    { wanted, givers }: { readonly wanted: Wanted; readonly givers: readonly MemberId[] },
  ): Attempt | Refusal | null {
    const manifest = snapshotManifest.decode(reply);
    if (!manifest.ok) return manifest.refusal;
    const assembly = ChunkAssembly.of(manifest.value);
    if (!assembly.ok) return assembly.refusal;
    const checked = checkSnapshotProof(manifest.value, this.#d);
    if (!checked.ok) return checked.refusal;
    const { blockId, block } = checked.value;
    const isWanted =
      blockId === wanted.blockId &&
      (wanted.set === null || block.header.validatorsHash === wanted.set);
    if (!isWanted) return { code: "otherSnapshot", blockId };
    const [giver] = givers;
    if (giver === undefined) return null;
    const sources = new Map(givers.map((peer) => [peer, 0]));
    return { giver, snapshot: checked.value, assembly: assembly.value, sources };
  }

  #collect(attempt: Attempt): void {
    const { assembly, sources, giver, snapshot } = attempt;
    const index = assembly.wanted;
    if (this.#phase !== "collecting") return;
    if (index === null) {
      this.#finish(attempt);
      return;
    }
    const [source] = sources.keys();
    // Its list fits nobody's chunks, its own included; or nobody is there any more.
    if (source === undefined) {
      this.#failed(giver, { code: "noChunks", index });
      return;
    }
    const silences = sources.get(source) ?? 0;
    // To the end of the queue.
    sources.delete(source);
    const { height } = snapshot.block.header;
    this.#ask(source, { type: "chunk", height, index }, (reply) => {
      if (this.#phase !== "collecting") return;
      if (reply === null) {
        if (silences + 1 < SILENCES_MAX) sources.set(source, silences + 1);
        this.#after(AFTER_SILENCE, () => this.#collect(attempt));
        return;
      }
      const chunk = snapshotChunk.decode(reply);
      const added = chunk.ok ? assembly.add(chunk.value.bytes) : chunk;
      if (added.ok) sources.set(source, silences);
      else this.#d.log.warn("chunk of a snapshot refused", { peer: source, ...added.refusal });
      this.#after(BETWEEN_CHUNKS, () => this.#collect(attempt));
    });
  }

  #finish({ assembly, snapshot, giver }: Attempt): void {
    const { ledger, install, log, resume } = this.#d;
    // An answer that was under way may have brought the first blocks.
    if (ledger.state().height > 0) {
      this.#giveUp("the first blocks are here");
      return;
    }
    const state = assembly.bytes();
    const installed = install(snapshot, state);
    // Each chunk was as its list said, so the list was made up.
    if (!installed.ok) {
      this.#failed(giver, installed.refusal);
      return;
    }
    log.info("joined by snapshot", { height: ledger.state().height, bytes: state.length });
    this.#end();
    resume();
  }

  #failed(giver: MemberId, why: Refusal | SnapshotRefusal): void {
    this.#phase = "asking";
    this.#exclude(giver, why);
    if (this.#attempts >= ATTEMPTS_MAX) {
      this.#giveUp("no neighbour had the snapshot whole");
      return;
    }
    this.#choose();
  }

  // ------------------------------------------------------------------------------------ tools

  /** The height that f + 1 of the first validators have reached: one of them does not lie. */
  #targetHeight(): number {
    const { validators } = this.#d.rules;
    const heights = validators
      .map(({ memberId }) => this.#offers.get(memberId)?.height ?? 0)
      .sort((a, b) => b - a);
    return heights[liarsMax(validators.length)] ?? 0;
  }

  #giveUp(why: string): void {
    this.#d.log.warn("joining by all blocks from the first one", { why });
    this.#end();
    this.#d.resume();
  }

  #end(): void {
    this.#phase = "over";
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#offers.clear();
  }

  #exclude(peer: MemberId, why: Refusal | SnapshotRefusal): void {
    this.#d.log.warn("neighbour of no use for joining", { peer, ...why });
    this.#excluded.add(peer);
    this.#offers.delete(peer);
  }

  #ask(to: MemberId, request: SnapshotRequest, answered: (reply: Uint8Array | null) => void): void {
    const body = snapshotRequest.encode(request);
    this.#d.network.request({
      ...{ to, protocol: "snapshot", body },
      answered: (reply) => {
        if (this.#phase !== "over") answered(reply);
      },
    });
  }

  #after(delay: DurationMs, run: () => void): void {
    const cancel = this.#d.clock.after(delay, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}
