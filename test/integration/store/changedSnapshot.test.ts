// A ledger that begins with a snapshot after who votes had changed: by the CA, because a card signed twice, or
// over a restart. Its tables, its audit, and what it can and cannot prove.

import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prove } from "../../../agent/commands/prove.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { stateRoot } from "../../../agent/core/ledger/state.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { auditLedger } from "../../../agent/io/store/audit/auditLedger.ts";
import { openReader } from "../../../agent/io/store/reader.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { doubleVote, report } from "../../support/accusations.ts";
import { ChangingChain } from "../../support/changingChain.ts";
import { ledgerTransactions } from "../../support/ledgerTransactions.ts";
import { type Scratch, scratch, silent } from "./fixtures.ts";

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
const verifier = new Verifier();

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

/** Five members, of whom a to d vote; block 1. */
const community = () => new ChangingChain([A, B, C, D], [A, B, C, D, E]);

/** A block in which a shows that a card voted twice. */
function tell(chain: ChangingChain, offender: string, height = 1): void {
  chain.next([A, report(doubleVote(chain.rules, offender, { height }))]);
}

const ownerOf = ({ rules }: ChangingChain) => ({
  ...{ communityId: communityId(rules), memberId: memberId(A) },
  ...{ rules: encodeRules(rules), log: silent },
});

/** A home that begins with the chain as it is, and follows whatever `goOn` adds. */
function joined(chain: ChangingChain, goOn: () => void): string {
  const dir = place.fresh("joined");
  const store = openStore(dir, ownerOf(chain));
  const { snapshot, state } = chain.snapshot();
  const ledger = openLedger({ rules: chain.rules, store, verifier });
  mustBeAccepted(ledger.install(snapshot, state), "the snapshot is right");
  goOn();
  chain.store(store);
  expect(openLedger({ rules: chain.rules, store, verifier }).root()).toBe(stateRoot(chain.state));
  store.close();
  return dir;
}

function audit(dir: string, { rules }: ChangingChain) {
  return auditLedger(dir, { rules, verifier });
}

