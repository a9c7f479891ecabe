// The two commands as a resident meets them: what they print, and their exit codes.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prove } from "../../../agent/commands/prove.ts";
import { type VerifyOptions, verify } from "../../../agent/commands/verify.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import {
  AUDITED_RULES,
  type AuditedHome,
  BID_STAMP,
  writeAuditedHome,
} from "../../support/auditedHome.ts";
import { ledgerTransactions } from "../../support/ledgerTransactions.ts";
import { type Scratch, scratch } from "../store/fixtures.ts";

const EXAMPLE = join(import.meta.dirname, "../../../config/community.example.json");

let place: Scratch;
let data: string;
let home: AuditedHome;
let proof: string;

beforeAll(() => {
  place = scratch();
  data = join(place.fresh("home"), "data");
  home = writeAuditedHome(data);
  proof = join(place.fresh("proofs"), "bid.json");
});
afterAll(() => place.remove());

const asked = (options: VerifyOptions) => verify(options, () => 1.26);

describe("verify --data", () => {
  it("prints the sums, exit code 0", () => {
    const { code, lines, json } = asked({ data });
    expect(code).toBe(0);
    expect(lines).toEqual([
      "right: every block, signature, state, balance and row of this home's ledger",
      `community   test community, ${communityId(AUDITED_RULES)}`,
      "home        seller1@vt.edu",
      "height      8 (8 blocks, 15 transactions, 64 signatures checked)",
      `last block  8:${home.state.lastBlock?.blockId}`,
      "tokens      605 in 3 balances = 605 issued",
      `state root  ${home.blocks[7]?.header.stateRoot}`,
      "took        1.3 s",
    ]);
    expect(json).toMatchObject({ ok: true, height: 8, blocks: 8, issued: "605", seconds: 1.3 });
  });

  it("names the first wrong place, exit code 1", () => {
    const dir = join(place.fresh("wrong"), "data");
    writeAuditedHome(dir);
    const db = new Database(join(dir, "ledger.db"));
    db.exec("UPDATE member SET balance_micro_tokens = 1 WHERE card_no = 1");
    db.close();
    const { code, lines, json } = asked({ data: dir });
    expect(code).toBe(1);
    // 200 + 5 granted - 12 for 4 kWh = 193 tokens, of which an open bid of 1 kWh holds 0: it is closed.
    expect(lines).toEqual([
      "wrong: In table member, row card_no 1 (buyer1@vt.edu), column balance_micro_tokens: " +
        "it holds 1, and by the blocks it must be 193000000.",
    ]);
    expect(json).toMatchObject({ ok: false, findings: [{ table: "member" }] });
  });

  it("says that a file is no ledger, exit code 1", () => {
    const dir = place.fresh("noise");
    writeFileSync(join(dir, "ledger.db"), "x".repeat(8192));
    expect(asked({ data: dir })).toMatchObject({
      code: 1,
      lines: [expect.stringMatching(/^wrong: .* not a ledger/)],
    });
  });

  it("cannot read what is not there, exit code 2", () => {
    expect(asked({ data: join(data, "nowhere") }).code).toBe(2);
    expect(asked({ data, community: join(data, "nowhere") }).code).toBe(2);
    expect(asked({}).code).toBe(2);
    expect(asked({ data, proof }).code).toBe(2);
  });

  it("compares with the community's file", () => {
    const { code, lines } = asked({ data, community: EXAMPLE });
    expect(code).toBe(1);
    expect(lines[0]).toContain("In table community, row row 1, column rules");
  });
});

describe("prove, and verify --proof", () => {
  it("a bid, without the ledger", () => {
    const made = prove({ data, transaction: home.bid, out: proof });
    expect(made.code).toBe(0);
    const { code, lines, json } = asked({ proof });
    expect(code).toBe(0);
    expect(lines).toEqual([
      "right: buyer1@vt.edu bid for 4 kWh at 3 tokens/kWh for 21Mar18-15:00 (sequence 0)",
      `stamp       ${BID_STAMP}, told by 3 validators' receipts:`,
      "            heard by buyer1@vt.edu at 2018-03-21T18:09:59.100Z (block 4)",
      "            heard by seller1@vt.edu at 2018-03-21T18:09:59.140Z (block 4)",
      "            heard by seller2@vt.edu at 2018-03-21T18:10:00.000Z (block 4)",
      expect.stringMatching(/^block {7}3 of 2018-03-21T18:10:00.000Z, [0-9a-f]{64}$/),
      "signed by   buyer1@vt.edu, buyer2@vt.edu, seller1@vt.edu, seller2@vt.edu (4 of 4 validators)",
      `transaction ${home.bid}`,
      `community   test community, ${communityId(AUDITED_RULES)}`,
      expect.stringContaining("Compare the community's id"),
    ]);
    expect(json).toMatchObject({ ok: true, author: "buyer1@vt.edu", isCommunityCompared: false });
    expect(json).toMatchObject({ stamp: BID_STAMP, receipts: [{ height: 4 }, {}, {}] });
  });

  it("a bid of an hour that ended without its receipts: no stamp, and that is said", () => {
    const [late] = ledgerTransactions(data).filter(({ height }) => height === 6);
    const out = join(place.fresh("unstamped"), "proof.json");
    expect(prove({ data, transaction: late?.transaction.id ?? "", out }).code).toBe(0);
    const { code, lines, json } = asked({ proof: out });
    expect([code, lines[1]]).toEqual([
      0,
      "stamp       none is shown: the proof has no receipts for it, so it may not have counted",
    ]);
    expect(json).toMatchObject({ stamp: null, receipts: [] });
  });

  it("a bid whose receipts do not lead to the ledger's stamp: none of them are shown", () => {
    const dir = join(place.fresh("restamped"), "data");
    const { bid } = writeAuditedHome(dir);
    const db = new Database(join(dir, "ledger.db"));
    db.exec("UPDATE buy_offer SET stamp_time_ms = stamp_time_ms + 1");
    db.close();
    const out = join(place.fresh("other"), "proof.json");
    expect(prove({ data: dir, transaction: bid, out }).lines[1]).toContain("none is shown");
  });

  it("every transaction of the ledger", () => {
    const ids = ledgerTransactions(data).map(({ transaction }) => transaction.id);
    expect(ids).toHaveLength(15);
    for (const transaction of ids) {
      const out = join(place.fresh(transaction), "proof.json");
      expect(prove({ data, transaction, out }).lines[0]).toMatch(/^right: /);
      expect(asked({ proof: out }).code).toBe(0);
    }
  });

  it("is refused where another community is meant, or a byte is another", () => {
    expect(asked({ proof, community: EXAMPLE })).toMatchObject({
      code: 1,
      lines: [expect.stringContaining("The rules belong to another community")],
    });
    const altered = join(place.fresh("altered"), "proof.json");
    writeFileSync(altered, readFileSync(proof, "utf8").replace('"height": 3', '"height": 2'));
    expect(asked({ proof: altered })).toMatchObject({
      code: 1,
      lines: [expect.stringMatching(/altered at byte \d+/)],
    });
  });

  it("is not made twice into one file, nor of what is not there", () => {
    expect(prove({ data, transaction: home.bid, out: proof }).code).toBe(2);
    const out = join(data, "none.json");
    expect(prove({ data, transaction: "0".repeat(64), out }).code).toBe(1);
    expect(prove({ data, transaction: "abc", out }).code).toBe(2);
    expect(existsSync(out)).toBe(false);
    expect(asked({ proof: out }).code).toBe(2);
  });
});
