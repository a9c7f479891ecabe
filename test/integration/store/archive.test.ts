// Blocks, who votes on them, cards and evidence, on real files: of a home that has all, after a restart, and in a
// ledger that begins with a snapshot. Signatures are checked by OpenSSL.

import { createPublicKey, verify } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Verifier } from "../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId, encodeRules, type Rules } from "../../../agent/core/ledger/rules.ts";
import { genesis } from "../../../agent/core/ledger/state.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { readBlock, readEvidence, readTransaction } from "../../../agent/io/http/ledgerRead.ts";
import { type OpenHistory, openHistory } from "../../../agent/io/store/history.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { BUYER, SELLER, STRANGER, writeAuditedHome } from "../../support/auditedHome.ts";
import { ChangingChain } from "../../support/changingChain.ts";
import { testCard, testKey } from "../../support/ledger.ts";
import { type Scratch, scratch, silent } from "./fixtures.ts";

const verifier = new Verifier();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

let place: Scratch;
let open: OpenHistory | null;
beforeEach(() => {
  place = scratch();
  open = null;
});
afterEach(() => {
  open?.close();
  place.remove();
});

function reading(dir: string, rules: Rules) {
  open = openHistory(dir);
  return { door: { rules, history: open, ledger: () => genesis(rules) }, verifier };
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was told
const told = (value: unknown): any => value;

function isSigned(publicKey: string, { signedBytes, signature }: { [name: string]: string }) {
  const der = Buffer.from(`302a300506032b6570032100${publicKey}`, "hex");
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(
    null,
    Buffer.from(`${signedBytes}`, "hex"),
    key,
    Buffer.from(`${signature}`, "hex"),
  );
}

describe("the archive of a home", () => {
  it("gives back every block to the byte, and who votes on it", () => {
    const dir = place.fresh("home");
    const { rules, blocks } = writeAuditedHome(dir);
    const { door } = reading(dir, rules);
    const { archive } = door.history;
    expect(archive.span()).toEqual({ first: 1, last: 8 });
    expect(archive.blocks(3, 2).map(({ height }) => height)).toEqual([3, 4]);
    expect(archive.blocks(8, 5).map(({ height }) => height)).toEqual([8]);
    expect([archive.blocks(9, 1), archive.blocks(0, 1)]).toEqual([[], []]);
    for (const [i, block] of blocks.entries()) {
      expect(archive.blocks(i + 1, 1)[0]?.block).toEqual(encodeBlock(block));
      const voters = archive.votersOf(block.header);
      expect(voters).toEqual({
        ...{ validators: rules.validators, chain: communityId(rules), restart: null },
      });
    }
    // A header that names others: nobody can say who they are.
    const [{ header }] = blocks as [(typeof blocks)[number]];
    expect(archive.votersOf({ ...header, validatorsHash: "0".repeat(64) })).toBe(null);
  });

  it("finds for every transaction the key that signed it", () => {
    const dir = place.fresh("home");
    const { rules, blocks } = writeAuditedHome(dir);
    const here = reading(dir, rules);
    const from: { [key: string]: number } = {};
    for (const height of blocks.keys()) {
      const block = told(readBlock(here, height + 1));
      for (const { id, position, author } of block.transactions) {
        const entry = told(readTransaction(here, id));
        expect([entry.height, entry.position]).toEqual([height + 1, position]);
        expect(isSigned(entry.publicKey, entry), entry.type).toBe(true);
        const signer = author === null ? "the CA" : author;
        expect(entry.publicKey).toBe(hex(testKey(signer).publicKey));
        from[entry.keyFrom] = (from[entry.keyFrom] ?? 0) + 1;
      }
    }
    // 3 orders of the CA, 3 receipts; by card 3 + 1 + 3 (offer, bid, evidence) + 1 + 1.
    expect(from).toEqual({ ca: 3, validators: 3, card: 9 });
    expect(door(here).cards(memberId(STRANGER))).toEqual([testCard(STRANGER).certificate]);
    expect(door(here).cards(memberId("nobody@vt.edu"))).toEqual([]);
  });

  it("tells evidence with both that were signed, by whom it is and where it stands", () => {
    const dir = place.fresh("home");
    const { rules } = writeAuditedHome(dir);
    const here = reading(dir, rules);
    const [found, ...others] = told(readEvidence(here, 10));
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      ...{ kind: "doubleBuyOffer", offender: BUYER, reporter: SELLER, height: 3 },
      subject: "21Mar18-15:00 bid 9",
    });
    const { type, author, accused } = told(readTransaction(here, found.transactionId));
    expect([type, author, accused.keyFrom]).toEqual(["evidence", SELLER, "card"]);
    const [first, second] = accused.said;
    expect(first.signedBytes < second.signedBytes).toBe(true);
    for (const said of accused.said) {
      expect(isSigned(accused.publicKey, said)).toBe(true);
      expect(accused.publicKey).toBe(hex(testKey(BUYER).publicKey));
    }
  });
});

