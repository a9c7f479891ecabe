// One home: its loops, wired to each other and to the ports. Runs the same on a Pi and in the simulator.
//
//   devices -> meter -> trade -> outbox -> (gossip) -> mempool -> consensus -> ledger -> store
//                                                                        \-> publisher

import { checkCertificate } from "./core/certificate.ts";
import { sameBytes } from "./core/codec/bytes.ts";
import type { Certificate } from "./core/consensus/message.ts";
import { Verifier } from "./core/crypto.ts";
import { blockId, decodeBlock } from "./core/ledger/block.ts";
import type { BlockReference } from "./core/ledger/blockReference.ts";
import type { Rules } from "./core/ledger/rules.ts";
import { SNAPSHOT_EVERY } from "./core/ledger/snapshot.ts";
import type { LedgerState } from "./core/ledger/state.ts";
import type { Payload } from "./core/ledger/transaction.ts";
import { mustBeAccepted, type Refusal, refused } from "./core/result.ts";
import type { TradingLimits } from "./core/trading/limits.ts";
import type { Watts } from "./core/units/energy.ts";
import type { BlockId, PvId } from "./core/units/ids.ts";
import type { DurationMs } from "./core/units/time.ts";
import { createCaughtUp } from "./loops/caughtUp.ts";
import { createCompany } from "./loops/company.ts";
import { type ConsensusLoop, createConsensusLoop } from "./loops/consensus.ts";
import { createEvidenceLoop } from "./loops/evidence.ts";
import { createIntents } from "./loops/intents.ts";
import { createJoinLoop } from "./loops/join.ts";
import { type Executed, openLedger } from "./loops/ledger.ts";
import { createMempool, receptionOf } from "./loops/mempool.ts";
import { createMeterLoop } from "./loops/meter.ts";
import type { Sharing } from "./loops/numbering.ts";
import { openOutbox, RECEIPT, type Submitted } from "./loops/outbox.ts";
import { createReceiptLoop } from "./loops/receipts.ts";
import { createSnapshotServer } from "./loops/snapshotServer.ts";
import { createSyncLoop } from "./loops/sync.ts";
import { createTradeLoop } from "./loops/trade.ts";
import type {
  AgentDoor,
  LedgerHistory,
  NetworkHandlers,
  Ports,
  Reception,
  Signer,
  SigningMarkFile,
  Store,
} from "./ports.ts";

export type SubmitAs = "member" | "administrator";

export type AgentSettings = {
  readonly rules: Rules;
  readonly member: { readonly firstName: string; readonly lastName: string };
  readonly pv: { readonly pvId: PvId; readonly capacity: Watts } | null;
  readonly limits: TradingLimits;
  /** Whether the agent puts its member and PV on the ledger; left out: yes. */
  readonly registersItself?: boolean;
  /** How often devices are read, market time. */
  readonly pollInterval: DurationMs;
  /** The administrator's card, where this home keeps it. */
  readonly administrator: Signer | null;
  /** A restart that the operator gave, a transaction's bytes; see core/ledger/restart.ts. */
  readonly restart?: Uint8Array | null;
  /** A block that the operator knows to be the community's, for a home that joins. */
  readonly trust?: BlockReference | null;
  /** Where cards of this home sign at others, too; left out: each card signs here alone. */
  readonly sharing?: Sharing;
  /** A snapshot is kept at each height that this divides; SNAPSHOT_EVERY unless told otherwise. */
  readonly snapshotEvery?: number;
};

/** What is kept in memory only, in pieces: each has a limit, whoever talks to us. */
export type AgentMemory = {
  /** Transactions that are not on the ledger yet. */
  readonly pending: number;
  /** Proposals and votes, and the round that the agreement is in. */
  readonly messages: number;
  readonly round: number;
};

export type Agent = {
  readonly start: () => void;
  readonly stop: () => void;
  /** Signs and sends for the member (or the administrator); calls back when committed or refused. */
  readonly submit: (payload: Payload, done: Submitted, as?: SubmitAs) => void;
  /** Carries what the CA has signed to the ledger; calls back when it is there or refused for good. */
  readonly order: (encoded: Uint8Array, done: Submitted) => void;
  /** What doors may see and ask. */
  readonly door: AgentDoor;
  readonly ledger: () => LedgerState;
  readonly head: () => { readonly height: number; readonly stateRoot: string };
  /** Refused messages by code, since the start. */
  readonly refusals: () => ReadonlyMap<string, number>;
  readonly memory: () => AgentMemory;
};

