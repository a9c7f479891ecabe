// A community's only validator on a real disk: the whole agent over SQLite and the mark's file, with a clock
// that the test moves and neighbours that only send transactions. Each registration becomes a block.

import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Agent, createAgent } from "../../../agent/agent.ts";
import type { FoundMark } from "../../../agent/core/consensus/quarantine.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import { wh } from "../../../agent/core/units/energy.ts";
import type { MemberId } from "../../../agent/core/units/ids.ts";
import { MINUTE_MS } from "../../../agent/core/units/time.ts";
import { openSigningMark } from "../../../agent/io/signingMark.ts";
import { openStoreOrSetAside } from "../../../agent/io/store/setAside.ts";
import type { Store } from "../../../agent/ports.ts";
import { createFakeNetwork } from "../../support/fakeNetwork.ts";
import {
  createFakeClock,
  createRecordingLog,
  createRecordingPublisher,
  type FakeClock,
  type RecordingPublisher,
} from "../../support/fakes.ts";
import { at, makeRules, perKwh, registration, signed, testCard } from "../../support/ledger.ts";
import { describeMessage } from "../../support/voices.ts";

export const START: number = at("2026-06-01T09:50:00Z");
const ME = "v1@vt.edu";
const RULES = makeRules({ validators: [ME], schedule: "manual" });

/** What a home has acknowledged: said to somebody, or built the next thing upon. */
export type Acknowledged = {
  readonly height: number;
  readonly stateRoot: string;
  /** The newest line of the sign log: "height/round/type". */
  readonly signed: string | null;
  readonly own: number;
};

export type DiskHome = {
  readonly agent: Agent;
  /** Its ledger's height before it started: a start alone may decide what was signed already. */
  readonly heightFound: number;
  readonly clock: FakeClock;
  readonly publisher: RecordingPublisher;
  readonly keptAs: string | null;
  readonly mark: FoundMark;
  /** What it said in the agreement. */
  readonly said: () => string[];
  /** Another member's registration arrives; in two seconds it is in a block. */
  readonly grow: (name: string) => void;
  readonly close: () => void;
};

/** `written` is called whenever a write has returned, with what the home may count on from then on. */
export function openHome(
  dir: string,
  written: (what: Acknowledged) => void = () => {},
  time: number = START,
): DiskHome {
  const log = createRecordingLog();
  const card = testCard(ME);
  const { memberId } = card;
  const of = { communityId: communityId(RULES), memberId };
  for (const each of ["card", "data"]) mkdirSync(join(dir, each), { recursive: true });
  const mark = openSigningMark({ card: join(dir, "card"), hasSeat: true, log, ...of });
  const found = mark.read();
  const owner = { ...of, rules: encodeRules(RULES), log };
  const { store, keptAs } = openStoreOrSetAside(join(dir, "data"), owner);
  const clock = createFakeClock(time);
  const network = createFakeNetwork();
  const publisher = createRecordingPublisher();
  let last: Acknowledged = { height: 0, stateRoot: "", signed: null, own: 0 };
  const note = (change: Partial<Acknowledged>): void => {
    last = { ...last, ...change };
    written(last);
  };
  const watched: Store = {
    ...store,
    commit: (block) => {
      store.commit(block);
      note({ height: block.height, stateRoot: block.stateRoot });
    },
    saveSigned: (durable, record) => {
      store.saveSigned(durable, record);
      note({ signed: `${record.height}/${record.round}/${record.type}` });
    },
    saveOwnTransaction: (own) => {
      store.saveOwnTransaction(own);
      note({ own: store.ownTransactions().length });
    },
    dropOwnTransactions: (ids) => {
      store.dropOwnTransactions(ids);
      note({ own: store.ownTransactions().length });
    },
  };
  const limits = {
    sell: { reservePrice: perKwh(1), mostEnergy: wh(6000) },
    buy: { bidPrice: perKwh(3), mostEnergy: wh(6000) },
  };
  const agent = createAgent(
    {
      ...{ rules: RULES, limits, pv: null, administrator: null, pollInterval: MINUTE_MS },
      member: { firstName: "A", lastName: "B" },
    },
    { clock, network, log, publisher, mark, store: watched, signer: card, devices: [] },
  );
  const heightFound = agent.head().height;
  agent.start();
  const grow = (name: string): void => {
    const transaction = signed(RULES, name, registration(name));
    const encoded = encodeTransaction(communityId(RULES), transaction);
    network.handlers().received("transaction", encoded, "home1@vt.edu" as MemberId);
    clock.advance(2000);
  };
  const close = (): void => {
    agent.stop();
    store.close();
  };
  const said = (): string[] => network.said("consensus").map(describeMessage);
  return { agent, heightFound, clock, publisher, keptAs, mark: found, said, grow, close };
}

/** The files as the disk has them now: what a power cut would leave. */
export function copyDisk(dir: string, to: string): string {
  for (const file of ["data/ledger.db", "data/ledger.db-wal"]) {
    if (existsSync(join(dir, file))) cpSync(join(dir, file), join(to, file));
  }
  if (existsSync(join(dir, "card")))
    cpSync(join(dir, "card"), join(to, "card"), { recursive: true });
  return to;
}
