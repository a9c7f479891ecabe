// What the other validators say in a test: votes, proposals and blocks, signed with their test keys.

import {
  type ConsensusMessage,
  decodeConsensusMessage,
  encodeConsensusMessage,
  proposalSignBytes,
  type VoteSubject,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { encodeBlock } from "../../agent/core/ledger/block.ts";
import { type BuiltBlock, buildBlock } from "../../agent/core/ledger/buildBlock.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../agent/core/ledger/state.ts";
import type { Transaction } from "../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";
import { openLedger } from "../../agent/loops/ledger.ts";
import type { Store } from "../../agent/ports.ts";
import { certificateFor } from "./certificate.ts";
import type { TestChain } from "./ledger.ts";
import { testKey } from "./ledger.ts";

export type BlockOf = {
  readonly time: number;
  readonly proposer: string;
  readonly transactions?: readonly Transaction[];
};

/** A valid block on top of `state`. */
export function blockOn(
  state: LedgerState,
  { time, proposer, transactions = [] }: BlockOf,
): BuiltBlock {
  const request = { time: unixMs(time), proposer: memberId(proposer), transactions };
  return buildBlock(state, request, new Verifier());
}

/** The encoded vote of `name`, signed with `signer`'s key (its own unless told). */
export function vote(
  rules: Rules,
  name: string,
  subject: VoteSubject,
  signer: string = name,
): Uint8Array {
  const signature = testKey(signer).sign(voteSignBytes(communityId(rules), subject));
  return encodeConsensusMessage({
    ...{ type: "vote", ...subject, validator: memberId(name), signature },
  });
}

export type ProposalOf = {
  readonly built: BuiltBlock;
  readonly round?: number;
  readonly polRound?: number;
  readonly signer?: string;
  /** Other bytes than the block's own. */
  readonly bytes?: Uint8Array;
  readonly time?: number;
};

/** The encoded proposal of `name`. */
export function proposal(rules: Rules, name: string, of: ProposalOf): Uint8Array {
  const { built, round = 0, polRound = -1, signer = name } = of;
  const { height, time } = built.block.header;
  const unsigned = {
    ...{ height, round, polRound, blockId: built.blockId },
    time: (of.time ?? time) as UnixMs,
    block: of.bytes ?? encodeBlock(built.block),
    proposer: memberId(name),
  };
  const signature = testKey(signer).sign(proposalSignBytes(communityId(rules), unsigned));
  return encodeConsensusMessage({ type: "proposal", ...unsigned, signature });
}

export function read(encoded: Uint8Array): ConsensusMessage {
  return mustBeAccepted(decodeConsensusMessage(encoded), "the home says what can be read");
}

/** "prevote 1/0 4f2a99c0", "precommit 1/0 nil", "proposal 1/0 4f2a99c0": for the eye and for toEqual. */
export function describeMessage(message: ConsensusMessage | Uint8Array): string {
  const said = message instanceof Uint8Array ? read(message) : message;
  const what = said.type === "vote" ? said.vote : "proposal";
  return `${what} ${said.height}/${said.round} ${said.blockId?.slice(0, 8) ?? "nil"}`;
}

/** Writes the chain's blocks, certified by all validators, as a home that followed would have. */
export function storeChain(store: Store, chain: TestChain, snapshotEvery?: number): void {
  const { rules, verifier } = chain;
  const every = snapshotEvery === undefined ? {} : { snapshotEvery };
  const ledger = openLedger({ rules, store, verifier, ...every });
  for (const block of chain.blocks) {
    const executed = mustBeAccepted(ledger.execute(encodeBlock(block)), "the chain is valid");
    ledger.commit(executed, certificateFor(rules, block.header.height, executed.blockId));
  }
}
