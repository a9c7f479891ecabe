// The Store port on one SQLite file. Each method is one transaction, and returns when it is on the disk.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import type { CommunityId, TransactionId } from "../../core/units/ids.ts";
import type { CommittedBlock, Log, Store } from "../../ports.ts";
import { blockTable, transactionReader } from "./blockTable.ts";
import { cardTable } from "./cardTable.ts";
import { type Claim, openDatabase, readOwner, synchronous } from "./database.ts";
import { lockDirectory, prepareDirectory, prepareLedgerFile } from "./dataDirectory.ts";
import { earlierWriter } from "./earlierTransactions.ts";
import { ownTransactionTable, sampleTable } from "./homeTables.ts";
import { projection } from "./projection.ts";
import { restartTable } from "./restartTable.ts";
import { signLog } from "./signLog.ts";
import { StoreError, storeError, storing } from "./storeError.ts";

/** The WAL is copied into the file after this many transactions: at most a few MB of WAL. */
const CHECKPOINT_EVERY = 64;

/** Facts for the doctor and the metrics; counted since the store was opened. */
export type StoreStatus = {
  /** Height of the last block on the disk; 0 before the first. */
  readonly height: number;
  /** As SQLite reads it back: 2 is FULL. */
  readonly synchronous: number;
  /** Transactions that reached the disk. */
  readonly writes: number;
  readonly walCheckpoints: number;
  /** The WAL stays longer, nothing is lost. */
  readonly walCheckpointsFailed: number;
};

export type OpenStore = Store & {
  readonly status: () => StoreStatus;
  /** Of the block that has this transaction; null: none on the disk. */
  readonly heightOf: (id: TransactionId) => number | null;
  /** Blocks that follow each other, in one transaction: all of them are on the disk then, or none. */
  readonly commitAll: (blocks: readonly CommittedBlock[]) => void;
  /** Empties the WAL, closes the file and frees the directory. Once. */
  readonly close: () => void;
};

export type StoreOptions = Claim & { readonly log: Log };

/**
 * Opens the data directory of one agent, making it if need be, and keeps every other agent out of it.
 * Throws StoreError: locked, corrupt, otherCommunity, otherMember, newerVersion, diskFull, readOnly, io.
 */
export function openStore(dir: string, { log, ...owner }: StoreOptions): OpenStore {
  prepareDirectory(dir);
  const lock = lockDirectory(dir);
  try {
    const db = openDatabase(prepareLedgerFile(dir), owner, log);
    const store = storeOn(db, log);
    const close = (): void => {
      store.close();
      lock.release();
    };
    return { ...store, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The store on a connection from `openDatabase`; closes it in the end. */
export function storeOn(db: Database.Database, log: Log): OpenStore {
  const path = db.name;
  const counted = { writes: 0, walCheckpoints: 0, walCheckpointsFailed: 0 };
  const read = <T>(work: () => T): T => storing(path, work);
  const write = (work: () => void): void => {
    storing(path, () => db.transaction(work).immediate());
    counted.writes += 1;
    if (counted.writes % CHECKPOINT_EVERY === 0) checkpointWal("PASSIVE");
  };
  const { blocks, log: signs, restart, own, samples, commit, install } = tables(db);
  return {
    checkpoint: () => read(blocks.checkpoint),
    blocks: (from, count) => read(() => blocks.blocks(from, count)),
    commit: (block) => write(() => commit(block)),
    commitAll: (all) => write(() => all.forEach(commit)),
    snapshots: () => read(blocks.snapshots),
    snapshot: (height) => read(() => blocks.snapshot(height)),
    install: (block, named) => write(() => install(block, named)),
    durable: () => read(signs.durable),
    signed: (height) => read(() => signs.signed(height)),
    saveSigned: (durable, record) => write(() => signs.save(durable, record, blocks.head())),
    restart: () => read(restart.given),
    saveRestart: (bytes, height) => write(() => restart.save(bytes, height)),
    ownTransactions: () => read(own.all),
    saveOwnTransaction: (transaction) => write(() => own.save(transaction)),
    dropOwnTransactions: (ids) => write(() => own.drop(ids)),
    samples: (from, to) => read(() => samples.between(from, to)),
    saveSamples: (added) => write(() => samples.save(added)),
    heightOf: (id) => read(() => heightOf(db, id)),
    status: () => ({ height: read(blocks.head), synchronous: synchronous(db), ...counted }),
    close: () => {
      checkpointWal("TRUNCATE");
      db.close();
    },
  };

  /** What was committed is safe in the WAL already, so a failure here is no failure of a write. */
  function checkpointWal(mode: "PASSIVE" | "TRUNCATE"): void {
    try {
      db.pragma(`wal_checkpoint(${mode})`);
      counted.walCheckpoints += 1;
    } catch (thrown) {
      const error = storeError(path, thrown);
      if (!(error instanceof StoreError)) throw error;
      counted.walCheckpointsFailed += 1;
      log.warn("wal checkpoint failed, will be tried again", { code: error.code });
    }
  }
}

function heightOf(db: Database.Database, id: TransactionId): number | null {
  const owner = readOwner(db);
  assert(owner !== null, "an open store has an owner");
  return transactionReader(db, owner.communityId as CommunityId).byId(id)?.height ?? null;
}

type Tables = {
  readonly blocks: ReturnType<typeof blockTable>;
  readonly log: ReturnType<typeof signLog>;
  readonly restart: ReturnType<typeof restartTable>;
  readonly own: ReturnType<typeof ownTransactionTable>;
  readonly samples: ReturnType<typeof sampleTable>;
  readonly commit: (block: CommittedBlock) => void;
  readonly install: Store["install"];
};

function tables(db: Database.Database): Tables {
  const cards = cardTable(db);
  const blocks = blockTable(db, cards);
  const project = projection(db, cards);
  const log = signLog(db);
  const commit = (block: CommittedBlock): void => {
    const head = blocks.head();
    if (block.height !== head + 1) {
      const wanted = `Block ${block.height} cannot follow block ${head}. This is a bug; nothing was written.`;
      throw new StoreError("invariant", wanted);
    }
    blocks.write(block);
    project(block);
    log.prune(block.height);
  };
  const writeEarlier = earlierWriter(db);
  const install: Store["install"] = (block, named) => {
    const head = blocks.head();
    if (head !== 0) {
      const wanted = `A snapshot cannot follow block ${head}. This is a bug; nothing was written.`;
      throw new StoreError("invariant", wanted);
    }
    blocks.write(block);
    const here = new Set(block.transactions.map(({ id }) => id));
    project(block, writeEarlier(named, here));
    log.prune(block.height);
  };
  const restart = restartTable(db);
  const own = ownTransactionTable(db);
  return { blocks, log, restart, own, samples: sampleTable(db), commit, install };
}
