// The hours before the laboratory began, as blocks: the market's own calendar says when there is one, each home says
// what it would have said, each validator signs a receipt and a precommit, as they do when they run. Nothing is made
// up beside the ledger's rules: every block is executed as a neighbour's would be.

import { assert } from "../../core/assert.ts";
import { type Certificate, voteSignBytes } from "../../core/consensus/message.ts";
import { proposer } from "../../core/consensus/proposer.ts";
import { Verifier } from "../../core/crypto.ts";
import { encodeBlock } from "../../core/ledger/block.ts";
import { buildBlock } from "../../core/ledger/buildBlock.ts";
import { listingTimes } from "../../core/ledger/calendar.ts";
import { nextDue } from "../../core/ledger/due.ts";
import type { LedgerEvent } from "../../core/ledger/event.ts";
import { communityId, type Rules, VALIDATORS_MAX } from "../../core/ledger/rules.ts";
import type { LedgerState, Listing } from "../../core/ledger/state.ts";
import { type Payload, signTransaction, type Transaction } from "../../core/ledger/transaction.ts";
import { mustBeAccepted } from "../../core/result.ts";
import { type BlockId, type MemberId, offerPrefix } from "../../core/units/ids.ts";
import { addTime, SECOND_MS, type UnixMs } from "../../core/units/time.ts";
import { openLedger } from "../../loops/ledger.ts";
import type { Signer, Store } from "../../ports.ts";
import { type PastHome, type PastVoice, pastVoice } from "./pastHome.ts";

/** From one block to the next, where more than one is due at once. */
const BLOCK_EVERY = SECOND_MS;
/** A validator hears an offer this much later than the one before it in the list. */
const HEARD_LATER_MS = 7;

export type PastPlan = {
  readonly rules: Rules;
  /** Every validator is one of them. */
  readonly homes: readonly PastHome[];
  /** The time of the first block; none is later than `end`. */
  readonly begin: UnixMs;
  readonly end: UnixMs;
  /** An empty one, into which the blocks are committed. */
  readonly store: Store;
};

/**
 * Commits the blocks and returns the state after them, with all that happened. A listing that is open at `end` has
 * no offer: the agents make them.
 */
export function buildPast(plan: PastPlan): {
  readonly state: LedgerState;
  readonly events: readonly LedgerEvent[];
} {
  const { rules, begin, end, store } = plan;
  const voices = plan.homes.map((home) => pastVoice(rules, home));
  const chain = openChain({ rules, voices, store });
  const said = (what: (voice: PastVoice) => readonly Payload[]): readonly Said[] =>
    voices.flatMap((voice) => what(voice).map((payload) => [voice.signer, payload] as const));
  chain.add(
    begin,
    said(({ registrations }) => registrations),
  );
  for (;;) {
    offerWhereOpen(chain, { rules, voices, end });
    const time = chain.nextTime();
    if (time > end) return { state: chain.state(), events: chain.events };
    chain.add(
      time,
      said(({ readings }) => readings(chain.state(), time)),
    );
  }
}

type Said = readonly [Signer, Payload];

type Chain = {
  readonly state: () => LedgerState;
  readonly events: readonly LedgerEvent[];
  /** When the calendar wants the next block. */
  readonly nextTime: () => UnixMs;
  /** A block of these; returns them as they were signed. */
  readonly add: (time: UnixMs, said: readonly Said[]) => readonly Transaction[];
};

type ChainParts = {
  readonly rules: Rules;
  readonly voices: readonly PastVoice[];
  readonly store: Store;
};