export function createAgent(
  settings: AgentSettings,
  ports: Ports,
  verifier: Verifier = new Verifier(),
): Agent {
  const { rules } = settings;
  const { clock, network, signer, publisher, log } = ports;
  let isStarted = false;
  let isHalted = false;
  const diskFailed = (error: unknown): void => {
    if (isStarted) halt("the disk failed", { code: "storeFailed", detail: String(error) });
  };
  const store = failStop(ports.store, diskFailed);
  const mark = ports.mark === undefined ? undefined : failStopMark(ports.mark, diskFailed);
  const { trust = null, snapshotEvery = SNAPSHOT_EVERY } = settings;
  const ledger = openLedger({ rules, store, verifier, snapshotEvery });
  const mempool = createMempool({
    ...{ verifier, clock, ledger: ledger.state },
    arrived: (transaction) => {
      receipts.arrived(transaction);
      company.arrived(transaction);
    },
    isWaiting: (id) => company.isWaiting(id),
  });
  const company = createCompany({ clock, ledger: ledger.state, wake: () => consensus.wake() });
  // Before the outbox, which fills the mempool with what an earlier run left.
  const receipts = createReceiptLoop({
    ...{ rules, clock, log, signer, ledger: ledger.state },
    isPending: () => outbox.isPending(RECEIPT, signer.memberId),
    maySay: () => {
      const held = consensus.heldBack();
      return caughtUp.isCaughtUp() && held !== "quarantine" && held !== "stopped";
    },
    submit: (payload) =>
      submit(payload, (outcome) => {
        if (!outcome.ok) log.error("own receipt refused", { ...outcome.refusal });
      }),
  });
  const caughtUp = createCaughtUp({ rules, signer, clock, ledger: ledger.state });
  const outbox = openOutbox({
    ...{ store, verifier, clock, network, publisher, mempool },
    ledger: ledger.state,
    isCaughtUp: caughtUp.isCaughtUp,
    ...(settings.sharing === undefined ? {} : { sharing: settings.sharing }),
  });
  const intents = createIntents({
    ...{ clock, ledger: ledger.state, isCaughtUp: caughtUp.isCaughtUp },
    outbox: {
      ...outbox,
      submit: (...wanted) => {
        const id = outbox.submit(...wanted);
        consensus.wake();
        return id;
      },
    },
  });
  const refusals = new Map<string, number>();
  const count = ({ code }: Refusal): void => {
    refusals.set(code, (refusals.get(code) ?? 0) + 1);
  };

  const receiveTransaction = (encoded: Uint8Array): Reception => {
    const added = mempool.add(encoded);
    if (!added.ok || added.value.isNew) evidence.heard(encoded, added.ok ? null : added.refusal);
    if (!added.ok) {
      count(added.refusal);
      log.debug("transaction refused", { ...added.refusal });
      return receptionOf(added.refusal);
    }
    if (!added.value.isNew) return "ignore";
    consensus.wake();
    return "accept";
  };

  const commit = (executed: Executed, certificate: Certificate): void => {
    if (!isTrusted(executed.block.header.height, executed.blockId)) return;
    ledger.commit(executed, certificate);
    takeRestart();
    mempool.committed(executed.transactions);
    outbox.committed(executed.transactions);
    intents.ledgerChanged();
    publishBlock(ports, executed, certificate.round);
    receipts.ledgerChanged(executed.events);
    evidence.ledgerChanged(executed.transactions, executed.events);
    trade.ledgerChanged(executed.events);
  };

  /** At the start, and as long as this home has not caught up with it. */
  let given = settings.restart ?? null;
  const takeRestart = (): void => {
    if (given === null) return;
    const taken = ledger.acceptRestart(given);
    if (!taken.ok && taken.refusal.code === "restartAhead") {
      if (!isStarted)
        log.warn("restart given, fetching the blocks before it", { ...taken.refusal });
      return;
    }
    given = null;
    const { height } = ledger.state();
    if (taken.ok) log.warn("restart taken: the next block is voted on by its set", { height });
    else if (taken.refusal.code === "staleSequence") {
      log.info("restart given that is done already, or overtaken", { ...taken.refusal });
    } else log.error("restart refused, going on without it", { ...taken.refusal });
  };

  const halt = (reason: string, facts: Refusal): void => {
    if (isHalted) return;
    isHalted = true;
    log.error(reason, { ...facts });
    publisher.publish({ type: "halted", reason: `${reason}: ${JSON.stringify(facts)}` });
    stop();
  };

  /** False, and the agent stops, if it is another block than the operator's. */
  const isTrusted = (height: number, id: BlockId): boolean => {
    if (trust === null || height !== trust.height || id === trust.blockId) return true;
    const facts = { code: "otherChain", height, blockId: id, trusted: trust.blockId };
    halt("the neighbours' chain is not the one that this home was told to trust", facts);
    return false;
  };

  const consensus: ConsensusLoop = createConsensusLoop({
    ...{ rules, verifier, store, clock, network, signer, mark, log, ledger, mempool, commit },
    quarantined: publisher.publish,
    refused: (refusal) => {
      count(refusal);
      log.debug("consensus message refused", { ...refusal });
    },
    doubleSigned: (seen) => evidence.doubleSigned(seen),
    behind: (height, peer) => sync.behind(height, peer),
  });
  const sync = createSyncLoop({
    ...{ rules, verifier, store, clock, network, log, ledger, mempool, commit, halt },
    consensus: () => consensus,
    ownPending: outbox.pending,
    told: caughtUp.told,
    receiveTransaction,
    joining: {
      ...createSnapshotServer({ rules, store, clock, height: () => ledger.state().height }),
      claimed: (height) => join.claimed(height),
      holdsBlocks: () => join.holdsBlocks(),
      caughtUp: () => join.caughtUp(),
    },
  });
  const join = createJoinLoop({
    ...{ rules, verifier, clock, network, log, ledger, snapshotEvery, trust },
    install: (snapshot, state) => {
      const installed = ledger.install(snapshot, state);
      if (!installed.ok) return installed;
      takeRestart();
      mempool.committed([]);
      outbox.committed([]);
      intents.ledgerChanged();
      const { block, blockId, certificate } = snapshot;
      publishBlock(ports, { block, blockId, events: [] }, certificate.round);
      receipts.ledgerChanged(installed.value);
      evidence.ledgerChanged([], installed.value);
      trade.ledgerChanged(installed.value);
      return installed;
    },
    pause: () => consensus.stop(),
    level: () => consensus.start(),
    resume: () => sync.resume(),
  });

  const submit = (payload: Payload, done: Submitted, as: SubmitAs = "member"): void => {
    const author = as === "administrator" ? settings.administrator : signer;
    if (author === null) done(refused({ code: "noAdministratorCard" }));
    else outbox.submit(payload, author, done);
    consensus.wake();
  };

  const order: Agent["order"] = (encoded, done) => {
    outbox.say(encoded, done);
    consensus.wake();
  };

  const meter = createMeterLoop({
    ...{ clock, store, publisher, log },
    devices: ports.devices,
    pollInterval: settings.pollInterval,
    pvCapacity: settings.pv?.capacity ?? null,
  });
  const trade = createTradeLoop({
    ...{ rules, clock, publisher, log, meter, signer },
    ...{ member: settings.member, pv: settings.pv, limits: settings.limits },
    registersItself: settings.registersItself ?? true,
    ledger: ledger.state,
    isPending: (purpose) => outbox.isPending(purpose, signer.memberId),
    isOffering: (listingId) => outbox.isOffering(listingId, signer.memberId),
    freeNumber: (intent) => outbox.freeNumber(intent, signer.memberId),
    mayOffer: caughtUp.isCaughtUp,
    submit: (purpose, payload) =>
      submit(payload, (outcome) => {
        if (!outcome.ok) log.warn("own transaction refused", { purpose, ...outcome.refusal });
      }),
  });

  const evidence = createEvidenceLoop({
    ...{ verifier, log, store, submit, ledger: ledger.state },
    self: signer.memberId,
  });

  const admit: NetworkHandlers["admit"] = (certificate, publicKey) => {
    const at = clock.now();
    const { caPublicKey } = rules;
    const checked = checkCertificate(certificate, { caPublicKey, verifier, at });
    if (!checked.ok || !sameBytes(checked.value.publicKey, publicKey)) return null;
    const { memberId } = checked.value;
    const member = ledger.state().members.get(memberId);
    if (member === undefined) return memberId;
    // Who was registered without a card may come with any that the CA gave it.
    const isOther = member.publicKey !== null && !sameBytes(member.publicKey, publicKey);
    return member.revoked || isOther ? null : memberId;
  };

  const handlers: NetworkHandlers = {
    received: (topic, message, from) =>
      topic === "transaction" ? receiveTransaction(message) : consensus.receive(message, from),
    requested: (protocol, body, from) => sync.answer(protocol, body, from),
    joined: (peer) => {
      publisher.publish({ type: "peers", peers: network.peers() });
      sync.joined(peer);
    },
    left: () => publisher.publish({ type: "peers", peers: network.peers() }),
    admit,
  };

  const start = (): void => {
    takeRestart();
    isStarted = true;
    const { height } = ledger.state();
    publisher.publish({ type: "started", home: signer.memberId, height, stateRoot: ledger.root() });
    const [known] = trust === null ? [] : store.blocks(trust.height, 1);
    if (known !== undefined && !isTrusted(known.height, idOf(known.block))) return;
    network.start(handlers);
    if (!join.start()) consensus.start();
    sync.start();
    receipts.start();
    meter.start();
    trade.start();
  };

  const stop = (): void => {
    trade.stop();
    intents.stop();
    receipts.stop();
    join.stop();
    sync.stop();
    company.stop();
    consensus.stop();
    // Last, for it writes what it has not saved yet, and the disk may be what has failed.
    meter.stop();
  };

  const door: AgentDoor = {
    ...{ rules, self: signer.memberId, ledger: ledger.state, now: () => clock.now() },
    submit: intents.submit,
    firstRefused: intents.firstRefused,
    history: ports.history ?? NO_HISTORY,
    peers: () => network.peers(),
    isCaughtUp: caughtUp.isCaughtUp,
  };

  return {
    ...{ start, stop, submit, order, door },
    ledger: ledger.state,
    head: () => ({ height: ledger.state().height, stateRoot: ledger.root() }),
    refusals: () => refusals,
    memory: () => ({ pending: mempool.all().length, ...consensus.memory() }),
  };
}

