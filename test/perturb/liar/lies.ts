// A validator that lies, as a proxy around an honest agent: it wraps the ports through which that agent speaks.
//
//   edge signatures  always: each second thing is signed at the edge of what the signature rule accepts
//   equivocate       always: beside each vote and proposal another one for the same step, equally well signed;
//                    told first half of the time, and to half of those who ask for votes
//   replay           what was heard a while ago is said again, and one's own transactions twice with one number
//   flood            thousands of well-signed votes of past heights, and of heights that do not exist
//   garbage          bytes that are no message, broken messages, votes in others' names

import { createHash, randomBytes } from "node:crypto";
import {
  type ConsensusMessage,
  decodeConsensusMessage,
  encodeConsensusMessage,
  type Proposal,
  proposalSignBytes,
  type Vote,
  voteSignBytes,
} from "../../../agent/core/consensus/message.ts";
import type { Verifier } from "../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../agent/core/ledger/block.ts";
import { buildBlock } from "../../../agent/core/ledger/buildBlock.ts";
import { communityId, type Rules } from "../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  signTransaction,
} from "../../../agent/core/ledger/transaction.ts";
import { wh } from "../../../agent/core/units/energy.ts";
import type { BlockId, MemberId } from "../../../agent/core/units/ids.ts";
import { addTime } from "../../../agent/core/units/time.ts";
import { votesReply } from "../../../agent/loops/wire.ts";
import type { Network, NetworkHandlers, Signer, Topic } from "../../../agent/ports.ts";
import { edgeSignature } from "./edgeSigner.ts";

/** Heard messages that are kept to be said again. */
const HISTORY_MAX = 400;
const FLOOD_EACH = 500;
const LARGEST = 190_000;

export type Lies = {
  /** Stands where the agent's own signer and network stood. */
  readonly signer: Signer;
  readonly network: Network;
  readonly replay: () => void;
  readonly flood: () => void;
  readonly garbage: () => void;
  /** How often it has lied, by kind. */
  readonly counts: ReadonlyMap<string, number>;
  readonly count: (lie: string, times?: number) => void;
};

export type LiarParts = {
  readonly rules: Rules;
  readonly card: Signer;
  readonly seed: Uint8Array;
  readonly network: Network;
  readonly verifier: Verifier;
  readonly ledger: () => LedgerState;
};

type Heard = { readonly topic: Topic; readonly message: Uint8Array };

