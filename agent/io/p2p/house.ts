// A neighbour's stay, from its connection to the last thing that ends with it:
// stranger -> card accepted (served and heard) -> gossip runs (joined) -> gone (left).
//
// Two members with one key are one peer here and cannot be told apart: the latest connection wins.
// One member with two peers (two cards): the latest admitted wins, the other is disconnected and denied a while.

import type { Connection, PeerId } from "@libp2p/interface";
import type { MemberId } from "../../core/units/ids.ts";
import type { Log } from "../../ports.ts";
import type { Limits } from "./limits.ts";
import { type Admitted, isAdmitted, latestWins, type Neighbour, Neighbours } from "./neighbours.ts";
import type { Standing } from "./standing.ts";
import type { Tally } from "./tally.ts";
import { TokenBucket } from "./tokenBucket.ts";

export type HouseParts = {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly log: Log;
  readonly standing: Standing;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Our own peer id as text. */
  readonly own: () => string;
  /** Whose certificate this is, by the rules of now; null refuses. */
  readonly judge: (certificate: Uint8Array, publicKey: Uint8Array) => MemberId | null;
  /** A stranger we have dialled; it waits for our card. */
  readonly dialled: (neighbour: Neighbour) => void;
  /** Its card is accepted: gossip may begin. */
  readonly admitted: (neighbour: Admitted) => void;
  /** It does not run, or not any more: open what is ours again. Called each second. */
  readonly gossipAgain: (neighbour: Admitted) => void;
  /** Whether gossip runs both ways by now. */
  readonly isGossiping: (neighbour: Admitted) => boolean;
  readonly joined: (member: MemberId) => void;
  readonly left: (member: MemberId) => void;
  /** Whatever depends on the connection must go. */
  readonly gone: (neighbour: Neighbour) => void;
  /** Delete it from libp2p's address book. */
  readonly unlearn: (peer: PeerId) => void;
};

/**
 * Time for gossip to begin, or to begin again. Where many homes start at once each is slow to answer, and to hang up
 * on whoever is slow only makes all of them slower: a new connection costs a hundred times a new stream.
 */
const GOSSIP_GRACE_MS = 20_000;
const GOSSIP_LOOK_MS = 10;

export class House {
  readonly neighbours = new Neighbours();
  readonly #parts: HouseParts;
  /** Those whose gossip does not run yet, and when to look again. */
  readonly #settling = new Map<Neighbour, NodeJS.Timeout>();
  /** With whom gossip does not run, and since when, monotonic ms. */
  readonly #mute = new Map<Neighbour, number>();
  /** To be unlearnt once identify is through with them. */
  readonly #strangersGone: PeerId[] = [];
  #recheckedAt: number;
  #isClosed = false;

  constructor(parts: HouseParts) {
    this.#parts = parts;
    this.#recheckedAt = parts.now();
  }

