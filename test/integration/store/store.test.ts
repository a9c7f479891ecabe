import { chmodSync, existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wh } from "../../../agent/core/units/energy.ts";
import { memberId, type TransactionId } from "../../../agent/core/units/ids.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { SAMPLES_DAYS_MAX } from "../../../agent/io/store/homeTables.ts";
import { SIGN_LOG_HEIGHTS_KEPT } from "../../../agent/io/store/signLog.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import type { RegisterSample } from "../../../agent/ports.ts";
import {
  BUYER,
  codeOf,
  committed,
  durable,
  hashOf,
  options,
  proposal,
  type Scratch,
  scratch,
  transaction,
  value,
  vote,
} from "./fixtures.ts";

let place: Scratch;
let dir: string;

beforeEach(() => {
  place = scratch();
  dir = join(place.fresh("home"), "data");
});
afterEach(() => place.remove());

function reopened<T>(use: (store: OpenStore) => T): T {
  const store = openStore(dir, options);
  try {
    return use(store);
  } finally {
    store.close();
  }
}

describe("what is stored", () => {
  it("starts empty, in a directory that only its owner reads", () => {
    reopened((store) => {
      expect(store.status()).toMatchObject({ height: 0, synchronous: 2 });
      expect(store.checkpoint()).toBeNull();
      expect(store.blocks(1, 10)).toEqual([]);
      expect(store.durable()).toBeNull();
      expect(store.signed(1)).toEqual([]);
      expect(store.ownTransactions()).toEqual([]);
      expect(statSync(dir).mode & 0o777).toBe(0o700);
      expect(statSync(join(dir, "ledger.db")).mode & 0o777).toBe(0o600);
      expect(statSync(join(dir, "ledger.db-wal")).mode & 0o777).toBe(0o600);
    });
  });

  it("takes blocks that follow each other at once, all of them or none", () => {
    const blocks = [1, 2, 3].map((height) => committed(height));
    reopened((store) => {
      expect(codeOf(() => store.commitAll([committed(1), committed(3)]))).toBe("invariant");
      expect(store.status()).toMatchObject({ height: 0, writes: 0 });
      store.commitAll(blocks);
      expect(store.status()).toMatchObject({ height: 3, writes: 1 });
    });
    reopened((store) => {
      expect(store.blocks(1, 10).map(({ block }) => block)).toEqual(
        blocks.map(({ block }) => block),
      );
    });
  });

  it("is all there after a reopening", () => {
    const block = committed(1, { transactions: [transaction("x")], checkpoint: Uint8Array.of(1) });
    const locked = value("locked");
    const state = durable(2, { lockedRound: 0, locked, validRound: 0, valid: locked });
    const own = { id: hashOf("own") as TransactionId, bytes: Uint8Array.of(9) };
    reopened((store) => {
      store.commit(block);
      store.saveSigned(state, vote(2, "locked"));
      store.saveOwnTransaction(own);
    });
    reopened((store) => {
      expect(store.status().height).toBe(1);
      expect(store.blocks(1, 1)).toEqual([
        { height: 1, block: block.block, certificate: block.certificate },
      ]);
      expect(store.checkpoint()).toEqual({ height: 1, state: Uint8Array.of(1) });
      expect(store.durable()).toEqual(state);
      expect(store.signed(2)).toEqual([vote(2, "locked")]);
      expect(store.ownTransactions()).toEqual([own]);
    });
  });

  it("syncs every commit also after a reopening, when the file is in WAL mode already", () => {
    reopened((store) => store.commit(committed(1)));
    reopened((store) => expect(store.status().synchronous).toBe(2));
  });
});