const NO_HISTORY: LedgerHistory = {
  listings: () => [],
  listing: () => null,
  pvOffers: () => [],
  buyOffers: () => [],
  fills: () => [],
  transactions: () => ({ entries: [], isWhole: true }),
  transaction: () => null,
  archive: {
    span: () => ({ first: 0, last: 0 }),
    blocks: () => [],
    votersOf: () => null,
    placeOf: () => null,
    cards: () => [],
    evidence: () => [],
  },
};

/**
 * After a write that failed nobody knows what memory and disk have in common, in the middle of whatever it
 * was: only a new start from the disk is sure to be right.
 */
function failStop(store: Store, failed: (error: unknown) => void): Store {
  const guard = guardOf(failed);
  return {
    ...store,
    commit: guard(store.commit),
    install: guard(store.install),
    saveSigned: guard(store.saveSigned),
    saveRestart: guard(store.saveRestart),
    saveOwnTransaction: guard(store.saveOwnTransaction),
    dropOwnTransactions: guard(store.dropOwnTransactions),
    saveSamples: guard(store.saveSamples),
  };
}

/** The mark is as good as the disk: without it nothing may be signed. */
function failStopMark(mark: SigningMarkFile, failed: (error: unknown) => void): SigningMarkFile {
  return { ...mark, write: guardOf(failed)(mark.write) };
}

function guardOf(failed: (error: unknown) => void) {
  return <A extends readonly unknown[]>(write: (...args: A) => void) =>
    (...args: A): void => {
      try {
        write(...args);
      } catch (error) {
        failed(error);
        throw error;
      }
    };
}

function idOf(encoded: Uint8Array): BlockId {
  const block = mustBeAccepted(decodeBlock(encoded), "a stored block decodes");
  return blockId(block.header);
}

type Published = Pick<Executed, "block" | "blockId" | "events">;

function publishBlock({ publisher }: Ports, executed: Published, round: number): void {
  const { header, transactions } = executed.block;
  const { height, time, stateRoot } = header;
  publisher.publish({
    ...{ type: "block", height, round, time, stateRoot },
    blockId: executed.blockId,
    transactions: transactions.length,
  });
  for (const event of executed.events) publisher.publish({ type: "ledger", height, event });
}