  /** Neighbours with whom everything runs, sorted. */
  members(): readonly MemberId[] {
    return this.neighbours
      .all()
      .filter((neighbour) => isAdmitted(neighbour) && !this.#settling.has(neighbour))
      .map(({ card }) => card?.memberId ?? null)
      .filter((member) => member !== null)
      .sort();
  }

  isCurrent(neighbour: Neighbour): boolean {
    return this.neighbours.ofPeer(neighbour.key) === neighbour;
  }

  /** A connection is up. */
  opened(connection: Connection): void {
    const publicKey = connection.remotePeer.publicKey?.raw;
    if (this.#isClosed || publicKey === undefined) {
      connection.abort(new Error("not wanted"));
      return;
    }
    const { tally, now, own } = this.#parts;
    const key = connection.remotePeer.toString();
    const first = this.neighbours.ofPeer(key);
    if (first !== null) {
      tally.count("connection.surplus");
      const { direction } = connection;
      if (!latestWins(first, { now: now(), direction, own: own(), peer: key })) {
        connection.abort(new Error("surplus connection"));
        return;
      }
      // At once, not gently: an old gossip stream that broke later would take the new one with it.
      this.hangUp(first, "replaced by a later connection");
    }
    tally.count("connection.opened");
    const neighbour = this.#newNeighbour(connection, publicKey);
    this.neighbours.add(neighbour);
    if (connection.direction === "outbound") this.#parts.dialled(neighbour);
  }

  /** Its card is accepted. */
  admit(neighbour: Neighbour, memberId: MemberId, certificate: Uint8Array): void {
    if (!this.isCurrent(neighbour)) return;
    const other = this.neighbours.ofMember(memberId);
    if (other !== null) {
      this.#parts.tally.count("peer.replaced");
      this.dismiss(other, "its member came with another key");
    }
    const admittedAt = this.#parts.now();
    const admitted = this.neighbours.admit(neighbour, { memberId, certificate, admittedAt });
    this.#parts.tally.count("card.admitted");
    this.#parts.admitted(admitted);
    this.#settle(admitted);
  }

  /** Hangs up and does not want the peer back for a while. */
  dismiss(neighbour: Neighbour, reason: string): void {
    if (!this.isCurrent(neighbour)) return;
    const deniedMs = this.#parts.standing.deny(neighbour.key, this.#parts.now());
    const member = neighbour.card?.memberId ?? null;
    this.#parts.log.info("neighbour dismissed", { reason, deniedMs, member, peer: neighbour.key });
    this.hangUp(neighbour, reason);
  }

  hangUp(neighbour: Neighbour, reason: string): void {
    if (!this.isCurrent(neighbour)) return;
    this.forget(neighbour);
    neighbour.connection.abort(new Error(reason));
  }

  /** Everything that ends with a connection, once. */
  forget(neighbour: Neighbour): void {
    const { card } = neighbour;
    if (!this.neighbours.remove(neighbour)) return;
    const isSettling = this.#settling.has(neighbour);
    clearTimeout(this.#settling.get(neighbour));
    this.#settling.delete(neighbour);
    this.#mute.delete(neighbour);
    this.#parts.gone(neighbour);
    if (this.#isClosed) return;
    if (card === null && neighbour.connection.direction === "inbound") {
      this.#strangersGone.push(neighbour.peerId);
    }
    if (card !== null && !isSettling) this.#parts.left(card.memberId);
  }

  /** Once a second: late cards, lost gossip, and now and then every card again. */
  beat(): void {
    const { limits, now } = this.#parts;
    for (const neighbour of this.neighbours.all()) {
      if (isAdmitted(neighbour)) this.#checkGossip(neighbour);
      else if (now() - neighbour.openedAt >= limits.admissionMs) {
        this.#parts.tally.count("card.late");
        this.dismiss(neighbour, "no card in time");
      }
    }
    for (const peer of this.#strangersGone.splice(0)) {
      if (this.neighbours.ofPeer(peer.toString()) === null) this.#parts.unlearn(peer);
    }
    if (now() - this.#recheckedAt >= limits.recheckMs) this.recheck();
  }

  /** Judges every card again. */
  recheck(): void {
    this.#recheckedAt = this.#parts.now();
    for (const neighbour of this.neighbours.all()) {
      if (!isAdmitted(neighbour)) continue;
      const member = this.#parts.judge(neighbour.card.certificate, neighbour.publicKey);
      if (member === neighbour.card.memberId) continue;
      this.#parts.tally.count("peer.revoked");
      this.dismiss(neighbour, "card not valid any more");
    }
  }

  /** Forgets everyone, silently. */
  close(): void {
    this.#isClosed = true;
    for (const neighbour of this.neighbours.all()) this.forget(neighbour);
  }

  #newNeighbour(connection: Connection, publicKey: Uint8Array): Neighbour {
    const { limits } = this.#parts;
    const now = this.#parts.now();
    return {
      key: connection.remotePeer.toString(),
      peerId: connection.remotePeer,
      publicKey,
      connection,
      openedAt: now,
      messages: new TokenBucket({
        perSecond: limits.messagesPerSecondMax,
        burst: limits.messagesBurstMax,
        now,
      }),
      requests: new TokenBucket({
        perSecond: limits.requestsPerSecondMax,
        burst: limits.requestsBurstMax,
        now,
      }),
      card: null,
    };
  }

  /** Waits for gossip before anyone is told: what is published on "joined" must arrive. */
  #settle(neighbour: Admitted): void {
    if (this.#parts.isGossiping(neighbour)) {
      this.#settling.delete(neighbour);
      this.#parts.joined(neighbour.card.memberId);
      return;
    }
    const lookAgain = setTimeout(() => this.#settle(neighbour), GOSSIP_LOOK_MS);
    this.#settling.set(neighbour, lookAgain);
  }

  #checkGossip(neighbour: Admitted): void {
    if (this.#parts.isGossiping(neighbour)) {
      this.#mute.delete(neighbour);
      return;
    }
    const now = this.#parts.now();
    const since = this.#mute.get(neighbour) ?? now;
    this.#mute.set(neighbour, since);
    if (now - since < GOSSIP_GRACE_MS) {
      this.#parts.gossipAgain(neighbour);
      return;
    }
    this.#parts.tally.count("gossip.lost");
    this.hangUp(neighbour, "no gossip");
  }
}
