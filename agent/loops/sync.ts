// Pulls what gossip lost, for gossip promises nothing: votes of the height under way, pending
// transactions, and certified blocks. Every peer is asked in turn; nobody is believed, all is checked.

import { assert } from "../core/assert.ts";
import { bytesToHex, hexToBytes } from "../core/codec/hex.ts";
import { checkCertificate } from "../core/consensus/certificate.ts";
import { decodeCertificate } from "../core/consensus/message.ts";
import type { Verifier } from "../core/crypto.ts";
import { blockId, decodeBlock, hasItsTransactions } from "../core/ledger/block.ts";
import { communityId, type Rules } from "../core/ledger/rules.ts";
import type { Refusal } from "../core/result.ts";
import type { BlockId, MemberId } from "../core/units/ids.ts";
import { type DurationMs, SECOND_MS } from "../core/units/time.ts";
import type { Cancel, Clock, Log, Network, Protocol, Store } from "../ports.ts";
import type { ConsensusLoop } from "./consensus.ts";
import type { Executed, Ledger } from "./ledger.ts";
import type { Mempool } from "./mempool.ts";
import {
  BLOCKS_PER_REPLY_MAX,
  type BlocksReply,
  blocksReply,
  blocksRequest,
  ID_PREFIX_BYTES,
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

export type SyncLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  readonly joined: (peer: MemberId) => void;
  /** `peer` has shown that blocks up to `height` exist. */
  readonly behind: (height: number, peer: MemberId) => void;
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
  readonly receiveTransaction: (encoded: Uint8Array) => void;
  readonly commit: (executed: Executed, certificate: Parameters<Ledger["commit"]>[1]) => void;
  /** A certified block that our build computes differently: stop, and say so. */
  readonly halt: (reason: string, facts: Refusal) => void;
};

export function createSyncLoop(dependencies: SyncDependencies): SyncLoop {
  return new Loop(dependencies);
}

class Loop implements SyncLoop {
  readonly #d: SyncDependencies;
  #isRunning = false;
  #timers = new Map<string, Cancel>();
  #turn = 0;
  /** The greatest height that somebody claims, and who. A claim costs one question, no more. */
  #claimed: { readonly height: number; readonly peer: MemberId } | null = null;
  #isFetching = false;
  readonly #askedForVotes = new Set<MemberId>();

  constructor(dependencies: SyncDependencies) {
    this.#d = dependencies;
  }

  start(): void {
    this.#isRunning = true;
    this.#every("votes", VOTES_EVERY, () => this.#askVotesInTurn());
    this.#every("transactions", TRANSACTIONS_EVERY, () => {
      const peer = this.#nextPeer();
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
  }

