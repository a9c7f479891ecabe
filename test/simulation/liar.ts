// A validator that lies: an honest agent behind a network port that changes what it says, answers for it, and
// says things of its own. What it tells itself stays honest, so its own state needs no other checks.

import { decodeConsensusMessage, type Proposal } from "../../agent/core/consensus/message.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../agent/core/ledger/state.ts";
import type { CommunityId, MemberId } from "../../agent/core/units/ids.ts";
import type { UnixMs } from "../../agent/core/units/time.ts";
import { votesReply } from "../../agent/loops/wire.ts";
import type { Network, Protocol, Signer, Topic } from "../../agent/ports.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";

/** What one lie puts on the wire; `to` null is everyone. */
export type Parcel = {
  readonly to: readonly MemberId[] | null;
  readonly topic: Topic;
  readonly message: Uint8Array;
  /** Whether those who get it pass it on, as gossip does. */
  readonly isRelayed: boolean;
};

export type Lie = {
  readonly name: string;
  /** How often it is told where it could be. */
  readonly chance: number;
  /** What goes out instead of an honest message; null: nothing to lie about here. */
  readonly says?: (liar: Liar, topic: Topic, message: Uint8Array) => readonly Parcel[] | null;
  /** What is answered instead; null as above. */
  readonly answers?: (liar: Liar, protocol: Protocol, reply: Uint8Array) => Uint8Array | null;
  /** What is asked instead; null as above. */
  readonly asks?: (liar: Liar, protocol: Protocol, body: Uint8Array) => Uint8Array | null;
  /** Said now and then, unasked. */
  readonly mutters?: (liar: Liar) => readonly Parcel[];
};

export type Liar = {
  readonly rules: Rules;
  readonly community: CommunityId;
  readonly signer: Signer;
  readonly random: Random;
  readonly verifier: Verifier;
  readonly now: () => UnixMs;
  readonly ledger: () => LedgerState | null;
  readonly others: () => readonly MemberId[];
  /** The newest proposals heard, oldest first. */
  readonly proposals: readonly (Proposal & { readonly type: "proposal" })[];
  /** The newest messages heard, oldest first. */
  readonly heard: readonly { readonly topic: Topic; readonly message: Uint8Array }[];
};

export type LiarSettings = Omit<Liar, "community" | "proposals" | "heard"> & {
  readonly lies: readonly Lie[];
  readonly tally: Tally;
  /** Puts a parcel on the wire. */
  readonly send: (parcel: Parcel) => void;
};

/** The second byte of a proposal, [tag, value]: most of what is heard are votes. */
const PROPOSAL_TAG = 0;
const HEARD_MAX = 64;
const PROPOSALS_MAX = 8;

export type LyingNetwork = {
  readonly network: Network;
  /** To be called now and then: says something unasked. */
  readonly mutter: () => void;
};

export function lying(honest: Network, settings: LiarSettings): LyingNetwork {
  const { lies, tally, send, random, signer } = settings;
  const proposals: (Proposal & { readonly type: "proposal" })[] = [];
  const heard: { readonly topic: Topic; readonly message: Uint8Array }[] = [];
  const liar: Liar = { ...settings, community: communityId(settings.rules), proposals, heard };
  const tell = <T>(told: (lie: Lie) => T | null | undefined): T | null => {
    for (const lie of lies) {
      if (!random.chance(lie.chance)) continue;
      const lied = told(lie) ?? null;
      if (lied === null) continue;
      tally.count(lie.name);
      return lied;
    }
    return null;
  };
  const overhear = (topic: Topic, message: Uint8Array): void => {
    heard.push({ topic, message });
    if (heard.length > HEARD_MAX) heard.shift();
    if (topic !== "consensus" || message[1] !== PROPOSAL_TAG) return;
    const decoded = decodeConsensusMessage(message);
    if (!decoded.ok || decoded.value.type !== "proposal") return;
    proposals.push(decoded.value);
    if (proposals.length > PROPOSALS_MAX) proposals.shift();
  };
  const network: Network = {
    ...honest,
    start: (handlers) =>
      honest.start({
        ...handlers,
        received: (topic, message, from) => {
          overhear(topic, message);
          return handlers.received(topic, message, from);
        },
        requested: (protocol, body, from) => {
          const honestly = handlers.requested(protocol, body, from);
          if (honestly === null) return null;
          const isOfVotes = protocol === "votes";
          const reply = isOfVotes ? withoutOwn(honestly, signer.memberId) : honestly;
          return tell((lie) => lie.answers?.(liar, protocol, reply)) ?? reply;
        },
      }),
    publish: (topic, message) => {
      overhear(topic, message);
      const lied = tell((lie) => lie.says?.(liar, topic, message));
      if (lied === null) honest.publish(topic, message);
      else for (const parcel of lied) send(parcel);
    },
    request: (request) => {
      const lied = tell((lie) => lie.asks?.(liar, request.protocol, request.body));
      honest.request(lied === null ? request : { ...request, body: lied });
    },
  };
  return {
    network,
    mutter: () => {
      const said = tell((lie) => (lie.mutters === undefined ? null : some(lie.mutters(liar))));
      for (const parcel of said ?? []) send(parcel);
    },
  };
}

function some<T>(items: readonly T[]): readonly T[] | null {
  return items.length === 0 ? null : items;
}

/** What a liar held back it does not give away when asked. */
function withoutOwn(reply: Uint8Array, self: MemberId): Uint8Array {
  const decoded = votesReply.decode(reply);
  if (!decoded.ok) return reply;
  const messages = decoded.value.messages.filter((encoded) => {
    const message = decodeConsensusMessage(encoded);
    return !message.ok || message.value.type !== "proposal" || message.value.proposer !== self;
  });
  return votesReply.encode({ ...decoded.value, messages });
}

export function toAll(topic: Topic, message: Uint8Array): Parcel {
  return { to: null, topic, message, isRelayed: false };
}

/** One to some of the others, another to the rest. */
export function split(
  { random, others }: Liar,
  topic: Topic,
  [one, another]: readonly [Uint8Array, Uint8Array],
): readonly Parcel[] {
  const [some, rest]: [MemberId[], MemberId[]] = [[], []];
  for (const other of others()) (random.chance(0.5) ? some : rest).push(other);
  const isRelayed = random.chance(0.5);
  return [
    { to: some, topic, message: one, isRelayed },
    { to: rest, topic, message: another, isRelayed },
  ];
}
