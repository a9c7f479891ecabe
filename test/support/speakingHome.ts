// What a home says by itself and for people: its outbox, mempool and intents on a real ledger. Every write,
// publication and answer is noted in its order; blocks are made by hand.

import type { Transaction } from "../../agent/core/ledger/transaction.ts";
import type { Refusal, Result } from "../../agent/core/result.ts";
import type { TransactionId } from "../../agent/core/units/ids.ts";
import { createIntents, type Intents } from "../../agent/loops/intents.ts";
import { createMempool, type Mempool } from "../../agent/loops/mempool.ts";
import { ALONE, type Sharing } from "../../agent/loops/numbering.ts";
import { type Outbox, openOutbox, type Submitted } from "../../agent/loops/outbox.ts";
import type { Store } from "../../agent/ports.ts";
import { createFakeNetwork, type FakeNetwork } from "./fakeNetwork.ts";
import {
  createFakeClock,
  createMemoryStore,
  createRecordingPublisher,
  type FakeClock,
  type RecordingPublisher,
} from "./fakes.ts";
import { at, type TestChain } from "./ledger.ts";

export type SpeakingHome = {
  readonly clock: FakeClock;
  readonly network: FakeNetwork;
  readonly publisher: RecordingPublisher;
  readonly mempool: Mempool;
  readonly outbox: Outbox;
  readonly intents: Intents;
  /** As given; hand it to the next home to start again on the same disk. */
  readonly disk: Store;
  /** "save", "drop 2", "publish transaction", "done", "refused insufficientFunds" … */
  readonly journal: readonly string[];
  readonly outcomes: readonly Result<TransactionId, Refusal>[];
  /** Notes an answer in `journal` and `outcomes`. */
  readonly answered: Submitted;
  /** A block of these transactions, or of all that is at hand; gives the refusals of what it left out. */
  readonly commit: (when: string, transactions?: readonly Transaction[]) => readonly Refusal[];
  /** The ledger has moved on by blocks that held these. */
  readonly told: (landed: readonly Transaction[]) => void;
};

export type SpeakingHomeOptions = {
  readonly chain: TestChain;
  /** ISO; 16:20 UTC of the paper's day unless told: its 13:00 listing is open. */
  readonly time?: string;
  readonly store?: Store;
  readonly isCaughtUp?: boolean;
  readonly sharing?: Sharing;
};

export function speakingHome(options: SpeakingHomeOptions): SpeakingHome {
  const { chain, time = "2018-03-21T16:20:00Z", sharing = ALONE } = options;
  const { store: disk = createMemoryStore() } = options;
  const journal: string[] = [];
  const outcomes: Result<TransactionId, Refusal>[] = [];
  const clock = createFakeClock(at(time));
  const network = createFakeNetwork((topic) => journal.push(`publish ${topic}`));
  const publisher = createRecordingPublisher();
  const store = noted(disk, journal);
  const { verifier } = chain;
  const ledger = () => chain.state;
  const isCaughtUp = () => options.isCaughtUp ?? true;
  const mempool = createMempool({ verifier, clock, ledger, arrived: () => {} });
  const outbox = openOutbox({
    ...{ store, verifier, clock, network, publisher, mempool, ledger, isCaughtUp, sharing },
  });
  const intents = createIntents({ outbox, clock, ledger, isCaughtUp });
  const told: SpeakingHome["told"] = (landed) => {
    mempool.committed(landed);
    outbox.committed(landed);
    intents.ledgerChanged();
  };
  return {
    ...{ clock, network, publisher, mempool, outbox, intents, disk, journal, outcomes, told },
    answered: (outcome) => {
      journal.push(outcome.ok ? "done" : `refused ${outcome.refusal.code}`);
      outcomes.push(outcome);
    },
    commit: (when, transactions = mempool.all().map(({ transaction }) => transaction)) => {
      const { dropped } = chain.addSigned(when, transactions);
      const leftOut = new Set(dropped.map(({ id }) => id));
      told(transactions.filter(({ id }) => !leftOut.has(id)));
      return dropped.map(({ refusal }) => refusal);
    },
  };
}

/** The store, which notes what is written of own transactions before it is. */
function noted(disk: Store, journal: string[]): Store {
  return {
    ...disk,
    saveOwnTransaction: (own) => {
      journal.push("save");
      disk.saveOwnTransaction(own);
    },
    dropOwnTransactions: (ids) => {
      journal.push(`drop ${ids.length}`);
      disk.dropOwnTransactions(ids);
    },
  };
}