const door = ({ door: { history } }: ReturnType<typeof reading>) => history.archive;
const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;

describe("who votes", () => {
  const ownerOf = ({ rules }: ChangingChain) => ({
    ...{ communityId: communityId(rules), memberId: memberId(A) },
    ...{ rules: encodeRules(rules), log: silent },
  });

  it("follows the CA's changes and restarts, with what votes are for", () => {
    const chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
    // Said in block 2: it holds from block 4 on.
    chain.change({ add: [E] });
    chain.grant(A);
    chain.grant(A);
    // Block 5.
    chain.restart(A, E);
    chain.grant(A);
    const dir = place.fresh("all");
    const store = openStore(dir, ownerOf(chain));
    chain.store(store);
    store.close();
    const here = reading(dir, chain.rules);
    const names = chain.blocks.map(({ header }) =>
      door(here)
        .votersOf(header)
        ?.validators.map(({ memberId: id }) => id),
    );
    const [first, changed, after] = [
      [A, B, C, D],
      [A, B, C, D, E],
      [A, E],
    ];
    expect(names).toEqual([first, first, first, changed, after, after]);
    const [before, at, next] = [4, 5, 6].map((height) => told(readBlock(here, height)).certificate);
    expect([before.chain, before.restart]).toEqual([communityId(chain.rules), null]);
    expect([at.chain, at.chain === before.chain]).toEqual([chain.state.chain, false]);
    expect(next.chain).toBe(chain.state.chain);
    expect(at.restart).toBe(told(readBlock(here, 5)).transactions[0].id);
    expect(at.votes.every(({ signature }: { signature: string | null }) => signature)).toBe(true);
  });

  it("is known in a ledger that begins with a snapshot, too, but not what was before", () => {
    const chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
    chain.change({ add: [E] });
    chain.restart(A, E);
    chain.grant(A);
    const dir = place.fresh("joined");
    const store = openStore(dir, ownerOf(chain));
    const { snapshot, state } = chain.snapshot();
    const ledger = openLedger({ rules: chain.rules, store, verifier });
    mustBeAccepted(ledger.install(snapshot, state), "the snapshot is right");
    chain.grant(E);
    chain.store(store);
    store.close();
    const here = reading(dir, chain.rules);
    expect(door(here).span()).toEqual({ first: 4, last: 5 });
    expect(readBlock(here, 3)).toBe(null);
    for (const height of [4, 5]) {
      const { certificate, transactions } = told(readBlock(here, height));
      expect(certificate.votes.map((one: { memberId: string }) => one.memberId)).toEqual([A, E]);
      expect([certificate.chain, certificate.restart]).toEqual([chain.state.chain, null]);
      expect(told(readTransaction(here, transactions[0].id)).keyFrom).toBe("ca");
    }
    // The card is in a block that is not here.
    expect(door(here).cards(memberId(A))).toEqual([]);
  });
});
