// The home's own copy of the ledger: what is committed, and blocks tried on top of it.
// Consensus and block sync meet here; both commit through `commit` and nowhere else.

import { assert } from "../core/assert.ts";
import {
  type CheckedSnapshot,
  checkSnapshotState,
  type SnapshotRefusal,
} from "../core/audit/checkSnapshot.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import { type Certificate, encodeCertificate } from "../core/consensus/message.ts";
import type { Verifier } from "../core/crypto.ts";
import { applyBlock, type BlockRefusal } from "../core/ledger/applyBlock.ts";
import { type Block, blockId, decodeBlock } from "../core/ledger/block.ts";
import type { LedgerEvent } from "../core/ledger/event.ts";
import { baseOfBlock } from "../core/ledger/restart.ts";
import type { Rules, Validator } from "../core/ledger/rules.ts";
import { SNAPSHOT_EVERY } from "../core/ledger/snapshot.ts";
import { snapshotContents } from "../core/ledger/snapshotContents.ts";
import {
  decodeState,
  encodeState,
  genesis,
  type LedgerState,
  stateRoot,
} from "../core/ledger/state.ts";
import { decodeTransaction, type Transaction } from "../core/ledger/transaction.ts";
import { encodeValidators } from "../core/ledger/validators.ts";
import { accepted, mustBeAccepted, type Result } from "../core/result.ts";
import type { BlockId } from "../core/units/ids.ts";
import type { CommittedBlock, Store, StoredBlock } from "../ports.ts";
import { type GivenRestartRefusal, openRestart, type Voting } from "./restart.ts";
import { BLOCKS_PER_REPLY_MAX } from "./wire.ts";

/** A start replays at most this many blocks. */
const BLOCKS_PER_CHECKPOINT = 64;

/** Blocks tried at one height: one for each round is the honest case. */
const CANDIDATES_MAX = 64;

/** A block that is valid on top of the committed state, with what it leads to. */
export type Executed = {
  readonly blockId: BlockId;
  readonly block: Block;
  readonly encoded: Uint8Array;
  readonly state: LedgerState;
  readonly events: readonly LedgerEvent[];
  readonly transactions: readonly Transaction[];
};

export type Ledger = {
  readonly state: () => LedgerState;
  /** Of the committed state; the genesis state's before the first block. */
  readonly root: () => string;
  /** Tries a block on top of the committed state; changes nothing. Remembered by its id. */
  readonly execute: (encoded: Uint8Array) => Result<Executed, BlockRefusal>;
  /** Who votes on the block after the committed ones. */
  readonly voting: () => Voting;
  /** Takes a restart that the operator gave; see loops/restart.ts. Not while a height is under way. */
  readonly acceptRestart: (encoded: Uint8Array) => Result<void, GivenRestartRefusal>;
  /** Makes a tried block the committed one; returns when it is on the disk. */
  readonly commit: (executed: Executed, certificate: Certificate) => void;
  /**
   * Begins an empty ledger with a snapshot instead of block 1; returns when it is on the disk, with what the
   * state says. Refused if these are not the bytes of the snapshot's state.
   */
  readonly install: (
    snapshot: CheckedSnapshot,
    state: Uint8Array,
  ) => Result<readonly LedgerEvent[], SnapshotRefusal>;
};

export type LedgerDependencies = {
  readonly rules: Rules;
  readonly store: Store;
  readonly verifier: Verifier;
  /** A snapshot is kept at each height that this divides; SNAPSHOT_EVERY unless told otherwise. */
  readonly snapshotEvery?: number;
};

/** Opens the ledger as the store left it: newest checkpoint, then the blocks above it. */
export function openLedger(dependencies: LedgerDependencies): Ledger {
  const { rules, store, verifier, snapshotEvery = SNAPSHOT_EVERY } = dependencies;
  let state = load({ rules, store, verifier });
  let root = stateRootOf(state, store);
  const restart = openRestart(store, verifier);
  let candidates = new Map<BlockId, Result<Executed, BlockRefusal>>();

  const execute = (encoded: Uint8Array): Result<Executed, BlockRefusal> => {
    const decoded = decodeBlock(encoded);
    if (!decoded.ok) return decoded;
    const id = blockId(decoded.value.header);
    const known = candidates.get(id);
    // The id covers the header only; the same header with other transactions is another matter.
    if (known?.ok && sameBytes(known.value.encoded, encoded)) return known;
    const outcome = apply({ state, block: decoded.value, encoded, verifier });
    if (outcome.ok && candidates.size < CANDIDATES_MAX) candidates.set(id, outcome);
    return outcome;
  };

  const votersOn = ({ transactions }: Block): readonly Validator[] =>
    baseOfBlock(state, transactions, verifier).state.validators;

  const commit = (executed: Executed, certificate: Certificate): void => {
    const { header } = executed.block;
    assert(header.height === state.height + 1, "commits go up one height at a time");
    assert(certificate.blockId === executed.blockId, "a certificate is for its block");
    const isSnapshot = header.height % snapshotEvery === 0;
    const isCheckpoint = isSnapshot || header.height % BLOCKS_PER_CHECKPOINT === 0;
    store.commit({
      height: header.height,
      blockId: executed.blockId,
      time: header.time,
      proposer: header.proposer,
      round: certificate.round,
      block: executed.encoded,
      certificate: encodeCertificate(certificate),
      transactions: executed.transactions.map((transaction, i) => ({
        id: transaction.id,
        type: transaction.payload.type,
        author: transaction.author,
        bytes: executed.block.transactions[i] as Uint8Array,
      })),
      events: executed.events,
      stateRoot: header.stateRoot,
      checkpoint: isCheckpoint ? encodeState(executed.state) : null,
      ...(isSnapshot ? { snapshotValidators: encodeValidators(votersOn(executed.block)) } : {}),
    });
    state = executed.state;
    root = header.stateRoot;
    candidates = new Map();
  };

  const acceptRestart: Ledger["acceptRestart"] = (encoded) => {
    const outcome = restart.accept(state, encoded);
    if (outcome.ok) candidates = new Map();
    return outcome;
  };

  const install: Ledger["install"] = (snapshot, encoded) => {
    assert(state.height === 0, "only an empty ledger begins with a snapshot");
    const checked = checkSnapshotState(snapshot, encoded, rules);
    if (!checked.ok) return checked;
    const { events, named } = snapshotContents(checked.value);
    store.install({ ...snapshotBlock(snapshot, encoded), events }, named);
    state = checked.value;
    root = snapshot.block.header.stateRoot;
    candidates = new Map();
    return accepted(events);
  };

  const voting = (): Voting => restart.votingOn(state);
  const read = { state: () => state, root: () => root, voting };
  return { ...read, acceptRestart, execute, commit, install };
}