describe("blocks", () => {
  it("come back byte for byte, from a height, at most so many", () => {
    const blocks = [1, 2, 3, 4].map((height) =>
      committed(height, {
        // 0 to 3 transactions, of 1 byte to the largest allowed.
        transactions: [1, 300, 4096]
          .slice(0, height - 1)
          .map((size) =>
            transaction(`${height} ${size}`, "buyOffer", new Uint8Array(size).fill(size)),
          ),
      }),
    );
    reopened((store) => {
      for (const block of blocks) store.commit(block);
      const wanted = blocks.map(({ height, block, certificate }) => ({
        height,
        block,
        certificate,
      }));
      expect(store.blocks(1, 32)).toEqual(wanted);
      expect(store.blocks(2, 2)).toEqual(wanted.slice(1, 3));
      expect(store.blocks(5, 2)).toEqual([]);
    });
  });

  it("follow each other without a gap, and none comes twice", () => {
    reopened((store) => {
      expect(codeOf(() => store.commit(committed(2)))).toBe("invariant");
      store.commit(committed(1));
      expect(codeOf(() => store.commit(committed(1)))).toBe("invariant");
      expect(codeOf(() => store.commit(committed(3)))).toBe("invariant");
      expect(store.status().height).toBe(1);
    });
  });

  it("refuse a transaction that is on the ledger already, and stay away as a whole", () => {
    reopened((store) => {
      store.commit(committed(1, { transactions: [transaction("x")] }));
      const second = committed(2, { transactions: [transaction("y"), transaction("x")] });
      expect(codeOf(() => store.commit(second))).toBe("invariant");
      expect(store.status().height).toBe(1);
      store.commit(committed(2, { transactions: [transaction("y")] }));
    });
  });

  it("must hold exactly the transactions that are listed beside them", () => {
    reopened((store) => {
      const block = committed(1, { transactions: [transaction("x"), transaction("y")] });
      const swapped = { ...block, transactions: block.transactions.toReversed() };
      expect(() => store.commit(swapped)).toThrow("Bug");
      expect(() => store.commit({ ...block, transactions: [] })).toThrow("Bug");
      expect(store.status().height).toBe(0);
    });
  });

  it("leave the two newest checkpoints", () => {
    reopened((store) => {
      for (const height of [1, 2, 3, 4, 5]) {
        const checkpoint = height % 2 === 0 ? {} : { checkpoint: Uint8Array.of(height) };
        store.commit(committed(height, checkpoint));
      }
      expect(store.checkpoint()).toEqual({ height: 5, state: Uint8Array.of(5) });
    });
    const db = new Database(join(dir, "ledger.db"));
    expect(db.prepare("SELECT height FROM checkpoint ORDER BY height").pluck().all()).toEqual([
      3, 5,
    ]);
    db.close();
  });
});

describe("the sign log", () => {
  it("refuses a second message for one height, round and type, and keeps the first", () => {
    reopened((store) => {
      store.saveSigned(durable(5), vote(5, "a"));
      const other = durable(5, { round: 1 });
      expect(codeOf(() => store.saveSigned(other, vote(5, "b")))).toBe("doubleSign");
      expect(codeOf(() => store.saveSigned(other, vote(5, null)))).toBe("doubleSign");
      expect(store.signed(5)).toEqual([vote(5, "a")]);
      expect(store.durable()).toEqual(durable(5));
    });
    reopened((store) => {
      expect(codeOf(() => store.saveSigned(durable(5), vote(5, "b")))).toBe("doubleSign");
    });
  });

  it("takes the same message again, with the newer state and the first signature", () => {
    reopened((store) => {
      store.saveSigned(durable(5), vote(5, "a"));
      const again = { ...vote(5, "a"), signature: new Uint8Array(64).fill(1) };
      store.saveSigned(durable(5, { step: "precommit" }), again);
      expect(store.signed(5)).toEqual([vote(5, "a")]);
      expect(store.durable()).toEqual(durable(5, { step: "precommit" }));
    });
  });

  it("gives back a height's messages in the order in which they are said", () => {
    const own = value("own", 20_000);
    const said = [proposal(5, own), vote(5, "own"), vote(5, "own", "precommit")];
    reopened((store) => {
      for (const record of said.toReversed()) store.saveSigned(durable(5), record);
      store.saveSigned(durable(6), vote(6, null));
      expect(store.signed(5)).toEqual(said);
    });
  });

  it("keeps a valid value that is not the locked one", () => {
    const state = durable(5, {
      lockedRound: 0,
      locked: value("a"),
      validRound: 2,
      valid: value("bb"),
    });
    reopened((store) => {
      store.saveSigned(state, vote(5, "a"));
      expect(store.durable()).toEqual(state);
    });
  });

  it("keeps the polka of the valid value", () => {
    const polka = [
      {
        vote: "prevote" as const,
        height: 5,
        round: 0,
        blockId: value("a").blockId,
        validator: BUYER,
        signature: new Uint8Array(64).fill(3),
      },
    ];
    const state = durable(5, { validRound: 0, valid: value("a"), polka });
    reopened((store) => {
      store.saveSigned(state, vote(5, "a"));
      expect(store.durable()).toEqual(state);
    });
  });

  it("forgets heights long past, and signs nothing there any more", () => {
    reopened((store) => {
      store.saveSigned(durable(1), vote(1, "a"));
      store.saveSigned(durable(2), vote(2, "a"));
      const last = SIGN_LOG_HEIGHTS_KEPT + 1;
      for (let height = 1; height < last; height += 1) store.commit(committed(height));
      expect(store.signed(1)).toHaveLength(1);
      store.commit(committed(last));
      // 1001 - 1000 = 1: height 1 is forgotten, height 2 is the oldest kept.
      expect(store.signed(1)).toEqual([]);
      expect(store.signed(2)).toHaveLength(1);
      expect(codeOf(() => store.saveSigned(durable(1), vote(1, "b")))).toBe("doubleSign");
    });
  });

  it("stands on the message's own height, round and type", () => {
    reopened((store) => {
      const misplaced = { ...vote(5, "a"), round: 3 };
      expect(() => store.saveSigned(durable(5), misplaced)).toThrow("Bug");
      expect(() => store.saveSigned(durable(4), vote(5, "a"))).toThrow("Bug");
      expect(store.signed(5)).toEqual([]);
    });
  });
});

