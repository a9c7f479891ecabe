// What must hold after every event, whatever breaks. Independent of the code under test where it can be:
// certificates are counted again, votes are compared again, tokens are added up again.

import { createHash } from "node:crypto";
import type { AgentMemory } from "../../agent/agent.ts";
import { bytesToHex } from "../../agent/core/codec/hex.ts";
import {
  decodeCertificate,
  decodeConsensusMessage,
  proposalSignBytes,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import type { LedgerEvent } from "../../agent/core/ledger/event.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../agent/core/ledger/state.ts";
import type { CommunityId, ListingId, MemberId } from "../../agent/core/units/ids.ts";
import type { CommittedBlock, SignedRecord } from "../../agent/ports.ts";

/** Something that must never happen did. */
export class Violation extends Error {
  readonly rule: string;
  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.rule = rule;
  }
}

/** How far an honest home's clock is off at most, ms. */
export const HONEST_SKEW_MAX = 400;

/** Transactions that a home takes of one author before they are on the ledger; an honest home has few. */
const PENDING_OF_LIAR_MAX = 64;
const PENDING_OF_HOME_MAX = 16;
/** Blocks in which nothing happens: a few when a home wakes the others for what is on the ledger by then. */
const EMPTY_BLOCKS_MAX = 100;
/** Messages are kept of so many rounds ahead. */
const ROUNDS_AHEAD = 10;

type Agreed = {
  readonly blockId: string;
  readonly stateRoot: string;
  readonly time: number;
  isRootChecked: boolean;
};
/** Of a fresh block, Unix ms of real time. */
type FirstProposal = {
  readonly by: MemberId;
  readonly at: number;
  readonly round: number;
  /** When the first other home prevoted for it. */
  votedForAt: number | null;
};
type Lock = { readonly round: number; readonly blockId: string };
type Market = {
  readonly offered: Map<string, number>;
  readonly wanted: Map<string, number>;
  state: "open" | "CLEARED" | "VOID";
  readonly closeBy: number;
};

export type InvariantsWorld = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  /** The real time, Unix ms. */
  readonly now: () => number;
  /** Validators that say what they like. */
  readonly liars: ReadonlySet<MemberId>;
  /** Validators that neither lie nor have a wrong clock. */
  readonly honest: ReadonlySet<MemberId>;
  /** Called with each block that nobody has committed before. */
  readonly firstCommitted: (block: CommittedBlock) => void;
};

export class Invariants {
  readonly #rules: Rules;
  readonly #community: CommunityId;
  readonly #verifier: Verifier;
  readonly #now: () => number;
  readonly #world: InvariantsWorld;
  /** Called with each block that nobody has committed before. */
  readonly #firstCommitted: (block: CommittedBlock) => void;
  readonly #agreed = new Map<number, Agreed>();
  readonly #signed = new Map<string, string>();
  readonly #prevotes = new Map<string, Set<MemberId>>();
  readonly #locks = new Map<string, Lock>();
  readonly #proposed = new Map<string, FirstProposal>();
  readonly #transactions = new Set<string>();
  readonly #reached = new Map<MemberId, number>();
  readonly #markets = new Map<ListingId, Market>();
  /** Who lost its seat for signing twice, and the first height without it. */
  readonly #suspended = new Map<MemberId, number>();
  #fills = 0;
  #emptyBlocks = 0;
  #lastProposal: { height: number; round: number; blockId: string } | null = null;

  constructor(world: InvariantsWorld) {
    this.#world = world;
    this.#rules = world.rules;
    this.#firstCommitted = world.firstCommitted;
    this.#community = communityId(world.rules);
    this.#verifier = world.verifier;
    this.#now = world.now;
  }

  get height(): number {
    return this.#agreed.size;
  }

  get fills(): number {
    return this.#fills;
  }

  get listings(): ReadonlyMap<ListingId, Pick<Market, "state" | "closeBy">> {
    return this.#markets;
  }

  get transactions(): number {
    return this.#transactions.size;
  }