function snapshotBlock(
  { block, blockId: id, certificate, proof }: CheckedSnapshot,
  checkpoint: Uint8Array,
): Omit<CommittedBlock, "events"> {
  const { height, time, proposer, stateRoot: root, community } = block.header;
  return {
    ...{ height, blockId: id, time, proposer, round: certificate.round, stateRoot: root },
    ...{ block: proof.block, certificate: proof.certificate, checkpoint },
    snapshotValidators: proof.validators,
    transactions: block.transactions.map((bytes) => {
      const decoded = decodeTransaction(community, bytes);
      const { payload, author, ...rest } = mustBeAccepted(decoded, "a certified block decodes");
      return { id: rest.id, type: payload.type, author, bytes };
    }),
  };
}

function load({ rules, store, verifier }: LedgerDependencies): LedgerState {
  let state = fromCheckpoint(rules, store) ?? beginning(rules, store);
  for (;;) {
    const stored = store.blocks(state.height + 1, BLOCKS_PER_REPLY_MAX);
    if (stored.length === 0) return state;
    for (const { height, block: encoded } of stored) {
      const block = mustBeAccepted(decodeBlock(encoded), `stored block ${height} decodes`);
      const outcome = apply({ state, block, encoded, verifier });
      state = mustBeAccepted(outcome, `stored block ${height} applies`).state;
    }
  }
}

/** What the first block here was applied to or, where older blocks are missing, the snapshot at it. */
function beginning(rules: Rules, store: Store): LedgerState {
  const [first] = store.blocks(1, 1);
  if (first === undefined || first.height === 1) return genesis(rules);
  const snapshot = store.snapshot(first.height);
  const state = snapshot === null ? null : certified(rules, { stored: first, ...snapshot });
  assert(
    state !== null,
    "the snapshot with which this ledger begins is damaged: move the data directory away and join again",
  );
  return state;
}

/**
 * The newest checkpoint, if it is the state that its block's certificate is for; else null, and everything is
 * replayed. A bit that flipped on the card must not become money.
 */
function fromCheckpoint(rules: Rules, store: Store): LedgerState | null {
  const checkpoint = store.checkpoint();
  const [stored] = checkpoint === null ? [] : store.blocks(checkpoint.height, 1);
  if (checkpoint === null || stored === undefined) return null;
  return certified(rules, { stored, state: checkpoint.state });
}

type Kept = { readonly stored: StoredBlock; readonly state: Uint8Array };

/** The state whose bytes these are, if it is the one in the block's header. */
function certified(rules: Rules, { stored, state }: Kept): LedgerState | null {
  const { header } = mustBeAccepted(decodeBlock(stored.block), "the checkpoint's block decodes");
  const last = { blockId: blockId(header), proposer: header.proposer };
  const decoded = decodeState(rules, state, last);
  if (!decoded.ok || stateRoot(decoded.value) !== header.stateRoot) return null;
  return decoded.value;
}

function stateRootOf(state: LedgerState, store: Store): string {
  if (state.height === 0) return stateRoot(state);
  const [stored] = store.blocks(state.height, 1);
  const block = stored === undefined ? null : decodeBlock(stored.block);
  assert(block?.ok === true, `block ${state.height} is stored`);
  return block.value.header.stateRoot;
}

type Attempt = {
  readonly state: LedgerState;
  readonly block: Block;
  readonly encoded: Uint8Array;
  readonly verifier: Verifier;
};

function apply({ state, block, encoded, verifier }: Attempt): Result<Executed, BlockRefusal> {
  const outcome = applyBlock(state, block, verifier);
  if (!outcome.ok) return outcome;
  return accepted({ blockId: blockId(block.header), block, encoded, ...outcome.value });
}
