// Lies of a proposer: two blocks, none, one for some only, a wrong state, a wrong time, a claimed polka, and
// offers left out.

import {
  decodeConsensusMessage,
  encodeConsensusMessage,
  type Proposal,
  proposalSignBytes,
} from "../../../agent/core/consensus/message.ts";
import { type Block, blockId, decodeBlock, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { buildBlock } from "../../../agent/core/ledger/buildBlock.ts";
import { decodeTransaction, type Transaction } from "../../../agent/core/ledger/transaction.ts";
import { HOUR_MS, MINUTE_MS, type UnixMs } from "../../../agent/core/units/time.ts";
import { type Liar, type Lie, split, toAll } from "../liar.ts";

export const PROPOSAL_LIES: readonly Lie[] = [
  {
    name: "lie: two blocks in one round",
    chance: 0.6,
    says: (liar, _topic, message) => {
      const proposal = ownFresh(message);
      const other = proposal === null ? null : rebuilt(liar, proposal, { time: proposal.time + 1 });
      return other === null ? null : split(liar, "consensus", [message, other]);
    },
  },
  {
    name: "lie: silent when it is its turn",
    chance: 0.7,
    says: (_liar, _topic, message) => (ownProposal(message) === null ? null : []),
  },
  {
    name: "lie: silent from the cut-off on",
    chance: 1,
    says: (liar, _topic, message) => {
      const { cutoffBefore } = liar.rules.timeline;
      const isPast = liar.now() % HOUR_MS >= HOUR_MS - cutoffBefore;
      return isPast && ownProposal(message) !== null ? [] : null;
    },
  },
  {
    name: "lie: its block is for some only",
    chance: 0.6,
    says: (liar, topic, message) => {
      if (ownProposal(message) === null) return null;
      const to = liar.others().filter(() => liar.random.chance(0.4));
      return [{ to, topic, message, isRelayed: liar.random.chance(0.3) }];
    },
  },
  {
    name: "lie: a wrong state root",
    chance: 0.6,
    says: (liar, _topic, message) => {
      const proposal = ownFresh(message);
      const block = proposal === null ? null : readBlock(proposal);
      if (proposal === null || block === null) return null;
      const header = { ...block.header, stateRoot: "5".repeat(64) };
      return [toAll("consensus", withBlock(liar, proposal, { ...block, header }))];
    },
  },
  {
    name: "lie: a polka that never was",
    chance: 0.6,
    says: (liar, _topic, message) => {
      const proposal = ownFresh(message);
      if (proposal === null) return null;
      const polRound = liar.random.integer(0, Math.max(0, proposal.round));
      return [toAll("consensus", signed(liar, { ...proposal, polRound }))];
    },
  },
  {
    name: "lie: a block of another time",
    chance: 0.6,
    says: (liar, _topic, message) => {
      const proposal = ownFresh(message);
      if (proposal === null) return null;
      const by = liar.random.pick([-10 * MINUTE_MS, -8000, 3000, MINUTE_MS, HOUR_MS]);
      const other = rebuilt(liar, proposal, { time: proposal.time + by });
      return other === null ? null : [toAll("consensus", other)];
    },
  },
  {
    name: "lie: the others' offers are left out",
    chance: 0.7,
    says: (liar, _topic, message) => {
      const proposal = ownFresh(message);
      if (proposal === null) return null;
      const mine = ({ author }: Transaction): boolean => author === liar.signer.memberId;
      const other = rebuilt(liar, proposal, { keeps: mine });
      return other === null ? null : [toAll("consensus", other)];
    },
  },
];

type Said = Extract<ReturnType<typeof decodeConsensusMessage>, { ok: true }>["value"];

function ownProposal(message: Uint8Array): Proposal | null {
  const decoded = decodeConsensusMessage(message);
  const said: Said | null = decoded.ok ? decoded.value : null;
  return said?.type === "proposal" ? said : null;
}

/** A proposal that is not of a value others know already. */
function ownFresh(message: Uint8Array): Proposal | null {
  const proposal = ownProposal(message);
  return proposal === null || proposal.polRound >= 0 ? null : proposal;
}

function readBlock({ block }: Proposal): Block | null {
  const decoded = decodeBlock(block);
  return decoded.ok ? decoded.value : null;
}

type Change = { readonly time?: number; readonly keeps?: (transaction: Transaction) => boolean };

/** A block that is right in itself, of another time or with fewer transactions. */
function rebuilt(liar: Liar, proposal: Proposal, change: Change): Uint8Array | null {
  const state = liar.ledger();
  const block = readBlock(proposal);
  if (state === null || block === null || state.height + 1 !== proposal.height) return null;
  const time = (change.time ?? proposal.time) as UnixMs;
  if (time <= state.time) return null;
  const { keeps = () => true } = change;
  const transactions = block.transactions.flatMap((encoded) => {
    const decoded = decodeTransaction(liar.community, encoded);
    return decoded.ok && keeps(decoded.value) ? [decoded.value] : [];
  });
  const proposer = liar.signer.memberId;
  const built = buildBlock(state, { time, proposer, transactions }, liar.verifier);
  return withBlock(liar, proposal, built.block);
}

function withBlock(liar: Liar, proposal: Proposal, block: Block): Uint8Array {
  const { header } = block;
  return signed(liar, {
    ...proposal,
    blockId: blockId(header),
    time: header.time,
    block: encodeBlock(block),
  });
}

function signed({ signer, community }: Liar, proposal: Proposal): Uint8Array {
  const signature = signer.sign(proposalSignBytes(community, proposal));
  return encodeConsensusMessage({ ...proposal, type: "proposal", signature });
}
