// One seed: a neighbourhood that trades while everything breaks, is then healed, and must recover.

import { createHash } from "node:crypto";
import {
  decodeConsensusMessage,
  encodeConsensusMessage,
  type Proposal,
  proposalSignBytes,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { TransactionCheck } from "../../agent/core/ledger/checkTransaction.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import {
  decodeTransaction,
  encodeTransaction,
  signTransaction,
  type Transaction,
} from "../../agent/core/ledger/transaction.ts";
import { wh } from "../../agent/core/units/energy.ts";
import type { BlockId, MemberId, TransactionId } from "../../agent/core/units/ids.ts";
import { milliTokensPerKwh } from "../../agent/core/units/money.ts";
import { MINUTE_MS, type UnixMs } from "../../agent/core/units/time.ts";
import type { Signer } from "../../agent/ports.ts";
import { type ChaosWorld, heal, planChaos } from "./chaos.ts";
import { type ClockFault, honestClock, wrongClock } from "./clockFault.ts";
import { Accusations } from "./evidence.ts";
import { Fairness } from "./fairness.ts";
import { SimulatedHome } from "./home.ts";
import { Invariants, short, Violation } from "./invariants.ts";
import { KnowingVerifier } from "./knowingVerifier.ts";
import type { Lie, Parcel } from "./liar.ts";
import { LIES } from "./lies/all.ts";
import { type Neighbour, type Neighbourhood, neighbourhood } from "./neighbourhood.ts";
import { type NetworkWatch, SimulatedNetwork } from "./network.ts";
import { Random } from "./random.ts";
import { drawScenario, RECOVERS_WITHIN, type Scenario } from "./scenario.ts";
import { Tally } from "./tally.ts";
import { Timeline } from "./timeline.ts";

const MESSAGES_KEPT = 400;
const PROPOSALS_KEPT = 8;
/** What a certified neighbour without a vote says, beside a block that it swapped; and who copied a card. */
export const ATTACKS = ["garbage", "replay", "stranger", "nonMemberVote", "copiedCard"] as const;
/** In calm weather what is said is on the ledger, everywhere, within this time; and where some lie. */
const SETTLES_WITHIN = 15_000;
const SETTLES_DESPITE_LIARS_WITHIN = 90_000;
/** Before there is a block: a validator that first starts after one is held back until the next. */
const ALL_START_WITHIN = 300;
const MEMORY_LOOKED_AT_EVERY = 5000;
/** A liar tells so many lies at most. */
const LIES_PER_LIAR_MAX = 3;

export type SimulationOptions = {
  readonly seed: number;
  /** Validators; null: drawn from the seed, 4, 7 or 13. */
  readonly validators: number | null;
  /** null: drawn from the seed. */
  readonly chaosMinutes: number | null;
  /** Foul weather all the time: fewer blocks, many rounds. */
  readonly foulWeather: boolean;
  /** Every validator that may lie does, and tells the lies whose names hold this; null: drawn from the seed. */
  readonly lies: string | null;
  readonly forgetsVotes: boolean;
  readonly takesDoubleSigns: boolean;
  /** Called with each line of the event log. */
  readonly trace: ((line: string) => void) | null;
};

export const DEFAULT_OPTIONS: Omit<SimulationOptions, "seed"> = {
  validators: null,
  chaosMinutes: null,
  foulWeather: false,
  lies: null,
  forgetsVotes: false,
  takesDoubleSigns: false,
  trace: null,
};