  /** The newest proposal heard of, for attackers. */
  get lastProposal(): { height: number; round: number; blockId: string } | null {
    return this.#lastProposal;
  }

  /** I8, I9: on the disk, before it is sent. */
  signed(home: MemberId, record: SignedRecord): void {
    const { height, round, type, signBytes, message } = record;
    this.#once(`${home}/${height}/${round}/${type}`, signBytes);
    if (message.type === "vote" && message.vote === "prevote") {
      this.#checkLock(home, { height, round, blockId: message.blockId });
    }
    if (message.type === "vote" && message.vote === "precommit" && message.blockId !== null) {
      this.#locks.set(`${home}/${height}`, { round, blockId: message.blockId });
    }
  }

  /** I8 again, as the neighbours see it; what a liar says is only taken note of. */
  published(home: MemberId, encoded: Uint8Array): void {
    const isLiar = this.#world.liars.has(home);
    const decoded = decodeConsensusMessage(encoded);
    if (!decoded.ok) {
      if (isLiar) return;
      throw new Violation("I8", `${home} published what nobody can read`);
    }
    const message = decoded.value;
    const { height, round } = message;
    if (message.type === "proposal") {
      if (!isLiar) {
        const signBytes = proposalSignBytes(this.#community, message);
        this.#once(`${home}/${height}/${round}/proposal`, signBytes);
      }
      this.#lastProposal = { height, round, blockId: message.blockId };
      const isFirst = message.polRound < 0 && !this.#proposed.has(message.blockId);
      if (isFirst) {
        this.#proposed.set(message.blockId, { by: home, at: this.#now(), round, votedForAt: null });
      }
      return;
    }
    if (!isLiar) {
      const signBytes = voteSignBytes(this.#community, message);
      this.#once(`${home}/${height}/${round}/${message.vote}`, signBytes);
    }
    if (message.vote === "prevote" && message.blockId !== null && this.#world.honest.has(home)) {
      const proposed = this.#proposed.get(message.blockId);
      if (proposed !== undefined && proposed.by !== home) proposed.votedForAt ??= this.#now();
    }
    this.voted(message.validator, message);
  }

  /** A vote that is on the wire, whoever signed it with the validator's card. */
  voted(
    home: MemberId,
    vote: { vote: string; height: number; round: number; blockId: string | null },
  ): void {
    if (vote.vote !== "prevote" || vote.blockId === null) return;
    const key = `${vote.height}/${vote.round}/${vote.blockId}`;
    const voters = this.#prevotes.get(key) ?? new Set();
    this.#prevotes.set(key, voters.add(home));
  }

  /** I1 to I4 and the certificate, for one home's commit. */
  committed(home: MemberId, block: CommittedBlock): void {
    const { height, blockId, stateRoot, time } = block;
    const before = this.#reached.get(home) ?? 0;
    if (height !== before + 1)
      throw new Violation("I7", `${home} went from ${before} to ${height}`);
    this.#reached.set(home, height);
    this.#checkCertificate(block);
    const agreed = this.#agreed.get(height);
    if (agreed === undefined) {
      this.#agreed.set(height, { blockId, stateRoot, time, isRootChecked: false });
      this.#firstCommit(block);
      return;
    }
    if (agreed.blockId !== blockId) throw new Violation("I1", `two blocks at height ${height}`);
    if (agreed.stateRoot !== stateRoot) throw new Violation("I4", `two states at height ${height}`);
  }

  /** I7: after a restart nothing that was committed is gone. */
  restarted(home: MemberId, height: number): void {
    const before = this.#reached.get(home) ?? 0;
    if (height < before) throw new Violation("I7", `${home} fell from ${before} to ${height}`);
  }

  /** The home's disk was replaced by one that is at `height`. */
  forgot(home: MemberId, height: number): void {
    this.#reached.set(home, height);
  }

  isRootChecked(height: number): boolean {
    return this.#agreed.get(height)?.isRootChecked ?? true;
  }

  /** I4: the state that a home has come to is the one that the block's header names. */
  reachedRoot(home: MemberId, height: number, root: string): void {
    const agreed = this.#agreed.get(height);
    if (agreed === undefined) return;
    agreed.isRootChecked = true;
    if (agreed.stateRoot !== root) throw new Violation("I4", `${home} is elsewhere at ${height}`);
  }

  /** L3: what a home keeps in memory has a limit, whoever talks to it. */
  memory(home: MemberId, { pending, messages, round }: AgentMemory): void {
    const n = this.#rules.validators.length;
    const most = PENDING_OF_LIAR_MAX * (this.#world.liars.size + 1) + PENDING_OF_HOME_MAX * (n + 1);
    if (pending > most) {
      throw new Violation("L3", `${home} keeps ${pending} transactions`);
    }
    // Two votes and a claimed one of each validator and a proposal in each round within reach, and of two
    // heights to come four rounds.
    const mostKept = (3 * n + 1) * (round + 1 + ROUNDS_AHEAD) + 2 * 4 * 3 * n;
    if (messages > mostKept) throw new Violation("L3", `${home} keeps ${messages} messages`);
  }

  /** I5, I6: tokens are neither made nor lost, and nobody owes any. */
  state(home: MemberId, state: LedgerState): void {
    let sum = 0n;
    for (const { memberId, balance, reserved } of state.members.values()) {
      sum += balance;
      if (balance < 0n) throw new Violation("I6", `${memberId} has ${balance} at ${home}`);
      if (reserved < 0n || reserved > balance) {
        throw new Violation("I6", `${memberId} reserves ${reserved} of ${balance}`);
      }
    }
    if (sum !== state.issued)
      throw new Violation("I5", `${sum} tokens of ${state.issued} at ${home}`);
  }

  #once(key: string, signBytes: Uint8Array): void {
    const digest = createHash("sha256").update(signBytes).digest("hex");
    const known = this.#signed.get(key);
    if (known !== undefined && known !== digest)
      throw new Violation("I8", `two messages for ${key}`);
    this.#signed.set(key, digest);
  }

  /** A prevote against an own lock needs a polka for the other block at or after the lock's round. */
  #checkLock(
    home: MemberId,
    vote: { height: number; round: number; blockId: string | null },
  ): void {
    const lock = this.#locks.get(`${home}/${vote.height}`);
    if (lock === undefined || vote.blockId === null || vote.blockId === lock.blockId) return;
    const n = this.seats(vote.height).length;
    for (let round = lock.round; round < vote.round; round += 1) {
      const voters = this.#prevotes.get(`${vote.height}/${round}/${vote.blockId}`);
      if (voters !== undefined && 3 * voters.size > 2 * n) return;
    }
    throw new Violation("I9", `${home} broke its lock at ${vote.height}/${vote.round}`);
  }

  #checkCertificate(block: CommittedBlock): void {
    const decoded = decodeCertificate(block.certificate);
    if (!decoded.ok) throw new Violation("I1", `no certificate at ${block.height}`);
    const { height, round, blockId, signatures } = decoded.value;
    if (height !== block.height || blockId !== block.blockId) {
      throw new Violation("I1", `the certificate at ${block.height} is for another block`);
    }
    const keys = new Map(this.seats(height).map((v) => [v.memberId, v.publicKey]));
    const message = voteSignBytes(this.#community, { vote: "precommit", height, round, blockId });
    const signers = new Set<MemberId>();
    for (const { validator, signature } of signatures) {
      const publicKey = keys.get(validator);
      if (publicKey === undefined)
        throw new Violation("I1", `${validator} signed and is no validator`);
      if (!this.#verifier.verify({ publicKey, message, signature })) {
        throw new Violation("I1", `bad signature of ${validator} at ${height}`);
      }
      signers.add(validator);
    }
    const n = keys.size;
    if (3 * signers.size <= 2 * n)
      throw new Violation("I1", `${signers.size} of ${n} signed ${height}`);
  }

  /** Who votes at `height`. */
  seats(height: number): Rules["validators"] {
    const isIn = (memberId: MemberId) => height < (this.#suspended.get(memberId) ?? height + 1);
    return this.#rules.validators.filter(({ memberId }) => isIn(memberId));
  }

  #firstCommit(block: CommittedBlock): void {
    this.#checkTime(block);
    for (const { id } of block.transactions) {
      if (this.#transactions.has(id)) throw new Violation("I3", `${id} is on the ledger twice`);
      this.#transactions.add(id);
    }
    if (block.transactions.length === 0 && block.events.length === 0) this.#emptyBlocks += 1;
    if (this.#emptyBlocks > EMPTY_BLOCKS_MAX) {
      throw new Violation("L3", `${this.#emptyBlocks} blocks in which nothing happens`);
    }
    for (const event of block.events) this.#checkMarket(event);
    for (const event of block.events) {
      if (event.type !== "evidence" || event.kind.endsWith("Offer")) continue;
      if (!this.#suspended.has(event.offender)) {
        this.#suspended.set(event.offender, block.height + 2);
      }
    }
    this.#firstCommitted(block);
  }

  /**
   * I2: monotone, and near the real time: no older than a proposal may be, and not ahead of the clock of
   * the first other home that voted for it (a fast clock's block may be a long time on its way).
   */
  #checkTime({ height, blockId, time }: CommittedBlock): void {
    const previous = this.#agreed.get(height - 1);
    if (previous !== undefined && time <= previous.time) {
      throw new Violation("I2", `time does not grow at ${height}`);
    }
    const proposed = this.#proposed.get(blockId);
    if (proposed === undefined) throw new Violation("I2", `nobody proposed the block at ${height}`);
    const { precision, messageDelay } = this.#rules.agreement;
    const tolerance = precision + HONEST_SKEW_MAX;
    const age = proposed.at - time;
    if (age > messageDelay * 1.1 ** proposed.round + tolerance) {
      throw new Violation("I2", `block ${height} is ${age} ms behind the real time`);
    }
    const ahead = time - (proposed.votedForAt ?? proposed.at);
    if (ahead > tolerance) {
      throw new Violation("I2", `block ${height} is ${ahead} ms ahead of the real time`);
    }
  }

  #checkMarket(event: LedgerEvent): void {
    if (event.type === "listingCreated") {
      const { listingId, deliveryStart } = event.listing;
      const closeBy = deliveryStart + this.#rules.timeline.closeWithin;
      const market = { offered: new Map(), wanted: new Map(), state: "open" as const, closeBy };
      this.#markets.set(listingId, market);
      return;
    }
    if (!("listingId" in event)) return;
    const market = this.#markets.get(event.listingId);
    if (market === undefined) throw new Violation("I6", `${event.listingId} was never created`);
    if (event.type === "pvOfferPlaced") market.offered.set(event.offer.pvId, event.offer.energy);
    if (event.type === "buyOfferPlaced") market.wanted.set(event.bid.memberId, event.bid.energy);
    if (event.type === "listingVoided") market.state = "VOID";
    if (event.type !== "biddingClosed") return;
    market.state = "CLEARED";
    this.#fills += event.fills.length;
    for (const { pvId, buyer, energy } of event.fills) {
      this.#take(market.offered, pvId, energy);
      this.#take(market.wanted, buyer, energy);
    }
  }

  /** I6: nobody sells more than offered or gets more than wanted. */
  #take(left: Map<string, number>, who: string, energy: number): void {
    const rest = (left.get(who) ?? 0) - energy;
    if (rest < 0 || energy <= 0) throw new Violation("I6", `${who} trades ${energy}, too much`);
    left.set(who, rest);
  }
}

/** For event logs: short and the same on every machine. */
export function short(id: string | Uint8Array): string {
  return (typeof id === "string" ? id : bytesToHex(id)).slice(0, 12);
}
