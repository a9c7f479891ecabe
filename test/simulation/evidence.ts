// Who is accused, and who is not, checked from what got to each home and what was committed:
//
//   I11  nobody is accused but validators that lie (what their homes keep for themselves is signed too), and of
//        two votes or proposals a card that was copied
//   I12  two votes or proposals that one honest home has heard, while they were of its height or of one just
//        over, in one life, end on the ledger
//
// What a home heard and then lost with its power is left to the others that heard it.

import { bytesToHex } from "../../agent/core/codec/hex.ts";
import {
  type ConsensusMessage,
  decodeConsensusMessage,
  proposalSignBytes,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { CommunityId, MemberId } from "../../agent/core/units/ids.ts";
import type { CommittedBlock } from "../../agent/ports.ts";
import { Violation } from "./invariants.ts";

/** Heights back that every home must remember; fewer than it does. */
const HEIGHTS_BACK = 8;
/** Rounds ahead of the first that every home must count. */
const ROUNDS_MAX = 8;
/** The ledger names a card that has no seat so often at least. */
const NAMED_ENOUGH = 16;

export type AccusationsWorld = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  /** Cards that somebody else signs with too. */
  readonly copied: ReadonlySet<MemberId>;
  /** Validators that say what they like. */
  readonly liars: ReadonlySet<MemberId>;
  /** Homes that report what they hear: they do not lie, and lose nothing that they have written. */
  readonly reporters: ReadonlySet<MemberId>;
  readonly home: (id: MemberId) => {
    readonly life: number;
    readonly disk: { readonly height: number };
  } | null;
};

type Heard = {
  readonly message: ConsensusMessage;
  readonly key: string;
  readonly signed: string;
};
type Life = {
  readonly life: number;
  /** That were under way in it: what was over before, a home does not remember. */
  readonly heights: Set<number>;
  readonly said: Map<string, string>;
  hopes: string[];
};

export class Accusations {
  readonly #world: AccusationsWorld;
  readonly #community: CommunityId;
  readonly #heard = new WeakMap<Uint8Array, Heard | null>();
  readonly #lives = new Map<MemberId, Life>();
  /** By offender: "prevote 12/0" as the ledger has it. */
  readonly #named = new Map<MemberId, Set<string>>();
  readonly #mustBeNamed = new Map<
    string,
    { readonly offender: MemberId; readonly subject: string }
  >();
  #isEnough = false;

  constructor(world: AccusationsWorld) {
    this.#world = world;
    this.#community = communityId(world.rules);
  }

  /** I11. */
  committed({ events, height }: CommittedBlock): void {
    for (const event of events) {
      if (event.type !== "evidence") continue;
      const { offender, kind, subject } = event;
      const { copied, liars } = this.#world;
      const isOfVoting = kind === "doubleVote" || kind === "doubleProposal";
      const isGuilty = liars.has(offender) || (copied.has(offender) && isOfVoting);
      if (!isGuilty) throw new Violation("I11", `${kind} ${subject} of ${offender} at ${height}`);
      const named = this.#named.get(offender) ?? new Set();
      if (named.has(subject)) throw new Violation("I11", `${subject} of ${offender} twice`);
      this.#named.set(offender, named.add(subject));
    }
  }

  /** A message of the agreement gets to a home; what it does with it comes after this. */
  reached(to: MemberId, encoded: Uint8Array): void {
    const home = this.#world.home(to);
    if (home === null || this.#isEnough || !this.#world.reporters.has(to)) return;
    const heard = this.#read(encoded);
    if (heard === null) return;
    const lived = this.#lives.get(to);
    const life: Life =
      lived?.life === home.life
        ? lived
        : { life: home.life, heights: new Set(), said: new Map(), hopes: [] };
    this.#lives.set(to, life);
    // Whatever it heard last, it has survived it.
    for (const hope of life.hopes) this.#demand(hope);
    life.hopes = [];
    const { message, key, signed } = heard;
    const underWay = home.disk.height + 1;
    life.heights.add(underWay);
    const isNear = life.heights.has(message.height) && message.height > underWay - HEIGHTS_BACK;
    if (!isNear || message.round > ROUNDS_MAX) return;
    const first = life.said.get(key);
    if (first === undefined) life.said.set(key, signed);
    else if (first !== signed) life.hopes.push(key);
  }

  /** What its author signed; the same bytes get to every home. Null for what nobody did. */
  #read(encoded: Uint8Array): Heard | null {
    const known = this.#heard.get(encoded);
    if (known !== undefined) return known;
    const decoded = decodeConsensusMessage(encoded);
    const message = decoded.ok && this.#isSigned(decoded.value) ? decoded.value : null;
    const heard =
      message === null
        ? null
        : { message, key: keyOf(message), signed: bytesToHex(this.#signBytes(message)) };
    this.#heard.set(encoded, heard);
    return heard;
  }

  /** From now on it need not be on the ledger when it is looked. */
  enough(): void {
    this.#isEnough = true;
  }

  /** I12. */
  mustHaveNamed(): void {
    for (const { offender, subject } of this.#mustBeNamed.values()) {
      const named = this.#named.get(offender);
      if (named?.has(subject) || (named?.size ?? 0) >= NAMED_ENOUGH) continue;
      throw new Violation("I12", `${offender} is not named for ${subject}`);
    }
  }

  get demanded(): number {
    return this.#mustBeNamed.size;
  }

  #demand(key: string): void {
    const [offender = "", ...rest] = key.split(" ");
    // Who has lost its seat already is not listened to any more.
    if (this.#named.has(offender as MemberId)) return;
    this.#mustBeNamed.set(key, { offender: offender as MemberId, subject: rest.join(" ") });
  }

  #isSigned(message: ConsensusMessage): boolean {
    const { verifier, rules } = this.#world;
    const seat = rules.validators.find(({ memberId }) => memberId === authorOf(message));
    if (seat === undefined) return false;
    const { publicKey } = seat;
    const { signature } = message;
    return verifier.verify({ publicKey, message: this.#signBytes(message), signature });
  }

  #signBytes(message: ConsensusMessage): Uint8Array {
    return message.type === "vote"
      ? voteSignBytes(this.#community, message)
      : proposalSignBytes(this.#community, message);
  }
}

function authorOf(message: ConsensusMessage): MemberId {
  return message.type === "vote" ? message.validator : message.proposer;
}

function keyOf(message: ConsensusMessage): string {
  const { height, round } = message;
  const kind = message.type === "vote" ? message.vote : "proposal";
  return `${authorOf(message)} ${kind} ${height}/${round}`;
}
