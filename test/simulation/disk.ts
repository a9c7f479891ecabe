// A home's disk: what survives a power cut. Every write is durable when it returns, as with SQLite and
// synchronous=FULL; with `forgetsVotes` (a planted fault) the sign log is written back only now and then.

import type { Durable } from "../../agent/core/consensus/input.ts";
import type { TransactionId } from "../../agent/core/units/ids.ts";
import type { UnixMs } from "../../agent/core/units/time.ts";
import type {
  CommittedBlock,
  OwnTransaction,
  RegisterSample,
  SignedRecord,
  Store,
  StoredBlock,
  StoredSnapshot,
} from "../../agent/ports.ts";

type VoteFile = {
  readonly durable: Durable | null;
  readonly log: ReadonlyMap<string, SignedRecord>;
};

const EMPTY: VoteFile = { durable: null, log: new Map() };

/** The disk says no; whether the write is on it nobody knows. */
export class DiskError extends Error {}

/** What happens on a disk, for whoever watches. */
export type DiskWatch = {
  /** Called before and after each write: the power may go at either. */
  readonly touched: (place: string) => void;
  /** A transaction is on the disk, before anybody hears of it. */
  readonly said: (transaction: Uint8Array) => void;
  readonly signed: (record: SignedRecord) => void;
  readonly committed: (block: CommittedBlock) => void;
};

export type DiskFaults = {
  /** Votes written since the last write-back are lost when the power goes. */
  readonly forgetsVotes: boolean;
  /** The disk takes a second, different signature for one step. */
  readonly takesDoubleSigns: boolean;
};

/** All that a disk holds, to be restored later. */
export type DiskCopy = {
  readonly blocks: readonly StoredBlock[];
  readonly own: readonly OwnTransaction[];
  readonly checkpoint: { readonly height: number; readonly state: Uint8Array } | null;
  readonly votes: VoteFile;
};

export const EMPTY_DISK: DiskCopy = { blocks: [], own: [], checkpoint: null, votes: EMPTY };

export class SimulatedDisk {
  readonly #watch: DiskWatch;
  readonly #faults: DiskFaults;
  readonly #blocks: StoredBlock[] = [];
  readonly #snapshots: (StoredSnapshot & Pick<CommittedBlock, "blockId">)[] = [];
  readonly #own = new Map<TransactionId, OwnTransaction>();
  #samples: RegisterSample[] = [];
  #checkpoint: { height: number; state: Uint8Array } | null = null;
  #votes: VoteFile = EMPTY;
  #votesOnDisk: VoteFile = EMPTY;
  #writesSinceSync = 0;
  #restart: Uint8Array | null = null;
  #failure: { readonly isWritten: boolean } | null = null;
  #isFull = false;

  constructor(watch: DiskWatch, faults: DiskFaults) {
    this.#watch = watch;
    this.#faults = faults;
  }

  get height(): number {
    return this.#blocks.at(-1)?.height ?? 0;
  }