  behind(height: number, peer: MemberId): void {
    if (height <= this.#d.ledger.state().height) return;
    if (this.#claimed === null || height > this.#claimed.height) this.#claimed = { height, peer };
    this.#fetchBlocks(peer);
  }

  answer(protocol: Protocol, body: Uint8Array, from: MemberId): Uint8Array | null {
    switch (protocol) {
      case "transactions":
        return this.#answerTransactions(body, from);
      case "votes":
        return this.#answerVotes(body, from);
      case "blocks":
        return this.#answerBlocks(body);
    }
  }

  // ------------------------------------------------------------------------------------ votes

  #askVotesInTurn(): void {
    this.#askedForVotes.clear();
    if (!this.#d.consensus().position().isUnderWay) return;
    const peer = this.#nextPeer();
    if (peer !== null) this.#askVotes(peer);
  }

  #askVotes(peer: MemberId): void {
    if (this.#askedForVotes.has(peer)) return;
    this.#askedForVotes.add(peer);
    const { height } = this.#d.consensus().position();
    const body = votesRequest.encode({ height });
    this.#ask(peer, "votes", body, (reply) => {
      const decoded = votesReply.decode(reply);
      if (!decoded.ok)
        return this.#d.log.warn("votes answer refused", { peer, ...decoded.refusal });
      this.behind(decoded.value.height, peer);
      for (const message of decoded.value.messages) this.#d.consensus().receive(message, peer);
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
      messages: isOurs ? fitting(this.#d.consensus().messages()) : [],
    });
  }

  // ----------------------------------------------------------------------------- transactions

  #exchangeTransactions(peer: MemberId): void {
    const { ledger, mempool, ownPending } = this.#d;
    const known = mempool.prefixes().slice(0, PENDING_PER_EXCHANGE_MAX).map(hexToBytes);
    const offered = ownPending().slice(0, OFFERED_PER_REQUEST_MAX);
    const body = transactionsRequest.encode({ height: ledger.state().height, known, offered });
    this.#ask(peer, "transactions", body, (reply) => {
      const decoded = transactionsReply.decode(reply);
      if (!decoded.ok) return this.#d.log.warn("transactions answer refused", { peer });
      this.behind(decoded.value.height, peer);
      for (const encoded of decoded.value.transactions) this.#d.receiveTransaction(encoded);
    });
  }

  #answerTransactions(body: Uint8Array, from: MemberId): Uint8Array | null {
    const request = transactionsRequest.decode(body);
    if (!request.ok) return null;
    this.behind(request.value.height, from);
    for (const encoded of request.value.offered) this.#d.receiveTransaction(encoded);
    const known = new Set(request.value.known.map(bytesToHex));
    const missing = this.#d.mempool
      .all()
      .filter(({ transaction }) => !known.has(transaction.id.slice(0, 2 * ID_PREFIX_BYTES)))
      .map(({ encoded }) => encoded);
    const height = this.#d.ledger.state().height;
    return transactionsReply.encode({
      height,
      transactions: fitting(missing).slice(0, PENDING_PER_EXCHANGE_MAX),
    });
  }

  // ----------------------------------------------------------------------------------- blocks

  #fetchBlocks(peer: MemberId): void {
    if (this.#isFetching) return;
    this.#isFetching = true;
    const body = blocksRequest.encode({ from: this.#d.ledger.state().height + 1 });
    const { network } = this.#d;
    const answered = (reply: Uint8Array | null): void => {
      this.#isFetching = false;
      if (!this.#isRunning) return;
      const progress = reply !== null && this.#takeBlocks(reply, peer);
      this.#fetchMore(peer, progress);
    };
    network.request({ to: peer, protocol: "blocks", body, answered });
  }

  #fetchMore(peer: MemberId, hasProgressed: boolean): void {
    const claimed = this.#claimed;
    if (claimed === null) return;
    if (this.#d.ledger.state().height >= claimed.height) {
      this.#claimed = null;
      return;
    }
    // A claim that nobody makes good is forgotten: the next message renews it if it was true.
    if (hasProgressed) this.#fetchBlocks(peer);
    else this.#claimed = null;
  }

  /** Commits what checks out, in order; true if there was any. */
  #takeBlocks(reply: Uint8Array, peer: MemberId): boolean {
    const decoded = blocksReply.decode(reply);
    if (!decoded.ok) {
      this.#d.log.warn("blocks answer refused", { peer, ...decoded.refusal });
      return false;
    }
    let taken = 0;
    for (const item of decoded.value.blocks) {
      if (!this.#takeBlock(item, peer)) break;
      taken += 1;
    }
    if (taken > 0) this.#d.consensus().followLedger();
    return taken > 0;
  }

  #takeBlock(item: BlocksReply["blocks"][number], peer: MemberId): boolean {
    const { ledger, log, rules, verifier, commit, halt } = this.#d;
    const certificate = decodeCertificate(item.certificate);
    const next = ledger.state().height + 1;
    if (!certificate.ok || certificate.value.height !== next) return false;
    const { validators } = rules;
    const community = communityId(rules);
    const checked = checkCertificate(certificate.value, { community, validators, verifier });
    if (!checked.ok) {
      log.warn("certificate refused", { peer, height: next, ...checked.refusal });
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

  #answerBlocks(body: Uint8Array): Uint8Array | null {
    const request = blocksRequest.decode(body);
    if (!request.ok) return null;
    const height = this.#d.ledger.state().height;
    const { from } = request.value;
    const stored = from > height ? [] : this.#d.store.blocks(from, BLOCKS_PER_REPLY_MAX);
    return blocksReply.encode({
      height,
      blocks: stored.map(({ block, certificate }) => ({ block, certificate })),
    });
  }

  // ------------------------------------------------------------------------------------ tools

  #ask(to: MemberId, protocol: Protocol, body: Uint8Array, use: (reply: Uint8Array) => void): void {
    const answered = (reply: Uint8Array | null): void => {
      if (reply !== null && this.#isRunning) use(reply);
    };
    this.#d.network.request({ to, protocol, body, answered });
  }

  #nextPeer(): MemberId | null {
    const peers = this.#d.network.peers();
    if (peers.length === 0) return null;
    this.#turn = (this.#turn + 1) % peers.length;
    return peers[this.#turn] ?? null;
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

/** As many as fit an answer, from the front. */
function fitting(items: readonly Uint8Array[]): readonly Uint8Array[] {
  let total = 0;
  return items.filter((item) => {
    total += item.length;
    return total <= REPLY_PAYLOAD_MAX;
  });
}

function isWhole(encoded: Uint8Array, id: BlockId): boolean {
  const decoded = decodeBlock(encoded);
  if (!decoded.ok || blockId(decoded.value.header) !== id) return false;
  return hasItsTransactions(decoded.value);
}
