// Pulls what gossip lost, for gossip promises nothing: votes of the height under way, pending
// transactions, and certified blocks. Every peer is asked in turn; nobody is believed, all is checked.
//
// A forged signature costs us a hundred times what it costs its forger, and what comes in a question or an
// answer is not gossip's to punish. So the first thing that nobody honest says ends the talk for a while.

import { assert } from "../core/assert.ts";
import { bytesToHex, hexToBytes } from "../core/codec/hex.ts";
import { type CertificateContext, checkCertificate } from "../core/consensus/certificate.ts";
import { decodeCertificate } from "../core/consensus/message.ts";
import type { Verifier } from "../core/crypto.ts";
import { blockId, decodeBlock, hasItsTransactions } from "../core/ledger/block.ts";
import { baseOf } from "../core/ledger/restart.ts";
import { communityId, type Rules } from "../core/ledger/rules.ts";
import { decodeTransaction } from "../core/ledger/transaction.ts";
import type { Refusal } from "../core/result.ts";
import type { BlockId, MemberId } from "../core/units/ids.ts";
import { type DurationMs, MINUTE_MS, SECOND_MS } from "../core/units/time.ts";
import type { Cancel, Clock, Log, Network, Protocol, Reception, Store } from "../ports.ts";
import type { ConsensusLoop } from "./consensus.ts";
import type { Executed, Ledger } from "./ledger.ts";
import type { Mempool } from "./mempool.ts";
import { isAwaited } from "./restart.ts";
import {
  BLOCKS_PER_REPLY_MAX,
  type BlocksReply,
  blocksReply,
  blocksRequest,
  ID_PREFIX_BYTES,
  MESSAGES_PER_REPLY_MAX,
  PENDING_PER_EXCHANGE_MAX,
  REPLY_BYTES_MAX,
  transactionsReply,
  transactionsRequest,
  votesReply,
  votesRequest,
} from "./wire.ts";

/** The reference's resend interval while a height is undecided. */
const VOTES_EVERY: DurationMs = SECOND_MS;
const TRANSACTIONS_EVERY = (3 * SECOND_MS) as DurationMs;
/** Room for the codec's heads around blocks and transactions in an answer. */
const REPLY_PAYLOAD_MAX = REPLY_BYTES_MAX - 262_144;
/** 12 of the largest transactions fit a request beside the known ids. */
const OFFERED_PER_REQUEST_MAX = 12;
/** Who passed on what nobody honest does is neither asked, answered nor heard for so long. */
const SHUNNED_FOR = MINUTE_MS;
/** Who did not make good what it claimed is not asked for blocks for so long: another may have them. */
const DOUBTED_FOR = MINUTE_MS;
/** Neighbours remembered in each of the lists; more than there are connections. */
const NEIGHBOURS_MAX = 128;

export type SyncLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  readonly joined: (peer: MemberId) => void;
  /** `peer` has shown that blocks up to `height` exist. */
  readonly behind: (height: number, peer: MemberId) => void;
  /** Blocks need wait no more. */
  readonly resume: () => void;
  /** Answers a neighbour's question; null when it makes no sense. */
  readonly answer: (protocol: Protocol, body: Uint8Array, from: MemberId) => Uint8Array | null;
};

export type SyncDependencies = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  readonly store: Store;
  readonly clock: Clock;
  readonly network: Network;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly mempool: Mempool;
  readonly consensus: () => ConsensusLoop;
  readonly ownPending: () => readonly Uint8Array[];
  readonly receiveTransaction: (encoded: Uint8Array) => Reception;
  /** `peer` says that its ledger is at `height`. */
  readonly told: (peer: MemberId, height: number) => void;
  readonly commit: (executed: Executed, certificate: Parameters<Ledger["commit"]>[1]) => void;
  /** A certified block that our build computes differently: stop, and say so. */
  readonly halt: (reason: string, facts: Refusal) => void;
  readonly joining?: Joining;
};

/** Snapshots: told what sync learns, says when blocks must wait, and answers those who join. */
export type Joining = {
  readonly answer: (body: Uint8Array) => Uint8Array | null;
  /** A neighbour says that it has so many blocks. */
  readonly claimed: (height: number) => void;
  readonly holdsBlocks: () => boolean;
  /** Nobody claims more blocks than we have. */
  readonly caughtUp: () => void;
};

export function createSyncLoop(dependencies: SyncDependencies): SyncLoop {
  return new Loop(dependencies);
}

