// One seed: a neighbourhood that trades while everything breaks, is then healed, and must recover.

import { createHash } from "node:crypto";
import {
  decodeConsensusMessage,
  encodeConsensusMessage,
  type Proposal,
  proposalSignBytes,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import {
  decodeTransaction,
  encodeTransaction,
  signTransaction,
} from "../../agent/core/ledger/transaction.ts";
import { wh } from "../../agent/core/units/energy.ts";
import type { BlockId, MemberId, TransactionId } from "../../agent/core/units/ids.ts";
import { milliTokensPerKwh } from "../../agent/core/units/money.ts";
import { HOUR_MS, MINUTE_MS, type UnixMs } from "../../agent/core/units/time.ts";
import type { Signer } from "../../agent/ports.ts";
import { type ChaosWorld, heal, planChaos } from "./chaos.ts";
import { Accusations } from "./evidence.ts";
import { Fairness } from "./fairness.ts";
import { SimulatedHome } from "./home.ts";
import { HONEST_SKEW_MAX, Invariants, short, Violation } from "./invariants.ts";
import { type Neighbour, type Neighbourhood, neighbourhood } from "./neighbourhood.ts";
import { SimulatedNetwork } from "./network.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";

/** Ten minutes before the hour: the first listing opens eleven minutes later. */
const EPOCH = Date.UTC(2026, 5, 1, 9, 50);
const MESSAGES_KEPT = 400;
const PROPOSALS_KEPT = 8;
type Fault = "clock" | "receipts" | "disk" | undefined;
const ATTACKS = [
  ...(["garbage", "replay", "stranger", "nonMemberVote"] as const),
  ...(["twoVotes", "twoVotes"] as const),
];
/** In a street where a disk is lost, a card is copied only after this long. */
const COPIED_AFTER = 40 * MINUTE_MS;
/** After healing, everything that was said must be on the ledger within this time. */
const RECOVERS_WITHIN = 10 * MINUTE_MS;
/** In calm weather what is said is on the ledger, everywhere, within this time. */
const SETTLES_WITHIN = 15_000;

export type SimulationOptions = {
  readonly seed: number;
  /** Validators; null: drawn from the seed out of 4, 6 and 7. */
  readonly validators: number | null;
  readonly chaosMinutes: number;
  /** Foul weather all the time: fewer blocks, many rounds. */
  readonly foulWeather: boolean;
  readonly forgetsVotes: boolean;
  readonly takesDoubleSigns: boolean;
  /** Called with each line of the event log. */
  readonly trace: ((line: string) => void) | null;
};

export const DEFAULT_OPTIONS: Omit<SimulationOptions, "seed"> = {
  validators: null,
  chaosMinutes: 70,
  foulWeather: false,
  forgetsVotes: false,
  takesDoubleSigns: false,
  trace: null,
};

export type SimulationReport = {
  readonly seed: number;
  readonly validators: number;
  readonly heights: number;
  readonly cleared: number;
  readonly voided: number;
  readonly fills: number;
  readonly transactions: number;
  /** Offers that took part though their block came after the cut-off. */
  readonly lateInTime: number;
  /** SHA-256 of the event log: the same seed gives the same. */
  readonly hash: string;
  readonly violation: {
    readonly rule: string;
    readonly what: string;
    readonly atMs: number;
  } | null;
};

export function simulate(options: SimulationOptions): SimulationReport {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #timeline = new Timeline();
  readonly #random: Random;
  readonly #mischief: Random;
  #isHealed = false;
  readonly #isForgetful: boolean;
  readonly #verifier = new Verifier();
  readonly #log = createHash("sha256");
  readonly #neighbourhood: Neighbourhood;
  readonly #rules: Rules;
  readonly #invariants: Invariants;
  readonly #fairness: Fairness;
  readonly #accusations: Accusations;
  readonly #network: SimulatedNetwork;
  readonly #homes: readonly SimulatedHome[];
  /** Transactions that were gossiped: all honest, some hostile copies. */
  readonly #overheard: { from: MemberId; message: Uint8Array }[] = [];
  /** The newest proposals, oldest first. */
  readonly #proposals: (Proposal & { readonly type: "proposal" })[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#mischief = this.#random.fork();
    const validators = options.validators ?? this.#random.pick([4, 4, 7, 6]);
    this.#neighbourhood = neighbourhood({ validators, followers: 1 });
    this.#rules = this.#neighbourhood.rules;
    const now = () => EPOCH + this.#timeline.now;
    const honest = new Set<MemberId>();
    const homes = new Map<MemberId, SimulatedHome>();
    const backdaters = new Set<MemberId>();
    this.#fairness = new Fairness({
      ...{ rules: this.#rules, honest, now },
      seats: (height) => this.#invariants.seats(height).length,
      clockOf: (home) => homes.get(home)?.now() ?? now(),
    });
    this.#accusations = new Accusations({
      rules: this.#rules,
      verifier: this.#verifier,
      copied: this.#neighbourhood.neighbours[0]?.signer.memberId ?? null,
      backdates: (home) => backdaters.has(home),
      home: (id) => homes.get(id) ?? null,
    });
    this.#invariants = new Invariants(this.#rules, this.#verifier, now, (block) => {
      this.#fairness.committed(block);
      this.#accusations.committed(block);
    });
    this.#network = new SimulatedNetwork(this.#timeline, this.#random.fork(), {
      published: (from, topic, message) => {
        this.#note(`${from} says ${topic} ${createHash("sha256").update(message).digest("hex")}`);
        if (topic === "consensus") {
          this.#invariants.published(from, message);
          this.#overhearProposal(message);
        } else if (this.#overheard.length < MESSAGES_KEPT) this.#overheard.push({ from, message });
      },
      received: (to, topic, message) => {
        if (topic === "transaction") this.#fairness.reached(to, message);
        else this.#accusations.reached(to, message);
      },
      punished: (from, by) => {
        if (from !== ATTACKER) throw new Violation("I11", `${by} punished honest ${from}`);
      },
    });
    const faults = this.#drawFaults();
    this.#isForgetful = faults[0] === "disk";
    this.#homes = this.#neighbourhood.neighbours.map((one, i) => this.#home(one, faults[i]));
    for (const [i, home] of this.#homes.entries()) {
      homes.set(home.id, home);
      // The first one's key is copied in the end, see #voteTwice.
      if (faults[i] === undefined && i > 0 && i < validators) honest.add(home.id);
      if (faults[i] === "receipts") backdaters.add(home.id);
    }
  }

  run(): SimulationReport {
    let violation: SimulationReport["violation"] = null;
    try {
      this.#play();
    } catch (error) {
      violation = { ...asViolation(error), atMs: this.#timeline.now };
    }
    const listings = [...this.#invariants.listings.values()];
    return {
      seed: this.#options.seed,
      validators: this.#rules.validators.length,
      heights: this.#invariants.height,
      cleared: listings.filter(({ state }) => state === "CLEARED").length,
      voided: listings.filter(({ state }) => state === "VOID").length,
      fills: this.#invariants.fills,
      transactions: this.#invariants.transactions,
      lateInTime: this.#fairness.lateInTime,
      hash: this.#log.digest("hex"),
      violation,
    };
  }

  #play(): void {
    for (const home of this.#homes)
      this.#timeline.plan(this.#random.integer(0, 3000), () => home.start());
    const chaosEnds = this.#options.chaosMinutes * MINUTE_MS;
    const world: ChaosWorld = {
      timeline: this.#timeline,
      network: this.#network,
      random: this.#random.fork(),
      homes: this.#homes,
      forgetful: this.#isForgetful ? (this.#homes[0] ?? null) : null,
      isFoul: this.#options.foulWeather,
      attack: (random) => this.#attack(random),
    };
    planChaos(world, chaosEnds);
    this.#keepChangingMinds(this.#random.fork(), chaosEnds);
    this.#until(chaosEnds);
    heal(world);
    this.#isHealed = true;
    this.#fairness.calm();
    this.#note("healed");
    this.#until(chaosEnds + RECOVERS_WITHIN - SETTLES_WITHIN);
    this.#accusations.enough();
    const height = Math.max(...this.#homes.map(({ disk }) => disk.height));
    const said = new Set(this.#homes.flatMap((home) => this.#mustLand(home)));
    this.#until(chaosEnds + RECOVERS_WITHIN);
    this.#mustHaveRecovered(height, said);
    this.#accusations.mustHaveNamed();
    // Past the next closing, so that every listing opened before it has ended.
    const nextHour = Math.ceil((EPOCH + this.#timeline.now) / HOUR_MS) * HOUR_MS - EPOCH;
    this.#crowdTheCutoff(this.#random.fork(), nextHour - MINUTE_MS);
    this.#until(nextHour + 2 * MINUTE_MS);
    this.#mustHaveEnded();
  }

  #until(time: number): void {
    while (this.#timeline.step(time));
  }

  /** What a home has said and the ledger can take: a validator without a seat keeps its receipt. */
  #mustLand({ id, disk }: SimulatedHome): TransactionId[] {
    const seats = this.#invariants.seats(disk.height + 1);
    const isSeated = seats.some(({ memberId }) => memberId === id);
    return disk.ownPending.flatMap((own) => {
      const decoded = decodeTransaction(communityId(this.#rules), own.bytes);
      const isReceipt = decoded.ok && decoded.value.payload.type === "receipt";
      return isReceipt && !isSeated ? [] : [own.id];
    });
  }

  /** L1: all are at `height` at least, and everything that was `said` is on the ledger. */
  #mustHaveRecovered(height: number, said: ReadonlySet<TransactionId>): void {
    const heights = this.#homes.map(({ disk }) => disk.height);
    if (Math.min(...heights) < height) throw new Violation("L1", `heights ${heights.join(" ")}`);
    for (const { id, disk } of this.#homes) {
      const left = disk.ownPending.find((own) => said.has(own.id));
      if (left !== undefined) throw new Violation("L1", `${id} still waits for ${short(left.id)}`);
    }
  }

  /** L2: no listing stays open. */
  #mustHaveEnded(): void {
    const now = EPOCH + this.#timeline.now;
    for (const [listingId, { state, closeBy }] of this.#invariants.listings) {
      if (state === "open" && closeBy < now) throw new Violation("L2", `${listingId} never ended`);
    }
    const hours = this.#invariants.listings.size;
    if (hours < 1) throw new Violation("L2", "no listing was ever created");
  }

  /** Of the first validators, as many as may: a clock that is far off, receipts that lie, a lost disk. */
  #drawFaults(): readonly Fault[] {
    const f = Math.floor((this.#rules.validators.length - 1) / 3);
    return Array.from({ length: f }, (_, i) => {
      if (i === 0 && this.#random.chance(0.4)) return "clock";
      if (i === 0 && this.#random.chance(0.5)) return "disk";
      return this.#random.chance(0.6) ? "receipts" : undefined;
    });
  }

  #home(neighbour: Neighbour, fault: Fault): SimulatedHome {
    const random = this.#random;
    const honest = random.integer(-HONEST_SKEW_MAX, HONEST_SKEW_MAX);
    // Blocks of a clock that is far off must not pass, and its receipts gain nothing.
    const skew = fault === "clock" ? random.pick([-45_000, -20_000, 5_000, 30_000]) : honest;
    const backdates = fault === "receipts";
    const isCopied = neighbour === this.#neighbourhood.neighbours[0];
    const { forgetsVotes, takesDoubleSigns } = this.#options;
    return new SimulatedHome(
      { ...neighbour, skew, backdates, isCopied, diskFaults: { forgetsVotes, takesDoubleSigns } },
      {
        timeline: this.#timeline,
        network: this.#network,
        random: random.fork(),
        invariants: this.#invariants,
        fairness: this.#fairness,
        verifier: this.#verifier,
        epoch: EPOCH,
        log: (home, line) => this.#note(`${home} ${line}`),
      },
    );
  }

  /** Members amend their bids now and then, so that blocks come at any time. */
  #keepChangingMinds(random: Random, until: number): void {
    const wait = random.integer(5000, 90_000);
    if (this.#timeline.now + wait >= until) return;
    this.#timeline.plan(wait, () => {
      this.#changeMind(random.pick(this.#homes), random);
      this.#keepChangingMinds(random, until);
    });
  }

  /** Around the cut-off everybody bids once more, some of them for the first time. */
  #crowdTheCutoff(random: Random, cutoff: number): void {
    // The first starts the blocks, so that they fall on other moments for each seed.
    const first = cutoff - random.integer(800, 2600);
    for (const home of this.#homes) {
      const at = first + random.integer(0, 2000);
      this.#timeline.plan(at - this.#timeline.now, () => this.#changeMind(home, random));
    }
  }

  #changeMind(home: SimulatedHome, random: Random): void {
    const { agent } = home;
    const state = agent?.ledger();
    const open = [...(state?.listings.values() ?? [])].find((l) => l.state === "ACCEPT_OFFERS");
    if (agent === null || agent === undefined || open === undefined) return;
    const sequence = (open.buyOffers.get(home.id)?.sequence ?? 0) + random.integer(1, 3);
    const energy = wh(random.integer(0, 8) * 250);
    const bidPrice = milliTokensPerKwh(random.integer(1000, 9000));
    home.run("changes its mind", () =>
      agent.submit(
        { type: "buyOffer", listingId: open.listingId, sequence, energy, bidPrice },
        () => {},
      ),
    );
  }

  /** Rubbish, replays, forged transactions, votes of those who have none. */
  #attack(random: Random): void {
    const kind = random.pick(ATTACKS);
    const { outsider, neighbours } = this.#neighbourhood;
    if (kind === "garbage") {
      const message = Uint8Array.from({ length: random.integer(0, 200) }, () =>
        random.integer(0, 255),
      );
      this.#say(random.pick(["transaction", "consensus"] as const), message);
    }
    if (kind === "replay" && this.#overheard.length > 0) {
      const { message } = random.pick(this.#overheard);
      const tampered = message.slice();
      if (random.chance(0.5)) tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
      this.#say("transaction", tampered);
    }
    if (kind === "stranger") this.#say("transaction", this.#forgedGrant(outsider));
    if (kind === "twoVotes") this.#voteTwice(random);
    const follower = neighbours.at(-1);
    if (kind === "nonMemberVote" && follower !== undefined) this.#voteOf(follower.signer, random);
  }

  #forgedGrant(outsider: Signer): Uint8Array {
    const community = communityId(this.#rules);
    const memberId = outsider.memberId;
    const payload = {
      type: "grant",
      sequence: 1,
      memberId,
      amount: 10n ** 9n,
      reason: "",
    } as const;
    const unsigned = { author: null, payload: payload as never };
    return encodeTransaction(community, signTransaction(community, unsigned, outsider.sign));
  }

  /** A card that is no validator's votes for whatever is under way. */
  #voteOf({ memberId, sign }: Signer, random: Random): void {
    const at = this.#invariants.lastProposal;
    if (at === null) return;
    const vote = random.pick(["prevote", "precommit"] as const);
    const blockId = random.chance(0.7) ? (at.blockId as BlockId) : null;
    const subject = { vote, height: at.height, round: at.round, blockId };
    const signature = sign(voteSignBytes(communityId(this.#rules), subject));
    const message = { type: "vote", ...subject, validator: memberId, signature } as const;
    this.#say("consensus", encodeConsensusMessage(message));
  }

  #overhearProposal(message: Uint8Array): void {
    const decoded = decodeConsensusMessage(message);
    if (!decoded.ok || decoded.value.type !== "proposal") return;
    this.#proposals.push(decoded.value);
    // At once, while somebody is still a height behind.
    if (!this.#isHealed && this.#mischief.chance(0.1)) this.#swapBlock(this.#mischief);
    if (this.#proposals.length > PROPOSALS_KEPT) this.#proposals.shift();
  }

  /** A true signature around another block, told to one home alone, which may be a height behind. */
  #swapBlock(random: Random): void {
    const proposal = this.#proposals.at(-1);
    if (proposal === undefined) return;
    const { block } = random.pick(this.#proposals);
    const message = encodeConsensusMessage({ ...proposal, block });
    const lowest = Math.min(...this.#homes.map(({ disk }) => disk.height));
    const { id: to } = random.pick(this.#homes.filter(({ disk }) => disk.height === lowest));
    this.#note(`attack with a swapped block on ${to}`);
    this.#network.whisper({ from: ATTACKER, to }, "consensus", message);
  }

  /** One of the validators that may lie had its card copied: two votes for one step, or two proposals. */
  #voteTwice(random: Random): void {
    // One with faults anyway, for it stops when it notices; and not before it has lost its disk.
    if (this.#isForgetful && this.#timeline.now < COPIED_AFTER) return;
    const copied = this.#neighbourhood.neighbours[0]?.signer;
    const own = this.#proposals.findLast(({ proposer }) => proposer === copied?.memberId);
    if (own !== undefined && copied !== undefined && random.chance(0.3)) {
      const later = { ...own, time: (own.time + 1) as UnixMs };
      const signature = copied.sign(proposalSignBytes(communityId(this.#rules), later));
      this.#say("consensus", encodeConsensusMessage({ ...later, signature }));
      return;
    }
    const at = this.#proposals.at(-1);
    if (copied === undefined || at === undefined) return;
    const vote = random.pick(["prevote", "precommit"] as const);
    const { height } = at;
    const round = at.round + random.integer(0, 1);
    const known = this.#proposals.filter((one) => one.height === height);
    for (const blockId of [random.pick(known).blockId, random.pick([null, at.blockId])]) {
      const subject = { vote, height, round, blockId };
      const signature = copied.sign(voteSignBytes(communityId(this.#rules), subject));
      const validator = copied.memberId;
      const message = { type: "vote", ...subject, validator, signature } as const;
      this.#invariants.voted(copied.memberId, message);
      this.#say("consensus", encodeConsensusMessage(message));
    }
  }

  #say(topic: "transaction" | "consensus", message: Uint8Array): void {
    this.#note(`attack ${topic} ${short(createHash("sha256").update(message).digest("hex"))}`);
    this.#network.broadcast(ATTACKER, topic, message);
  }

  #note(line: string): void {
    const full = `${this.#timeline.now} ${line}`;
    this.#log.update(full).update("\n");
    this.#options.trace?.(full);
  }
}

/** A certified neighbour that lies on the wire. */
const ATTACKER = "mallory@vt.edu" as MemberId;

/** An assertion of the agent that fails is a violation like any other; everything else is thrown on. */
function asViolation(error: unknown): { rule: string; what: string } {
  if (error instanceof Violation) return { rule: error.rule, what: error.message };
  if (error instanceof Error && error.message.startsWith("Bug:")) {
    return {
      rule: "assertion",
      what: `${error.message} ${error.stack?.split("\n")[2]?.trim() ?? ""}`,
    };
  }
  throw error;
}