describe("own transactions", () => {
  const own = (name: string) => ({ id: hashOf(name) as TransactionId, bytes: Uint8Array.of(1) });

  it("keep their order, come once, and go when they are dropped", () => {
    reopened((store) => {
      for (const name of ["b", "a", "c", "a"]) store.saveOwnTransaction(own(name));
      expect(store.ownTransactions()).toEqual([own("b"), own("a"), own("c")]);
      store.dropOwnTransactions([own("a").id, own("unknown").id]);
      expect(store.ownTransactions()).toEqual([own("b"), own("c")]);
    });
  });
});

describe("samples", () => {
  const sample = (at: number, produced: number | null): RegisterSample => ({
    at: unixMs(at),
    produced: produced === null ? null : wh(produced),
    imported: null,
    exported: wh(0),
  });

  it("come back by time with both edges, null staying null", () => {
    reopened((store) => {
      store.saveSamples([sample(180_000, 3), sample(60_000, 1), sample(120_000, null)]);
      store.saveSamples([sample(240_000, 4)]);
      expect(store.samples(unixMs(60_000), unixMs(180_000))).toEqual([
        sample(60_000, 1),
        sample(120_000, null),
        sample(180_000, 3),
      ]);
    });
  });

  it("of the same minute complete each other", () => {
    reopened((store) => {
      store.saveSamples([{ ...sample(60_000, 7), exported: null }]);
      store.saveSamples([sample(60_000, null)]);
      expect(store.samples(unixMs(0), unixMs(60_000))).toEqual([sample(60_000, 7)]);
    });
  });

  it("go after the retention, counted from the newest", () => {
    const days = (n: number) => n * 86_400_000;
    reopened((store) => {
      store.saveSamples([sample(60_000, 1), sample(120_000, 2)]);
      store.saveSamples([sample(days(SAMPLES_DAYS_MAX) + 120_000, 3)]);
      const kept = store.samples(unixMs(0), unixMs(days(SAMPLES_DAYS_MAX) + 120_000));
      expect(kept.map(({ produced }) => produced)).toEqual([2, 3]);
    });
  });
});

describe("whose directory it is", () => {
  beforeEach(() => reopened((store) => store.commit(committed(1))));

  it("is not another community's", () => {
    const communityId = hashOf("other");
    expect(codeOf(() => openStore(dir, { ...options, communityId }))).toBe("otherCommunity");
  });

  it("is not another member's", () => {
    const other = { ...options, memberId: BUYER };
    expect(codeOf(() => openStore(dir, other))).toBe("otherMember");
    expect(() => openStore(dir, other)).toThrow(
      /belongs to seller1@vt.edu, the card to buyer1@vt.edu/,
    );
  });

  it("is refused by an older program, and left as it is", () => {
    const db = new Database(join(dir, "ledger.db"));
    db.pragma("user_version = 99");
    db.close();
    expect(codeOf(() => openStore(dir, options))).toBe("newerVersion");
    expect(() => openStore(dir, options)).toThrow(/format 99/);
  });

  it("is free again after each refusal", () => {
    const stranger = { ...options, memberId: memberId("stranger@vt.edu") };
    expect(codeOf(() => openStore(dir, stranger))).toBe("otherMember");
    reopened((store) => expect(store.status().height).toBe(1));
  });
});

describe("upkeep", () => {
  it("copies the WAL into the file every 64 transactions, and empties it when closing", () => {
    const store = openStore(dir, options);
    for (let height = 1; height <= 63; height += 1) store.commit(committed(height));
    expect(store.status()).toMatchObject({ writes: 63, walCheckpoints: 0 });
    const before = statSync(join(dir, "ledger.db")).size;
    store.commit(committed(64));
    expect(store.status()).toMatchObject({ writes: 64, walCheckpoints: 1 });
    expect(statSync(join(dir, "ledger.db")).size).toBeGreaterThan(before);
    store.close();
    expect(existsSync(join(dir, "ledger.db-wal"))).toBe(false);
  });

  it("does not touch the mode of a directory that was there before", () => {
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    reopened(() => expect(statSync(dir).mode & 0o777).toBe(0o755));
  });
});