export function createLies(parts: LiarParts): Lies {
  const { rules, card, seed, network, verifier, ledger } = parts;
  const community = communityId(rules);
  const counts = new Map<string, number>();
  const history: Heard[] = [];
  /** The second message for each step, to be told to half of those who ask. */
  let others: Uint8Array[] = [];
  let turn = 0;

  const count = (lie: string, times = 1): void => {
    counts.set(lie, (counts.get(lie) ?? 0) + times);
  };

  const sign = (message: Uint8Array): Uint8Array => {
    turn += 1;
    if (turn % 2 === 0) return card.sign(message);
    count("edgeSignatures");
    return edgeSignature(seed, message);
  };

  const signedVote = (vote: Omit<Vote, "signature">): Vote => ({
    ...vote,
    signature: sign(voteSignBytes(community, vote)),
  });

  const otherProposal = (proposal: Proposal): Proposal => {
    const state = ledger();
    // Valid by itself, but for the empty mempool: another block, not a broken one.
    const time = addTime(proposal.time, 1);
    const built = buildBlock(state, { time, proposer: card.memberId, transactions: [] }, verifier);
    const block = encodeBlock(built.block);
    const other = { ...proposal, polRound: -1, blockId: built.blockId, time, block };
    return { ...other, signature: sign(proposalSignBytes(community, other)) };
  };

  const otherThan = (message: ConsensusMessage): ConsensusMessage => {
    count(message.type === "vote" ? "votes" : "proposals");
    if (message.type === "proposal") return { type: "proposal", ...otherProposal(message) };
    const blockId = message.blockId === null ? anyBlockId(message.height) : null;
    return { type: "vote", ...signedVote({ ...message, blockId }) };
  };

  const publish: Network["publish"] = (topic, message) => {
    if (topic === "transaction") return publishTwice(message);
    const decoded = decodeConsensusMessage(message);
    if (!decoded.ok) return network.publish(topic, message);
    const other = encodeConsensusMessage(otherThan(decoded.value));
    others = [...others.slice(-20), other];
    const pair = turn % 4 < 2 ? [message, other] : [other, message];
    for (const each of pair) network.publish(topic, each);
  };

  /** Another offer with the same number, for the half that hears it first. */
  const publishTwice = (message: Uint8Array): void => {
    const decoded = decodeTransaction(community, message);
    network.publish("transaction", message);
    if (!decoded.ok || decoded.value.payload.type !== "buyOffer") return;
    const { payload } = decoded.value;
    const other = { ...payload, energy: wh(payload.energy + 1) };
    const lie = signTransaction(community, { author: card.memberId, payload: other }, sign);
    network.publish("transaction", encodeTransaction(community, lie));
    count("offers");
  };

  const remember = (topic: Topic, message: Uint8Array): void => {
    if (history.length >= HISTORY_MAX) history.shift();
    history.push({ topic, message });
  };

  const listening = (handlers: NetworkHandlers): NetworkHandlers => ({
    ...handlers,
    received: (topic, message, from) => {
      remember(topic, message);
      return handlers.received(topic, message, from);
    },
    requested: (protocol, body, from) => {
      const answer = handlers.requested(protocol, body, from);
      if (protocol !== "votes" || answer === null || from.length % 2 === 0) return answer;
      const decoded = votesReply.decode(answer);
      if (!decoded.ok) return answer;
      count("answers");
      return votesReply.encode({ ...decoded.value, messages: others });
    },
  });

  const replay = (): void => {
    for (const { topic, message } of history.slice(0, HISTORY_MAX / 2)) {
      network.publish(topic, message);
      count("replays");
    }
  };

  const flood = (): void => {
    const { height } = ledger();
    for (let i = 0; i < FLOOD_EACH; i += 1) {
      const at = i % 2 === 0 ? Math.max(1, height - i) : height + 1000 + i;
      const said = {
        type: "vote",
        vote: "prevote",
        height: at,
        round: i,
        validator: card.memberId,
      } as const;
      const blockId = anyBlockId(i);
      const signature = card.sign(voteSignBytes(community, { ...said, blockId }));
      network.publish("consensus", encodeConsensusMessage({ ...said, blockId, signature }));
      count("flood");
    }
  };

  const garbage = (): void => {
    const { height, rules: known } = ledger();
    const victim = known.validators.find(({ memberId }) => memberId !== card.memberId);
    const forged = { type: "vote", vote: "precommit", height: height + 1, round: 0 } as const;
    const [old] = history.slice(-1);
    const broken = Uint8Array.from(old?.message ?? []);
    broken[broken.length >> 1] = (broken[broken.length >> 1] ?? 0) ^ 1;
    const messages = [
      randomBytes(0),
      randomBytes(1),
      randomBytes(3000),
      randomBytes(LARGEST),
      broken,
      encodeConsensusMessage({
        ...forged,
        blockId: null,
        validator: victim?.memberId ?? card.memberId,
        signature: randomBytes(64),
      }),
    ];
    for (const message of messages) {
      for (const topic of ["consensus", "transaction"] as const) {
        network.publish(topic, message);
        count("garbage");
      }
    }
  };

  return {
    signer: { ...signerOf(card), sign },
    network: {
      ...networkOf(network),
      publish,
      start: (handlers) => network.start(listening(handlers)),
    },
    ...{ replay, flood, garbage, counts, count },
  };
}

function signerOf({ memberId, publicKey, certificate, sign }: Signer): Signer {
  return { memberId, publicKey, certificate, sign };
}

/** A class's methods are not spread. */
function networkOf(network: Network): Network {
  return {
    start: (handlers) => network.start(handlers),
    publish: (topic, message) => network.publish(topic, message),
    request: (request) => network.request(request),
    peers: (): readonly MemberId[] => network.peers(),
  };
}

function anyBlockId(number: number): BlockId {
  return createHash("sha256").update(String(number)).digest("hex") as BlockId;
}