export type SimulationReport = {
  readonly seed: number;
  readonly validators: number;
  readonly scenario: Scenario;
  /** Validators that lie. */
  readonly liars: number;
  /** How often each fault came. */
  readonly faults: Readonly<Record<string, number>>;
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
  readonly #scenario: Scenario;
  readonly #tally = new Tally();
  readonly #liars = new Set<MemberId>();
  /** Validators with which nothing is the matter. */
  readonly #honest = new Set<MemberId>();
  /** Whose clocks are wrong. */
  readonly #astray = new Set<MemberId>();
  /** Whose databases are lost now and then. */
  readonly #forgetful = new Set<MemberId>();
  /** Cards that somebody else signs with too. */
  readonly #copied: Signer[] = [];
  #isHealed = false;
  readonly #verifier = new KnowingVerifier();
  readonly #log = createHash("sha256");
  readonly #neighbourhood: Neighbourhood;
  readonly #rules: Rules;
  readonly #invariants: Invariants;
  readonly #fairness: Fairness;
  readonly #accusations: Accusations;
  readonly #network: SimulatedNetwork;
  readonly #homes: readonly SimulatedHome[];
  readonly #checks = new TransactionCheck(this.#verifier);
  readonly #lastBids = new Map<string, number>();
  /** Transactions that were gossiped: all honest, some hostile copies. */
  readonly #overheard: { from: MemberId; message: Uint8Array }[] = [];
  /** The newest proposals, oldest first. */
  readonly #proposals: (Proposal & { readonly type: "proposal" })[] = [];

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#mischief = this.#random.fork();
    this.#scenario = drawScenario(options, this.#random.fork());
    const { validators, epoch } = this.#scenario;
    this.#neighbourhood = neighbourhood({ validators, followers: 1 });
    this.#rules = this.#neighbourhood.rules;
    const now = () => epoch + this.#timeline.now;
    const honest = this.#honest;
    const reporters = new Set<MemberId>();
    const homes = new Map<MemberId, SimulatedHome>();
    const faults = this.#drawFaults();
    for (const [i, { signer }] of this.#neighbourhood.neighbours.entries()) {
      const { memberId } = signer;
      const fault = faults[i];
      if (fault?.lies !== undefined) this.#liars.add(memberId);
      if (fault?.clock !== undefined) this.#astray.add(memberId);
      if (fault?.losesDatabase === true) this.#forgetful.add(memberId);
      if (fault?.isCopied === true) this.#copied.push(signer);
      if (fault === undefined && i < validators) honest.add(memberId);
      if (fault === undefined || fault.clock !== undefined) reporters.add(memberId);
    }
    this.#fairness = new Fairness({
      ...{ rules: this.#rules, honest, liars: this.#liars, now },
      seats: (height) => this.#invariants.seats(height).length,
      clockOf: (home) => homes.get(home)?.now() ?? now(),
    });
    this.#accusations = new Accusations({
      ...{ rules: this.#rules, verifier: this.#verifier, liars: this.#liars, reporters },
      copied: new Set(this.#copied.map(({ memberId }) => memberId)),
      home: (id) => homes.get(id) ?? null,
    });
    this.#invariants = new Invariants({
      ...{ rules: this.#rules, verifier: this.#verifier, honest, liars: this.#liars, now },
      firstCommitted: (block) => {
        this.#fairness.committed(block);
        this.#accusations.committed(block);
      },
    });
    const watch: NetworkWatch = {
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
        if (from === ATTACKER || this.#liars.has(from)) return;
        throw new Violation("I11", `${by} punished honest ${from}`);
      },
    };
    const random = this.#random.fork();
    this.#network = new SimulatedNetwork(this.#timeline, random, watch, this.#tally);
    this.#homes = this.#neighbourhood.neighbours.map((one, i) => this.#home(one, faults[i]));
    for (const home of this.#homes) homes.set(home.id, home);
  }

  run(): SimulationReport {
    let violation: SimulationReport["violation"] = null;
    const { day } = this.#scenario;
    if (day !== "usual") this.#tally.count(day);
    try {
      this.#play();
    } catch (error) {
      violation = { ...asViolation(error), atMs: this.#timeline.now };
    }
    const listings = [...this.#invariants.listings.values()];
    return {
      seed: this.#options.seed,
      validators: this.#rules.validators.length,
      scenario: this.#scenario,
      liars: this.#liars.size,
      faults: this.#tally.all(),
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
      this.#timeline.plan(this.#random.integer(0, ALL_START_WITHIN), () => home.start());
    this.#holdBack();
    this.#watchMemory();
    const { chaos, absence, lastClose } = this.#scenario;
    const chaosEnds = chaos + absence;
    const world: ChaosWorld = {
      timeline: this.#timeline,
      network: this.#network,
      random: this.#random.fork(),
      homes: this.#homes,
      forgetful: this.#homes.filter(({ id }) => this.#forgetful.has(id)),
      copies: new Map(),
      tally: this.#tally,
      isFoul: this.#options.foulWeather,
      attack: (random) => this.#attack(random),
    };
    planChaos(world, chaos);
    this.#keepChangingMinds(this.#random.fork(), chaosEnds);
    this.#until(chaos);
    if (absence > 0) this.#desert(world);
    this.#until(chaosEnds);
    heal(world);
    this.#isHealed = true;
    this.#fairness.calm();
    this.#note("healed");
    const settles = this.#liars.size > 0 ? SETTLES_DESPITE_LIARS_WITHIN : SETTLES_WITHIN;
    this.#until(chaosEnds + RECOVERS_WITHIN - settles);
    this.#accusations.enough();
    const honest = this.#homes.filter(({ id }) => !this.#liars.has(id));
    const height = Math.max(...honest.map(({ disk }) => disk.height));
    const said = new Set(honest.flatMap((home) => this.#mustLand(home)));
    this.#until(chaosEnds + RECOVERS_WITHIN);
    this.#mustHaveRecovered(honest, height, said);
    this.#accusations.mustHaveNamed();
    if (lastClose !== null) {
      // Past a closing, so that every listing opened before it has ended.
      this.#crowdTheCutoff(this.#random.fork(), lastClose - MINUTE_MS);
      this.#until(lastClose + 2 * MINUTE_MS);
    }
    this.#mustHaveEnded();
  }

  #now(): UnixMs {
    return (this.#scenario.epoch + this.#timeline.now) as UnixMs;
  }

  #until(time: number): void {
    while (this.#timeline.step(time));
  }

  /** What a home has said and the ledger can take: a validator without a seat keeps its receipt. */
  #mustLand({ id, disk }: SimulatedHome): TransactionId[] {
    // What is too early by the others' clocks they do not take.
    if (this.#astray.has(id)) return [];
    const seats = this.#invariants.seats(disk.height + 1);
    const isSeated = seats.some(({ memberId }) => memberId === id);
    return disk.ownPending.flatMap((own) => {
      const decoded = decodeTransaction(communityId(this.#rules), own.bytes);
      const isReceipt = decoded.ok && decoded.value.payload.type === "receipt";
      return isReceipt && !isSeated ? [] : [own.id];
    });
  }

  /** One home is not there from the beginning. */
  #holdBack(): void {
    const { joinsLate } = this.#scenario;
    if (joinsLate === null) return;
    const home = this.#random.pick(this.#mayJoinLate());
    home.leave();
    this.#tally.count("one joins late");
    this.#timeline.plan(joinsLate, () => {
      home.comeBack();
      home.start();
    });
  }

  /**
   * A validator that starts when there are blocks is held back until the next one, as one that was wiped: until
   * then it is one of those that the community can bear.
   */
  #mayJoinLate(): readonly SimulatedHome[] {
    const n = this.#rules.validators.length;
    const isFull = n - this.#honest.size >= Math.floor((n - 1) / 3);
    return isFull ? this.#homes.filter(({ id }) => !this.#honest.has(id)) : this.#homes;
  }

  /** The weather is calm, but so many are gone that nothing can be agreed. */
  #desert(world: ChaosWorld): void {
    heal(world);
    this.#tally.count("more than a third gone for hours");
    const n = this.#rules.validators.length;
    const gone = this.#random.integer(Math.ceil(n / 3), n);
    for (const home of this.#homes.slice(0, gone)) home.leave();
  }

  /** L3. */
  #watchMemory(): void {
    this.#timeline.plan(MEMORY_LOOKED_AT_EVERY, () => {
      for (const { id, agent } of this.#homes) {
        if (agent !== null) this.#invariants.memory(id, agent.memory());
      }
      this.#watchMemory();
    });
  }

  /** L1: all are at `height` at least, and everything that was `said` is on the ledger. */
  #mustHaveRecovered(
    homes: readonly SimulatedHome[],
    height: number,
    said: ReadonlySet<TransactionId>,
  ): void {
    const heights = homes.map(({ disk }) => disk.height);
    if (Math.min(...heights) < height) throw new Violation("L1", `heights ${heights.join(" ")}`);
    for (const home of homes) {
      const left = home.disk.ownPending.filter((own) => said.has(own.id));
      for (const { id, bytes } of left) {
        const read = decodeTransaction(communityId(this.#rules), bytes);
        const kind = read.ok ? read.value.payload.type : "what nobody can read";
        if (read.ok && this.#isSpent(home, read.value)) continue;
        throw new Violation("L1", `${home.id} still waits for ${kind} ${short(id)}`);
      }
    }
  }

  /** An offer that the ledger refuses stays on the disk, so that its number is not signed again. */
  #isSpent({ agent }: SimulatedHome, transaction: Transaction): boolean {
    const { type } = transaction.payload;
    if (agent === null || (type !== "pvOffer" && type !== "buyOffer")) return false;
    const checked = this.#checks.check(agent.ledger(), transaction, this.#now());
    return !checked.ok;
  }

  /** L2: no listing stays open. */
  #mustHaveEnded(): void {
    const now = this.#now();
    for (const [listingId, { state, closeBy }] of this.#invariants.listings) {
      if (state === "open" && closeBy < now) throw new Violation("L2", `${listingId} never ended`);
    }
    const hours = this.#invariants.listings.size;
    if (hours < 1) throw new Violation("L2", "no listing was ever created");
  }

  /** By place: of the validators as many as may have something that is the matter with them. */
  #drawFaults(): readonly (ValidatorFault | undefined)[] {
    const random = this.#random;
    const n = this.#rules.validators.length;
    const faults: (ValidatorFault | undefined)[] = Array.from({ length: n });
    for (let left = Math.floor((n - 1) / 3); left > 0; left -= 1) {
      const place = random.integer(0, n - 1);
      const { lies } = this.#options;
      if (lies !== null) faults[place] = { lies: LIES.filter(({ name }) => name.includes(lies)) };
      else faults[place] ??= this.#drawFault(n + left);
    }
    return faults;
  }

  #drawFault(turn: number): ValidatorFault | undefined {
    const random = this.#random;
    if (random.chance(0.15)) return undefined;
    // Blocks of such a clock must not pass, and its receipts gain nothing.
    if (random.chance(0.2)) return { clock: wrongClock(random, this.#scenario.chaos) };
    if (random.chance(0.2)) return { losesDatabase: true };
    if (random.chance(0.15)) return { isCopied: true };
    return { lies: this.#drawLies(turn) };
  }

  /** The first goes round the menu, so that few seeds in a row have them all. */
  #drawLies(turn: number): readonly Lie[] {
    const first = LIES[(this.#options.seed + turn) % LIES.length];
    const more = Array.from({ length: this.#random.integer(0, LIES_PER_LIAR_MAX - 1) }, () =>
      this.#random.pick(LIES),
    );
    return [...new Set([...(first === undefined ? [] : [first]), ...more])];
  }

  /** A lie on the wire, noted by those who watch. */
  #lie(from: MemberId, { to, topic, message, isRelayed }: Parcel): void {
    this.#note(`${from} lies ${topic} ${createHash("sha256").update(message).digest("hex")}`);
    if (topic === "consensus") this.#invariants.published(from, message);
    else this.#fairness.lied(from, message);
    if (to === null) this.#network.broadcast(from, topic, message);
    for (const one of to ?? []) {
      this.#network.whisper({ from, to: one, topic, message, isRelayed });
    }
  }

  #home(neighbour: Neighbour, fault: ValidatorFault | undefined): SimulatedHome {
    const random = this.#random;
    const clock = fault?.clock ?? honestClock(random);
    if (fault?.clock !== undefined) this.#tally.count("clock wrong and sure of itself");
    if (fault === undefined && clock.drift !== 0) this.#tally.count("clock drifts by 200 ppm");
    const { forgetsVotes, takesDoubleSigns } = this.#options;
    const diskFaults = { forgetsVotes, takesDoubleSigns };
    const signer = this.#verifier.watch(neighbour.signer);
    return new SimulatedHome(
      {
        ...{ ...neighbour, signer, clock, diskFaults },
        lies: fault?.lies ?? [],
        isCopied: fault?.isCopied ?? false,
      },
      {
        timeline: this.#timeline,
        network: this.#network,
        random: random.fork(),
        invariants: this.#invariants,
        fairness: this.#fairness,
        verifier: this.#verifier,
        epoch: this.#scenario.epoch,
        tally: this.#tally,
        lie: (from, parcel) => this.#lie(from, parcel),
        log: (home, line) => this.#note(`${home} ${line}`),
      },
    );
  }

  /** Members amend their bids now and then, so that blocks come at any time. */
  #keepChangingMinds(random: Random, until: number): void {
    const wait = random.integer(5000, 90_000);
    if (this.#timeline.now + wait >= until) return;
    this.#timeline.plan(wait, () => {
      // With even seeds sellers bid at the cut-off first: a bid from before is not amended any more by then.
      const isEven = this.#options.seed % 2 === 0;
      const homes = this.#homes.filter((_, i) => !isEven || i % 2 === 1);
      this.#changeMind(random.pick(homes), random);
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
    const placed = open.buyOffers.get(home.id)?.sequence ?? 0;
    // Who knows that its database is gone remembers what it bid, or its card is named for two bids.
    const key = `${home.id} ${open.listingId}`;
    const last = this.#forgetful.has(home.id) ? (this.#lastBids.get(key) ?? 0) : 0;
    const sequence = Math.max(placed, last) + random.integer(1, 3);
    this.#lastBids.set(key, sequence);
    const energy = wh(random.integer(0, 8) * 250);
    const bidPrice = milliTokensPerKwh(random.integer(1000, 9000));
    // It would say a number again that an earlier life has said with another content, and be named for it.
    if (home.hasForgotten) return;
    home.run("changes its mind", () =>
      agent.submit(
        { type: "buyOffer", listingId: open.listingId, sequence, energy, bidPrice },
        () => {},
      ),
    );
  }

  /** Rubbish, replays, forged transactions, votes of those who have none. */
  #attack(random: Random): void {
    const kinds = ATTACKS.filter((one) => one !== "copiedCard" || this.#copied.length > 0);
    const kind = random.pick(kinds);
    this.#tally.count(`attack: ${kind}`);
    if (kind === "copiedCard") this.#voteTwice(random.pick(this.#copied), random);
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
    this.#tally.count("attack: a swapped block");
    const isRelayed = true;
    this.#network.whisper({ from: ATTACKER, to, topic: "consensus", message, isRelayed });
  }

  /** Somebody signs with a copied card: two votes for one step, or two proposals. */
  #voteTwice(copied: Signer, random: Random): void {
    const own = this.#proposals.findLast(({ proposer }) => proposer === copied.memberId);
    if (own !== undefined && random.chance(0.3)) {
      const later = { ...own, time: (own.time + 1) as UnixMs };
      const signature = copied.sign(proposalSignBytes(communityId(this.#rules), later));
      this.#say("consensus", encodeConsensusMessage({ ...later, signature }));
      return;
    }
    const at = this.#proposals.at(-1);
    if (at === undefined) return;
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

/** What is the matter with a validator: only as many as the community can bear have one of these. */
type ValidatorFault = {
  readonly clock?: ClockFault;
  readonly lies?: readonly Lie[];
  /** Now and then, or an older copy is restored. */
  readonly losesDatabase?: true;
  /** Somebody else has its key, too. */
  readonly isCopied?: true;
};

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
