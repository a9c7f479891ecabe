// Signed transactions a second into one home: signatures checked for the first time, the ledger's rules,
// and SQLite with synchronous=FULL. What a follower does with blocks that it has not heard of before.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Verifier } from "../../agent/core/crypto.ts";
import { encodeBlock } from "../../agent/core/ledger/block.ts";
import { communityId, encodeRules } from "../../agent/core/ledger/rules.ts";
import { openStore } from "../../agent/io/store/store.ts";
import { openLedger } from "../../agent/loops/ledger.ts";
import { certificateFor } from "../support/certificate.ts";
import {
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  testCard,
} from "../support/ledger.ts";
import type { Figures } from "./measure.ts";
import { median } from "./median.ts";

const MEMBERS = 40;
const BLOCKS = 20;
const BIDS_PER_MEMBER_AND_BLOCK = 5;
const RUNS = 3;

/** Median transactions per second over the runs, with how much was done. */
export function benchApplyBlock(): Figures {
  const chain = bidding();
  const rates = Array.from({ length: RUNS }, () => replay(chain));
  return {
    transactionsPerSecond: Math.round(median(rates)),
    transactions: BLOCKS * MEMBERS * BIDS_PER_MEMBER_AND_BLOCK,
    transactionsPerBlock: MEMBERS * BIDS_PER_MEMBER_AND_BLOCK,
  };
}

/** Forty members who amend their bids again and again. */
function bidding(): TestChain {
  const chain = new TestChain(makeRules());
  const names = Array.from({ length: MEMBERS }, (_, i) => `buyer${i}@vt.edu`);
  const start = Date.parse("2018-03-21T16:05:00Z");
  chain.add(start, ...names.map((name) => [name, registration(name)] as const));
  let sequence = 0;
  for (let i = 0; i < BLOCKS; i += 1) {
    const bids = Array.from({ length: BIDS_PER_MEMBER_AND_BLOCK }, () => {
      sequence += 1;
      const bid = say.buyOffer("21Mar18-13:00", { energy: kwh(1), price: perKwh(3), sequence });
      return names.map((name) => [name, bid] as const);
    });
    const built = chain.add(start + (i + 1) * 1000, ...bids.flat());
    if (built.dropped.length > 0) throw new Error(JSON.stringify(built.dropped[0]));
  }
  return chain;
}

function replay({ rules, blocks }: TestChain): number {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  const { memberId } = testCard("buyer0@vt.edu");
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const owner = { communityId: communityId(rules), memberId, rules: encodeRules(rules) };
  const store = openStore(dir, { ...owner, log });
  try {
    const ledger = openLedger({ rules, store, verifier: new Verifier() });
    const [first, ...rest] = blocks.map((block) => encodeBlock(block));
    if (first === undefined) throw new Error("no blocks");
    take(first);
    const started = performance.now();
    for (const encoded of rest) take(encoded);
    const seconds = (performance.now() - started) / 1000;
    return (rest.length * MEMBERS * BIDS_PER_MEMBER_AND_BLOCK) / seconds;

    function take(encoded: Uint8Array): void {
      const executed = ledger.execute(encoded);
      if (!executed.ok) throw new Error(JSON.stringify(executed.refusal));
      ledger.commit(
        executed.value,
        certificateFor(rules, executed.value.block.header.height, executed.value.blockId),
      );
    }
  } finally {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