  get ownPending(): readonly OwnTransaction[] {
    return [...this.#own.values()];
  }

  block(height: number): StoredBlock | null {
    const [first] = this.#blocks;
    return this.#blocks[height - (first?.height ?? 1)] ?? null;
  }

  cutPower(): void {
    this.#votes = this.#votesOnDisk;
    this.#failure = null;
  }

  /** What a backup would hold. */
  copy(): DiskCopy {
    const [blocks, own] = [[...this.#blocks], this.ownPending];
    return { blocks, own, checkpoint: this.#checkpoint, votes: this.#votesOnDisk };
  }

  /** An older copy takes the disk's place; EMPTY_DISK: the database was lost. */
  restore({ blocks, own, checkpoint, votes }: DiskCopy): void {
    this.#blocks.splice(0, this.#blocks.length, ...blocks);
    this.#own.clear();
    for (const each of own) this.#own.set(each.id, each);
    this.#checkpoint = checkpoint;
    this.#votes = votes;
    this.#votesOnDisk = votes;
    this.#samples = [];
  }

  /** The next write throws, though perhaps its data is on the disk. */
  failOnce(failure: { readonly isWritten: boolean }): void {
    this.#failure = failure;
  }

  /** While it is full no write succeeds. */
  fill(isFull: boolean): void {
    this.#isFull = isFull;
  }

  mend(): void {
    this.#failure = null;
    this.#isFull = false;
  }

  store(): Store {
    return {
      checkpoint: () => this.#checkpoint,
      blocks: (from, count) => this.#between(from, count),
      commit: (block) => this.#write("commit", () => this.#commit(block)),
      snapshots: () => this.#snapshots.toReversed(),
      snapshot: (height) => this.#snapshots.find((one) => one.height === height) ?? null,
      install: (block) => this.#write("install", () => this.#commit(block)),
      durable: () => this.#votes.durable,
      signed: (height) =>
        [...this.#votes.log.values()].filter((record) => record.height === height),
      saveSigned: (durable, record) => this.#write("saveSigned", () => this.#sign(durable, record)),
      restart: () => this.#restart,
      saveRestart: (restart, height) =>
        this.#write("saveRestart", () => this.#keepRestart(restart, height)),
      ownTransactions: () => this.ownPending,
      saveOwnTransaction: (own) =>
        this.#write("saveOwn", () => {
          this.#own.set(own.id, own);
          this.#watch.said(own.bytes);
        }),
      dropOwnTransactions: (ids) => this.#write("dropOwn", () => this.#drop(ids)),
      samples: (from, to) => this.#samplesBetween(from, to),
      saveSamples: (samples) => this.#write("saveSamples", () => this.#samples.push(...samples)),
    };
  }

  #between(from: number, count: number): readonly StoredBlock[] {
    const first = Math.max(0, from - (this.#blocks[0]?.height ?? 1));
    return this.#blocks.slice(first, first + count);
  }

  #write(place: string, write: () => void): void {
    this.#watch.touched(`before ${place}`);
    const failure = this.#isFull ? { isWritten: false } : this.#failure;
    this.#failure = null;
    if (failure?.isWritten !== false) write();
    if (failure !== null) throw new DiskError(place);
    this.#watch.touched(`after ${place}`);
  }

  #commit(block: CommittedBlock): void {
    const follows = this.height === 0 || block.height === this.height + 1;
    if (!follows) throw new Error(`gap at ${block.height}`);
    this.#blocks.push({ height: block.height, block: block.block, certificate: block.certificate });
    if (block.checkpoint !== null) {
      this.#checkpoint = { height: block.height, state: block.checkpoint };
      const { snapshotValidators: validators, checkpoint: state } = block;
      if (validators !== undefined) this.#snapshots.push({ ...block, validators, state });
    }
    this.#watch.committed(block);
  }

  #sign(durable: Durable, record: SignedRecord): void {
    const key = `${record.height}/${record.round}/${record.type}`;
    if (this.#votes.log.has(key) && !this.#faults.takesDoubleSigns) {
      throw new Error(`double sign at ${key}`);
    }
    const log = new Map([...this.#votes.log].filter(([, old]) => old.height >= record.height - 1));
    this.#votes = { durable, log: log.set(key, record) };
    this.#writesSinceSync += 1;
    if (!this.#faults.forgetsVotes || this.#writesSinceSync >= 8) {
      this.#votesOnDisk = this.#votes;
      this.#writesSinceSync = 0;
    }
    this.#watch.signed(record);
  }

  #keepRestart(restart: Uint8Array, height: number): void {
    this.#restart = restart;
    const { durable, log } = this.#votes;
    this.#votes = {
      durable: durable !== null && durable.height > height ? null : durable,
      log: new Map([...log].filter(([, record]) => record.height <= height)),
    };
    this.#votesOnDisk = this.#votes;
  }

  #drop(ids: readonly TransactionId[]): void {
    for (const id of ids) this.#own.delete(id);
  }

  #samplesBetween(from: UnixMs, to: UnixMs): readonly RegisterSample[] {
    return this.#samples.filter(({ at }) => at >= from && at <= to);
  }
}