class Loop implements SyncLoop {
  readonly #d: SyncDependencies;
  #isRunning = false;
  #timers = new Map<string, Cancel>();
  /** Whose turn it was last; each kind of question has a round of its own. */
  readonly #turns = { votes: 0, transactions: 0 };
  /** The next of our own transactions to offer, for not all fit one question. */
  #offeredFrom = 0;
  /** Up to which height each neighbour says it has blocks; who has waited longest is asked first. */
  readonly #claims = new Map<MemberId, number>();
  #isFetching = false;
  /** Until when, on the monotonic clock. */
  readonly #shunned = new Map<MemberId, number>();
  readonly #doubted = new Map<MemberId, number>();
  readonly #askedForVotes = new Set<MemberId>();

  constructor(dependencies: SyncDependencies) {
    this.#d = dependencies;
  }

  start(): void {
    this.#isRunning = true;
    this.#every("votes", VOTES_EVERY, () => this.#askVotesInTurn());
    this.#every("transactions", TRANSACTIONS_EVERY, () => {
      const peer = this.#nextPeer("transactions");
      if (peer !== null) this.#exchangeTransactions(peer);
    });
  }

  stop(): void {
    this.#isRunning = false;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  joined(peer: MemberId): void {
    this.#exchangeTransactions(peer);
    if (this.#isValidator(peer) && this.#d.consensus().isListening()) this.#askVotes(peer);
  }

  behind(height: number, peer: MemberId): void {
    if (height <= this.#d.ledger.state().height || this.#isWithin(this.#doubted, peer)) return;
    const claimed = this.#claims.get(peer) ?? 0;
    if (this.#claims.has(peer) || this.#claims.size < NEIGHBOURS_MAX) {
      this.#claims.set(peer, Math.max(claimed, height));
    }
    this.#d.joining?.claimed(height);
    this.#fetchBlocks();
  }

  resume(): void {
    if (this.#isRunning) this.#fetchBlocks();
  }

  answer(protocol: Protocol, body: Uint8Array, from: MemberId): Uint8Array | null {
    if (this.#isWithin(this.#shunned, from)) return null;
    switch (protocol) {
      case "transactions":
        return this.#answerTransactions(body, from);
      case "votes":
        return this.#answerVotes(body, from);
      case "blocks":
        return this.#answerBlocks(body);
      case "snapshot":
        return this.#d.joining?.answer(body) ?? null;
    }
  }

  // ------------------------------------------------------------------------------------ votes

  #askVotesInTurn(): void {
    this.#askedForVotes.clear();
    if (this.#d.consensus().isListening()) {
      for (const peer of this.#d.network.peers()) if (this.#isValidator(peer)) this.#askVotes(peer);
    }
    if (!this.#d.consensus().position().isUnderWay) return;
    const peer = this.#nextPeer("votes");
    if (peer !== null) this.#askVotes(peer);
  }

  #askVotes(peer: MemberId): void {
    if (this.#askedForVotes.has(peer)) return;
    this.#askedForVotes.add(peer);
    const { height } = this.#d.consensus().position();
    const body = votesRequest.encode({ height });
    this.#ask(peer, "votes", body, (reply) => {
      const decoded = votesReply.decode(reply);
      if (!decoded.ok) return this.#shun(peer, decoded.refusal);
      const { height: committed, messages } = decoded.value;
      this.behind(committed, peer);
      const consensus = this.#d.consensus();
      if (!this.#takeAll(messages, peer, (message) => consensus.receive(message, peer))) return;
      this.#d.told(peer, committed);
      consensus.answered({ height, committed, peer });
    });
  }

  #answerVotes(body: Uint8Array, from: MemberId): Uint8Array | null {
    const request = votesRequest.decode(body);
    if (!request.ok) return null;
    const { height, isUnderWay } = this.#d.consensus().position();
    const committed = this.#d.ledger.state().height;
    const isOurs = request.value.height === height;
    // Who asks is in the middle of a height that we have not heard of: ask back.
    if (isOurs && !isUnderWay) this.#askVotes(from);
    if (request.value.height > height) this.behind(request.value.height - 1, from);
    return votesReply.encode({
      height: committed,
      messages: isOurs ? fitting(this.#d.consensus().messages(), MESSAGES_PER_REPLY_MAX) : [],
    });
  }

  // ----------------------------------------------------------------------------- transactions

  #exchangeTransactions(peer: MemberId): void {
    const { ledger, mempool, ownPending } = this.#d;
    const known = mempool.prefixes().slice(0, PENDING_PER_EXCHANGE_MAX).map(hexToBytes);
    const offered = this.#nextOffered(ownPending());
    const body = transactionsRequest.encode({ height: ledger.state().height, known, offered });
    this.#ask(peer, "transactions", body, (reply) => {
      const decoded = transactionsReply.decode(reply);
      if (!decoded.ok) return this.#shun(peer, decoded.refusal);
      this.behind(decoded.value.height, peer);
      if (this.#takeAll(decoded.value.transactions, peer, this.#d.receiveTransaction)) {
        this.#d.told(peer, decoded.value.height);
      }
    });
  }

  #nextOffered(own: readonly Uint8Array[]): readonly Uint8Array[] {
    const from = this.#offeredFrom < own.length ? this.#offeredFrom : 0;
    const offered = own.slice(from, from + OFFERED_PER_REQUEST_MAX);
    this.#offeredFrom = from + offered.length;
    return offered;
  }

  #answerTransactions(body: Uint8Array, from: MemberId): Uint8Array | null {
    const request = transactionsRequest.decode(body);
    if (!request.ok) return null;
    this.behind(request.value.height, from);
    const { offered } = request.value;
    if (!this.#takeAll(offered, from, this.#d.receiveTransaction)) return null;
    const known = new Set(request.value.known.map(bytesToHex));
    const missing = this.#d.mempool
      .all()
      .filter(({ transaction }) => !known.has(transaction.id.slice(0, 2 * ID_PREFIX_BYTES)))
      .map(({ encoded }) => encoded);
    const height = this.#d.ledger.state().height;
    return transactionsReply.encode({
      height,
      transactions: fitting(missing, PENDING_PER_EXCHANGE_MAX),
    });
  }

  // ----------------------------------------------------------------------------------- blocks

  #fetchBlocks(): void {
    const { ledger, network } = this.#d;
    const own = ledger.state().height;
    for (const [peer, height] of this.#claims) if (height <= own) this.#claims.delete(peer);
    const [peer] = this.#claims.keys();
    if (this.#isFetching || this.#d.joining?.holdsBlocks()) return;
    if (peer === undefined) {
      this.#d.joining?.caughtUp();
      return;
    }
    this.#isFetching = true;
    const body = blocksRequest.encode({ from: own + 1 });
    const answered = (reply: Uint8Array | null): void => {
      this.#isFetching = false;
      if (!this.#isRunning) return;
      const hasProgressed = reply !== null && this.#takeBlocks(reply, peer);
      if (!hasProgressed) this.#doubt(peer);
      this.#fetchBlocks();
    };
    network.request({ to: peer, protocol: "blocks", body, answered });
  }

  /** A claim not made good is forgotten; it may be true, so later messages may renew it. */
  #doubt(peer: MemberId): void {
    const claimed = this.#claims.get(peer) ?? 0;
    this.#claims.delete(peer);
    // The agreement may have been faster than the answer.
    if (claimed > this.#d.ledger.state().height) this.#remember(this.#doubted, peer, DOUBTED_FOR);
  }

  /** Commits what checks out, in order; true if there was any. */
  #takeBlocks(reply: Uint8Array, peer: MemberId): boolean {
    const decoded = blocksReply.decode(reply);
    if (!decoded.ok) {
      this.#shun(peer, decoded.refusal);
      return false;
    }
    const before = this.#d.ledger.state().height;
    for (const item of decoded.value.blocks) {
      if (!this.#isRunning || !this.#takeBlock(item, peer)) break;
    }
    const hasProgressed = this.#d.ledger.state().height > before;
    if (hasProgressed) this.#d.consensus().followLedger();
    return hasProgressed;
  }

  #takeBlock(item: BlocksReply["blocks"][number], peer: MemberId): boolean {
    const { ledger, log, verifier, commit, halt } = this.#d;
    const certificate = decodeCertificate(item.certificate);
    const next = ledger.state().height + 1;
    if (!certificate.ok || certificate.value.height !== next) return false;
    const voters = this.#votersOf(item.block);
    if (voters === null) {
      log.warn("block without the restart that this home was given", { peer, height: next });
      return false;
    }
    const checked = checkCertificate(certificate.value, { ...voters, verifier });
    if (!checked.ok) {
      const own = ledger.state().lastBlock?.blockId ?? null;
      const previous = previousOf(item.block);
      if (previous !== own) {
        // A lie, or a restart that passed us by: docs/restart.md.
        log.error("a neighbour goes on from another block than ours", { peer, own, previous });
      }
      this.#shun(peer, checked.refusal);
      return false;
    }
    const executed = ledger.execute(item.block);
    if (!executed.ok) {
      // More than two thirds signed a header; if these bytes are that very block, it is our build.
      if (isWhole(item.block, certificate.value.blockId)) {
        halt("this build computes another state than the community", executed.refusal);
      }
      log.warn("certified block refused", { peer, height: next, ...executed.refusal });
      return false;
    }
    if (executed.value.blockId !== certificate.value.blockId) return false;
    commit(executed.value, certificate.value);
    return true;
  }

  /** Who votes on a block after ours, and for which chain; null: it lacks the restart that we wait for. */
  #votersOf(encoded: Uint8Array): Pick<CertificateContext, "community" | "validators"> | null {
    const { ledger, rules, verifier } = this.#d;
    const block = decodeBlock(encoded);
    const [bytes] = block.ok ? block.value.transactions : [];
    const decoded = bytes === undefined ? null : decodeTransaction(communityId(rules), bytes);
    const first = decoded?.ok ? decoded.value : undefined;
    if (!isAwaited(ledger.voting(), first)) return null;
    const { validators, chain } = baseOf(ledger.state(), first, verifier).state;
    return { validators, community: chain };
  }

  #answerBlocks(body: Uint8Array): Uint8Array | null {
    const request = blocksRequest.decode(body);
    if (!request.ok) return null;
    const height = this.#d.ledger.state().height;
    const { from } = request.value;
    const found = from > height ? [] : this.#d.store.blocks(from, BLOCKS_PER_REPLY_MAX);
    // Where our own ledger begins with a snapshot, earlier blocks are not here.
    const stored = found[0]?.height === from ? found : [];
    return blocksReply.encode({
      height,
      blocks: stored.map(({ block, certificate }) => ({ block, certificate })),
    });
  }

  // ------------------------------------------------------------------------------------ tools

  #ask(to: MemberId, protocol: Protocol, body: Uint8Array, use: (reply: Uint8Array) => void): void {
    if (this.#isWithin(this.#shunned, to)) return;
    const answered = (reply: Uint8Array | null): void => {
      if (reply !== null && this.#isRunning) use(reply);
    };
    this.#d.network.request({ to, protocol, body, answered });
  }

  #isValidator(peer: MemberId): boolean {
    return this.#d.ledger.voting().validators.some(({ memberId }) => memberId === peer);
  }

  #nextPeer(kind: "votes" | "transactions"): MemberId | null {
    const peers = this.#d.network.peers().filter((peer) => !this.#isWithin(this.#shunned, peer));
    if (peers.length === 0) return null;
    this.#turns[kind] = (this.#turns[kind] + 1) % peers.length;
    return peers[this.#turns[kind]] ?? null;
  }

  /** Hands on one after the other; false, and no further, at the first that nobody honest passes on. */
  #takeAll(
    items: readonly Uint8Array[],
    from: MemberId,
    receive: (item: Uint8Array) => Reception,
  ): boolean {
    for (const item of items) {
      if (receive(item) !== "reject") continue;
      this.#shun(from, { code: "rejected" });
      return false;
    }
    return true;
  }

  #shun(peer: MemberId, why: Refusal): void {
    this.#d.log.warn("neighbour shunned for what it passed on", { peer, ...why });
    this.#claims.delete(peer);
    this.#remember(this.#shunned, peer, SHUNNED_FOR);
    this.#remember(this.#doubted, peer, DOUBTED_FOR);
  }

  #remember(list: Map<MemberId, number>, peer: MemberId, duration: number): void {
    list.delete(peer);
    const [oldest] = list.keys();
    if (list.size >= NEIGHBOURS_MAX && oldest !== undefined) list.delete(oldest);
    list.set(peer, this.#d.clock.monotonic() + duration);
  }

  #isWithin(list: ReadonlyMap<MemberId, number>, peer: MemberId): boolean {
    return (list.get(peer) ?? 0) > this.#d.clock.monotonic();
  }

  #every(name: string, interval: DurationMs, run: () => void): void {
    assert(!this.#timers.has(name) || this.#isRunning, `timer ${name} has one owner`);
    this.#timers.set(
      name,
      this.#d.clock.after(interval, () => {
        if (!this.#isRunning) return;
        this.#every(name, interval, run);
        run();
      }),
    );
  }
}

function previousOf(encoded: Uint8Array): BlockId | null {
  const block = decodeBlock(encoded);
  return block.ok ? block.value.header.previous : null;
}

/** As many as fit an answer, from the front. */
function fitting(items: readonly Uint8Array[], most: number): readonly Uint8Array[] {
  let total = 0;
  const inBytes = items.filter((item) => {
    total += item.length;
    return total <= REPLY_PAYLOAD_MAX;
  });
  return inBytes.slice(0, most);
}

function isWhole(encoded: Uint8Array, id: BlockId): boolean {
  const decoded = decodeBlock(encoded);
  if (!decoded.ok || blockId(decoded.value.header) !== id) return false;
  return hasItsTransactions(decoded.value);
}
