// Puts the past into the homes' folders before their agents start: made once, then written into each ledger as one
// transaction, so that a home has all of it or nothing. The same again makes the same blocks, to the byte, and writes
// them where they lack: so a laboratory that was killed meanwhile is completed. Beside each card that signed, the mark says how far it has
// (core/consensus/quarantine.ts): nobody signs those heights again.

import { join } from "node:path";
import { readConfig } from "../../config.ts";
import { assert } from "../../core/assert.ts";
import { sameBytes } from "../../core/codec/bytes.ts";
import type { LedgerEvent } from "../../core/ledger/event.ts";
import { communityId, encodeRules, type Rules } from "../../core/ledger/rules.ts";
import type { UnixMs } from "../../core/units/time.ts";
import { readCard } from "../../io/keys.ts";
import { KEPT_FILE, openKeptFile } from "../../io/mqtt/keptFile.ts";
import { countTrades } from "../../io/mqtt/trades.ts";
import { openSigningMark } from "../../io/signingMark.ts";
import { type OpenStore, openStore } from "../../io/store/store.ts";
import type { CommittedBlock, Log, RegisterSample, Signer, Store } from "../../ports.ts";
import { buildPast } from "./pastChain.ts";
import type { PastHome } from "./pastHome.ts";

export type PastFiles = {
  /** Each home's agent file, by its name; no agent has run yet. */
  readonly files: ReadonlyMap<string, string>;
  /** What its counters showed, by the same name. */
  readonly samples: ReadonlyMap<string, readonly RegisterSample[]>;
  /** The time of the first block. */
  readonly begin: UnixMs;
  /** No block is later. */
  readonly end: UnixMs;
};

export type WrittenPast = {
  readonly height: number;
  readonly events: readonly LedgerEvent[];
};

/** Throws what reading the files or writing to the disk throws. */
export function writePast({ files, samples, begin, end }: PastFiles): WrittenPast {
  using stores = new DisposableStack();
  const homes = [...files].map(([name, file]) => openHome(file, samples.get(name) ?? []));
  for (const { store } of homes) stores.defer(store.close);
  const [first] = homes;
  assert(first !== undefined, "a laboratory has homes");
  const { rules } = first;
  const blocks: CommittedBlock[] = [];
  const store: Store = { ...first.store, ...EMPTY, commit: (block) => void blocks.push(block) };
  const { state, events } = buildPast({ rules, homes, begin, end, store });
  for (const home of homes) {
    if (home.store.status().height === 0) home.store.commitAll(blocks);
    assert(endsWith(home.store, blocks), "every home has the same past");
    home.store.saveSamples(home.samples);
    // After its ledger: a mark without it would keep the card from signing.
    if (isValidator(home)) markSigned(home, state.height);
    countForDashboards(home, events);
  }
  return { height: state.height, events };
}

type Home = PastHome & {
  readonly rules: Rules;
  readonly cardFolder: string;
  readonly data: string;
  readonly store: OpenStore;
};

function openHome(file: string, samples: readonly RegisterSample[]): Home {
  const config = readConfig(file);
  assert(config.ok, "the laboratory can read its own files");
  const { rules, card: cardFolder, data, member, pv, trading: limits } = config.value;
  const signer: Signer = readCard(cardFolder);
  const owner = { communityId: communityId(rules), memberId: signer.memberId };
  const store = openStore(data, { ...owner, rules: encodeRules(rules), log: QUIET });
  return { ...{ rules, cardFolder, signer, member, pv, limits, samples, data, store } };
}

/** As a ledger is read that has nothing yet. */
const EMPTY: Pick<Store, "checkpoint" | "blocks" | "restart"> = {
  checkpoint: () => null,
  blocks: () => [],
  restart: () => null,
};

function endsWith({ status, blocks }: OpenStore, all: readonly CommittedBlock[]): boolean {
  const [last, wanted] = [blocks(all.length, 1)[0], all.at(-1)];
  if (last === undefined || wanted === undefined) return false;
  return status().height === all.length && sameBytes(last.block, wanted.block);
}

function isValidator({ rules, signer }: Home): boolean {
  return rules.validators.some(({ memberId }) => memberId === signer.memberId);
}

function markSigned({ rules, cardFolder: card, signer: { memberId } }: Home, height: number): void {
  const owner = { communityId: communityId(rules), memberId, hasSeat: true };
  openSigningMark({ card, ...owner, log: QUIET }).write({ height, freeAbove: 0, stopped: null });
}

/** What it sold and bought, in all and today, as its agent tells by MQTT: an agent counts what it sees closed. */
function countForDashboards({ data, signer }: Home, events: readonly LedgerEvent[]): void {
  const { value, save } = openKeptFile(join(data, KEPT_FILE), QUIET);
  const self = signer.memberId;
  const trades = events.reduce(
    (counted, event) =>
      event.type === "biddingClosed" ? countTrades(counted, { ...event, self }) : counted,
    value.trades,
  );
  save({ ...value, trades });
}

/** What goes wrong here is thrown; the rest is for the agents' own logs. */
const QUIET: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
