// Who is connected. One connection per peer and one peer per member; which one stays is decided here.

import type { Connection, PeerId } from "@libp2p/interface";
import type { MemberId } from "../../core/units/ids.ts";
import type { TokenBucket } from "./tokenBucket.ts";

export type Card = {
  readonly memberId: MemberId;
  readonly certificate: Uint8Array;
  /** Monotonic ms. */
  readonly admittedAt: number;
};

/** One connection to one peer. A stranger until it has a card. */
export type Neighbour = {
  /** The peer id as text. */
  readonly key: string;
  readonly peerId: PeerId;
  /** Ed25519, the key its certificate must carry. */
  readonly publicKey: Uint8Array;
  readonly connection: Connection;
  /** Monotonic ms. */
  readonly openedAt: number;
  readonly messages: TokenBucket;
  readonly requests: TokenBucket;
  card: Card | null;
};

/** A neighbour whose card was accepted. */
export type Admitted = Neighbour & { card: Card };

export function isAdmitted(neighbour: Neighbour): neighbour is Admitted {
  return neighbour.card !== null;
}

/** Two connections this close together were dialled from both ends at once. */
const SIMULTANEOUS_MS = 3_000;

/**
 * Whether a second connection to a peer takes the place of the first.
 * An old first one is stale: the peer has restarted, so the latest wins. Of two dialled at once both ends keep
 * the one whose dialler has the smaller peer id; of two from one dialler the first.
 */
export function latestWins(
  first: { readonly openedAt: number; readonly connection: Pick<Connection, "direction"> },
  latest: {
    readonly now: number;
    readonly direction: Connection["direction"];
    readonly own: string;
    readonly peer: string;
  },
): boolean {
  if (latest.now - first.openedAt >= SIMULTANEOUS_MS) return true;
  if (latest.direction === first.connection.direction) return false;
  const smallerDials = latest.own < latest.peer ? "outbound" : "inbound";
  return latest.direction === smallerDials;
}

export class Neighbours {
  readonly #byPeer = new Map<string, Neighbour>();
  readonly #byMember = new Map<MemberId, Admitted>();

  get strangers(): number {
    return this.#byPeer.size - this.#byMember.size;
  }

  get admitted(): number {
    return this.#byMember.size;
  }

  all(): readonly Neighbour[] {
    return [...this.#byPeer.values()];
  }

  members(): readonly MemberId[] {
    return [...this.#byMember.keys()].sort();
  }

  ofPeer(key: string): Neighbour | null {
    return this.#byPeer.get(key) ?? null;
  }

  ofMember(member: MemberId): Admitted | null {
    return this.#byMember.get(member) ?? null;
  }

  /** The neighbour on just this connection; null on a surplus or forgotten one. */
  of(connection: Connection): Neighbour | null {
    const neighbour = this.ofPeer(connection.remotePeer.toString());
    return neighbour?.connection === connection ? neighbour : null;
  }

  add(neighbour: Neighbour): void {
    this.#byPeer.set(neighbour.key, neighbour);
  }

  /** The caller has removed any other neighbour of this member. */
  admit(neighbour: Neighbour, card: Card): Admitted {
    const admitted = Object.assign(neighbour, { card });
    this.#byMember.set(card.memberId, admitted);
    return admitted;
  }

  /** False when it is not there any more. */
  remove(neighbour: Neighbour): boolean {
    if (this.#byPeer.get(neighbour.key) !== neighbour) return false;
    this.#byPeer.delete(neighbour.key);
    if (isAdmitted(neighbour)) this.#byMember.delete(neighbour.card.memberId);
    return true;
  }
}