function openChain({ rules, voices, store }: ChainParts): Chain {
  const verifier = new Verifier();
  const ledger = openLedger({ rules, store, verifier });
  const community = communityId(rules);
  const signers = new Map(voices.map(({ signer }) => [signer.memberId, signer]));
  const validators = rules.validators.map(({ memberId }) => memberId);
  const events: LedgerEvent[] = [];
  const certify = (height: number, blockId: BlockId): Certificate => {
    const message = voteSignBytes(community, { vote: "precommit", height, round: 0, blockId });
    const signatures = validators.map((validator) => ({
      ...{ validator, signature: signerOf(signers, validator).sign(message) },
    }));
    return { height, round: 0, blockId, signatures };
  };
  return {
    events,
    state: ledger.state,
    nextTime: () => {
      const state = ledger.state();
      const [due, soonest] = [nextDue(state), addTime(state.time, BLOCK_EVERY)];
      assert(due !== null, "only the hourly market has a past");
      return due > soonest ? due : soonest;
    },
    add: (time, said) => {
      const state = ledger.state();
      const transactions = said.map(([{ memberId: author, sign }, payload]) =>
        signTransaction(community, { author, payload }, sign),
      );
      const by = proposer(validators, state.lastBlock?.proposer ?? null, 0);
      const built = buildBlock(state, { time, proposer: by, transactions }, verifier);
      const { block, blockId, dropped } = built;
      assert(dropped.length === 0, `the past is refused: ${JSON.stringify(dropped[0])}`);
      assert(block.transactions.length === said.length, "a block of the past holds all of it");
      const tried = ledger.execute(encodeBlock(block));
      const executed = mustBeAccepted(tried, "a block of the past applies");
      ledger.commit(executed, certify(block.header.height, blockId));
      events.push(...executed.events);
      return transactions;
    },
  };
}

function signerOf(signers: ReadonlyMap<MemberId, Signer>, memberId: MemberId): Signer {
  const signer = signers.get(memberId);
  assert(signer !== undefined, `the laboratory has the card of ${memberId}`);
  return signer;
}

type Offering = Pick<PastPlan, "rules" | "end"> & { readonly voices: readonly PastVoice[] };

/** In a listing that has just opened and closes within the past: offers in one block, receipts in the next. */
function offerWhereOpen(chain: Chain, { rules, voices, end }: Offering): void {
  const isOver = ({ deliveryStart }: Listing): boolean =>
    listingTimes(rules, deliveryStart).sealFrom + VALIDATORS_MAX * BLOCK_EVERY <= end;
  const fresh = [...chain.state().listings.values()].filter(
    (one) =>
      one.state === "ACCEPT_OFFERS" && one.pvOffers.size + one.buyOffers.size === 0 && isOver(one),
  );
  for (const listing of fresh) {
    const heardAt = addTime(chain.state().time, BLOCK_EVERY);
    if (heardAt >= listingTimes(rules, listing.deliveryStart).cutoffAt) continue;
    const offers = voices.flatMap(({ signer, offer }): Said[] => {
      const payload = offer(chain.state(), listing, heardAt);
      return payload === null ? [] : [[signer, payload]];
    });
    if (offers.length === 0) continue;
    const placed = chain.add(heardAt, offers);
    const seats = voices.filter(({ signer }) => isValidator(rules, signer.memberId));
    const receipts = seats.map(({ signer }): Said => {
      return [signer, receiptOf(chain.state(), signer.memberId, { placed, heardAt })];
    });
    chain.add(addTime(heardAt, BLOCK_EVERY), receipts);
  }
}

function isValidator({ validators }: Rules, memberId: MemberId): boolean {
  return validators.some((validator) => validator.memberId === memberId);
}

type Heard = { readonly placed: readonly Transaction[]; readonly heardAt: UnixMs };

function receiptOf(state: LedgerState, validator: MemberId, { placed, heardAt }: Heard): Payload {
  const last = state.receipts.get(validator);
  return {
    type: "receipt",
    sequence: (last?.sequence ?? 0) + 1,
    previous: last?.id ?? null,
    from: heardAt,
    to: addTime(heardAt, (placed.length - 1) * HEARD_LATER_MS),
    entries: placed.map(({ id }, i) => ({ offer: offerPrefix(id), after: i * HEARD_LATER_MS })),
  };
}