function rows(dir: string, sql: string): unknown[] {
  const db = new Database(join(dir, "ledger.db"), { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

/** What is wrong once this was done to a copy. */
function changed(dir: string, chain: ChangingChain, sql: string) {
  const copy = place.fresh("changed");
  const from = new Database(join(dir, "ledger.db"), { readonly: true });
  from.exec(`VACUUM INTO '${join(copy, "ledger.db")}'`);
  from.close();
  const db = new Database(join(copy, "ledger.db"));
  db.pragma("foreign_keys = OFF");
  expect(db.prepare(sql).run().changes).toBeGreaterThan(0);
  db.close();
  return audit(copy, chain).findings;
}

const CHANGES = `
  SELECT from_height AS at, member_id AS who, public_key IS NULL AS gone
  FROM validator_change JOIN card USING (card_no) ORDER BY 1, 2`;

/** What `prove` says of each transaction of the CA's: these need nobody's card, which may be in earlier blocks. */
function proved(dir: string): readonly string[] {
  const byCa = ledgerTransactions(dir).filter(({ transaction }) => transaction.author === null);
  expect(byCa.length).toBeGreaterThan(0);
  return byCa.map(({ transaction: { id } }) => {
    const { code, lines } = prove({ data: dir, transaction: id, out: join(dir, `${id}.json`) });
    return `${code} ${lines[0]}`;
  });
}

describe("a home that begins after who votes had changed", () => {
  /**
   * e comes by block 2 and votes from 4; b is reported in block 4 and votes up to 5; d in block 6, up to 7. After
   * the snapshot at 6 it is c, in block 9, who votes up to 10.
   */
  function changing(): { chain: ChangingChain; dir: string } {
    const chain = community();
    chain.change({ add: [E] });
    chain.next();
    tell(chain, B);
    chain.next();
    tell(chain, D);
    expect(chain.voting).toEqual([A, C, D, E]);
    const dir = joined(chain, () => {
      chain.next();
      chain.next();
      tell(chain, C);
      chain.next();
      tell(chain, C, 2);
      chain.grant(A);
    });
    return { chain, dir };
  }

  it("knows from the state who votes, and goes on from there", () => {
    const { chain, dir } = changing();
    expect(chain.voting).toEqual([A, E]);
    expect(rows(dir, CHANGES)).toEqual([
      { at: 7, who: B, gone: 1 },
      { at: 7, who: E, gone: 0 },
      { at: 8, who: D, gone: 1 },
      { at: 11, who: C, gone: 1 },
    ]);
    expect(audit(dir, chain)).toMatchObject({
      findings: [],
      facts: { height: 12, firstHeight: 6 },
    });
  });

  it("knows which cards were named, though not by whom", () => {
    const { dir } = changing();
    const reader = openReader(dir);
    const named = { kind: "doubleVote", subject: "prevote 1/0" };
    expect(reader.evidence(9)).toEqual([
      { ...named, height: 11, offender: C, reporter: A, subject: "prevote 2/0" },
      { ...named, height: 9, offender: C, reporter: A },
      { ...named, height: 6, offender: D, reporter: null },
      { ...named, height: 6, offender: B, reporter: null },
    ]);
    reader.close();
  });

  it.each([
    ["DELETE FROM validator_change WHERE from_height = 7", "validator_change"],
    ["UPDATE validator_change SET from_height = 9 WHERE from_height = 8", "validator_change"],
    ["DELETE FROM evidence", "evidence"],
    ["UPDATE evidence SET reporter_no = 1", "evidence"],
    ["UPDATE checkpoint SET validators = zeroblob(9) WHERE height = 6", "checkpoint"],
  ])("and its audit names what was changed: %s", (sql, table) => {
    const { chain, dir } = changing();
    expect(changed(dir, chain, sql)[0]).toMatchObject({ table });
  });

  it("cannot show by itself who voted, and says so", () => {
    const { dir } = changing();
    for (const line of proved(dir))
      expect(line).toMatch(/^1 wrong: .*snapshot at 6.*Who votes had changed/);
  });
});

it("changes that came after the snapshot are proved step by step, as in any ledger", () => {
  const chain = community();
  chain.next();
  const dir = joined(chain, () => {
    chain.change({ add: [E] });
    tell(chain, B);
    for (let n = 0; n < 3; n += 1) chain.grant(A);
  });
  expect(audit(dir, chain).findings).toEqual([]);
  for (const line of proved(dir)) expect(line).toMatch(/^0 right/);
});

describe("a home that begins after a restart", () => {
  it("checks the votes for the restart's chain", () => {
    const chain = community();
    chain.restart(A, E);
    const dir = joined(chain, () => {
      chain.change({ add: [C] });
      chain.next();
      chain.grant(A);
    });
    expect(audit(dir, chain).findings).toEqual([]);
    expect(rows(dir, "SELECT height FROM restart")).toEqual([]);
    for (const line of proved(dir)) expect(line).toMatch(/^1 wrong: .*Who votes had changed/);
  });

  it("and one that begins before it replays it", () => {
    const chain = community();
    chain.next();
    const dir = joined(chain, () => {
      chain.restart(A, E);
      chain.change({ add: [C] });
      for (let n = 0; n < 3; n += 1) chain.grant(A);
    });
    expect(audit(dir, chain).findings).toEqual([]);
    expect(rows(dir, "SELECT height FROM restart")).toEqual([{ height: 3 }]);
    for (const line of proved(dir)) expect(line).toMatch(/^0 right/);
  });

  it("a snapshot at the restart itself names the restart's set", () => {
    const chain = community();
    chain.next();
    chain.restart(A, E);
    const dir = place.fresh("whole");
    const store = openStore(dir, ownerOf(chain));
    chain.store(store, 3);
    const kept = store.snapshot(3);
    store.close();
    const { proof } = chain.snapshot().snapshot;
    expect(kept?.validators).toEqual(proof.validators);
    expect(kept?.block).toEqual(encodeBlock(chain.last.block));
    expect(audit(dir, chain).findings).toEqual([]);
  });
});
