// The page's own checks, over a real ledger's bytes as REST tells them: they agree with the agents, and find whatever
// was changed.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Verifier } from "../../../agent/core/crypto.ts";
import { blockId, decodeBlock, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { inOrder } from "../../../agent/core/ledger/evidence.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { genesis } from "../../../agent/core/ledger/state.ts";
import { decodeTransaction, transactionSignBytes } from "../../../agent/core/ledger/transaction.ts";
import { validatorsHash } from "../../../agent/core/ledger/validators.ts";
import { merkleRoot } from "../../../agent/core/merkle.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { voteSignBytes } from "../../../agent/core/signBytes.ts";
import { type BlockId, type CommunityId, memberId } from "../../../agent/core/units/ids.ts";
import {
  readBlock,
  readCommunity,
  readEvidence,
  readTransaction,
} from "../../../agent/io/http/ledgerRead.ts";
import { type OpenHistory, openHistory } from "../../../agent/io/store/history.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { merkleRoot as pageRoot } from "../../../broker/dashboard/page/ledger/block.ts";
import { hexOf } from "../../../broker/dashboard/page/ledger/bytes.ts";
import { readEntry } from "../../../broker/dashboard/page/ledger/entry.ts";
import { isSignedBy, isSoundKey } from "../../../broker/dashboard/page/ledger/signature.ts";
import {
  type Check,
  type Told,
  verifyBlock,
  verifyTransaction,
} from "../../../broker/dashboard/page/ledger/verify.ts";
import { doubleProposal, doubleVote, report } from "../../support/accusations.ts";
import { writeAuditedHome } from "../../support/auditedHome.ts";
import { ChangingChain, certificateBy } from "../../support/changingChain.ts";
import { testKey } from "../../support/ledger.ts";
import { silentLog } from "../../support/silentLog.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests change whatever is told
type Any = any;

const dirs: string[] = [];
const opened: OpenHistory[] = [];

function fresh(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "pv-page-verify-"));
  dirs.push(dir);
  return dir;
}

afterAll(() => {
  for (const history of opened) history.close();
  for (const dir of dirs) fs.rmSync(dir, { recursive: true, force: true });
});

type Home = {
  readonly community: Any;
  readonly block: (height: number) => Any;
  readonly entry: (id: string) => Any;
  readonly evidence: () => Any;
  readonly heights: number;
};

function homeOf(
  dir: string,
  { rules }: { rules: ReturnType<typeof writeAuditedHome>["rules"] },
): Home {
  const history = openHistory(dir);
  opened.push(history);
  const reading = {
    ...{ door: { rules, history, ledger: () => genesis(rules) }, verifier: new Verifier() },
  };
  // As it comes over the wire.
  const wire = (value: unknown): Any => JSON.parse(JSON.stringify(value));
  return {
    community: wire(readCommunity(reading)),
    block: (height) => wire(readBlock(reading, height)),
    entry: (id) => wire(readTransaction(reading, id as never)),
    evidence: () => wire(readEvidence(reading, 10)),
    heights: history.archive.span().last,
  };
}

const failed = (checks: readonly Check[]) =>
  checks.filter(({ state }) => state === "fails").map(({ name }) => name);

let home: Home;
let chainHome: Home;
beforeAll(() => {
  const dir = fresh();
  home = homeOf(dir, writeAuditedHome(dir));
  chainHome = restarted();
});

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;

/** As `doubleVote`, of a chain that a restart began. */
function doubleVoteFor(chain: CommunityId, name: string) {
  const height = 6;
  const one = (blockId: BlockId | null) => {
    const message = voteSignBytes(chain, { vote: "prevote", height, round: 0, blockId });
    return { blockId, signature: testKey(name).sign(message) };
  };
  const [a, b] = [one("a".repeat(64) as BlockId), one(null)];
  const said = { offender: memberId(name), vote: "prevote", height, round: 0, a, b } as const;
  return inOrder(chain, { type: "doubleVote", ...said });
}

/** Who votes changes, a vote and a proposal are shown to be double, and a restart follows. */
function restarted(): Home {
  const chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
  chain.next([A, report(doubleVote(chain.rules, B))], [A, report(doubleProposal(chain.rules, C))]);
  chain.grant(A);
  chain.grant(A);
  chain.restart(A, D, E);
  chain.grant(A);
  chain.next([A, report(doubleVoteFor(chain.state.chain, D))]);
  const dir = fresh();
  const store = openStore(dir, {
    ...{ communityId: communityId(chain.rules), memberId: memberId(A) },
    ...{ rules: encodeRules(chain.rules), log: silentLog },
  });
  chain.store(store);
  store.close();
  return homeOf(dir, chain);
}

const heightsOf = ({ heights }: Home) => Array.from({ length: heights }, (_, i) => i + 1);

describe("what is right", () => {
  test("holds: every block and every transaction of a ledger with something of everything", () => {
    const types = new Set<string>();
    for (const one of [home, chainHome]) {
      const { community } = one;
      for (const height of heightsOf(one)) {
        const block = one.block(height);
        expect(failed(verifyBlock(height, { block, community }).checks)).toEqual([]);
        for (const { id } of block.transactions) {
          const entry = one.entry(id);
          types.add(entry.type);
          const verdict = verifyTransaction(id, { entry, community, block });
          expect([failed(verdict.checks), verdict.isGood], entry.type).toEqual([[], true]);
          const open = verdict.checks.filter(({ state }) => state === "open");
          const names = open.map(({ name }) => name);
          // From block 4 of the second ledger on others vote than the rules name.
          const isSure = one === home || height < 4;
          const isByVoters = entry.keyFrom === "validators";
          expect(names).toEqual(isSure ? [] : [...(isByVoters ? ["owner"] : []), "place"]);
        }
      }
    }
    expect([...types].sort()).toEqual(
      [
        ...["registerMember", "registerPv", "pvOffer", "buyOffer", "grant", "revoke", "evidence"],
        ...["receipt", "meterReading", "validatorChange", "restart"],
      ].sort(),
    );
  });

  test("the page reads the same out of the bytes as the agents do, and knows what was signed", () => {
    const community = home.community.community;
    for (const height of heightsOf(home)) {
      for (const { id } of home.block(height).transactions) {
        const bytes = Buffer.from(home.entry(id).bytes, "hex");
        const theirs = mustBeAccepted(decodeTransaction(community, bytes), "it decodes");
        const ours = readEntry(bytes);
        expect([ours.author, ours.type]).toEqual([theirs.author, theirs.payload.type]);
        const signed = ours.signedBytes(Buffer.from(community, "hex"));
        expect(hexOf(signed)).toBe(hexOf(transactionSignBytes(community, theirs)));
      }
    }
    for (let n = 0; n <= 9; n += 1) {
      const leaves = Array.from({ length: n }, (_, i) => Uint8Array.of(i, n));
      expect(hexOf(pageRoot(leaves))).toBe(hexOf(merkleRoot(leaves)));
    }
  });

  test("says who has voted since when, as far as it can be shown", () => {
    const { community } = chainHome;
    const stateOf = (height: number, name: string) =>
      verifyBlock(height, { block: chainHome.block(height), community }).checks.find(
        (check) => check.name === name,
      )?.state;
    // Block 2 shows that b and c signed twice: from block 4 on a and d vote, from 5 on a, d and e.
    expect([1, 3, 4, 5].map((height) => stateOf(height, "firstVoters"))).toEqual([
      ...["holds", "holds", "open", "open"],
    ]);
    expect([4, 5, 6].map((height) => stateOf(height, "chain"))).toEqual([
      undefined,
      "holds",
      "holds",
    ]);
  });
});

/** The answers for the bid of the buyer in block 3, to be changed. */
function bid(): { id: string; entry: Any; block: Any; community: Any } {
  const block = home.block(3);
  const { id } = block.transactions.find(({ type }: Any) => type === "buyOffer");
  return { id, entry: home.entry(id), block, community: structuredClone(home.community) };
}

const check = ({ id, ...answers }: ReturnType<typeof bid>) =>
  failed(verifyTransaction(id, answers).checks);

function flipped(hex: string, byte: number): string {
  const bytes = Buffer.from(hex, "hex");
  bytes[byte] = (bytes[byte] ?? 0) ^ 1;
  return bytes.toString("hex");
}

describe("what was changed is found", () => {
  test("one bit, anywhere in a transaction", () => {
    for (const field of ["bytes", "signedBytes", "signature", "publicKey"] as const) {
      const { length } = Buffer.from(bid().entry[field], "hex");
      for (let at = 0; at < length; at += 7) {
        const changed = bid();
        changed.entry[field] = flipped(changed.entry[field], at);
        expect(check(changed).length, `${field} ${at}`).toBeGreaterThan(0);
      }
    }
  });

  test("a story that fits its bytes in all but the signature", () => {
    // 4000 Wh (190fa0) becomes 9000 Wh (192328), in the block's bytes and in those that were signed.
    const changed = bid();
    const more = (hex: string) => hex.replace("190fa0", "192328");
    changed.entry.bytes = more(changed.entry.bytes);
    changed.entry.signedBytes = more(changed.entry.signedBytes);
    changed.entry.payload.energy = 9000;
    expect(check(changed)).toEqual(["id", "signature", "place"]);
  });

  test("another figure shown than was signed", () => {
    const changed = bid();
    changed.entry.payload.bidPrice = 1;
    expect(check(changed)).toEqual(["shown"]);
    const named = bid();
    named.entry.author = "seller1@vt.edu";
    expect(check(named)).toEqual(["shown"]);
  });

  test("another time shown than its block's", () => {
    const changed = bid();
    changed.entry.time = "2018-03-21T18:20:00.000Z";
    expect(check(changed)).toEqual(["place"]);
  });

  test("another transaction than was asked for, in a block that has it", () => {
    const { id } = bid();
    const other = bid();
    const offer = other.block.transactions.find(({ type }: Any) => type === "pvOffer").id;
    other.entry = home.entry(offer);
    expect(
      verifyTransaction(id, other).checks.filter(({ state }) => state === "fails"),
    ).toMatchObject([{ name: "id", facts: { hash: offer } }]);
  });

  test("another's key, though it signed", () => {
    const changed = bid();
    const stranger = testKey("stranger");
    const signature = hexOf(stranger.sign(Buffer.from(changed.entry.signedBytes, "hex")));
    changed.entry.bytes = changed.entry.bytes.replace(changed.entry.signature, signature);
    changed.entry.signature = signature;
    changed.entry.publicKey = hexOf(stranger.publicKey);
    // The signature is good; the card is the buyer's and names another key; the block has other bytes.
    expect(check(changed)).toEqual(["owner", "place"]);
    changed.entry.keyFrom = "ca";
    expect(check(changed)).toEqual(["owner", "place"]);
    changed.entry.keyFrom = "administrator";
    expect(check(changed)).toEqual(["owner", "place"]);
    changed.entry.keyFrom = "whoever";
    expect(check(changed)).toEqual(["owner", "place"]);
    // Nobody vouches: that is open, and the block still tells.
    changed.entry.keyFrom = "ledger";
    expect(check(changed)).toEqual(["place"]);
  });

  test("a key for which anybody can sign", () => {
    // The neutral element (RFC 8032's point y = 1): R the same and S = 0 is a signature of anything under ZIP215.
    const neutral = `01${"00".repeat(31)}`;
    const signature = neutral + "00".repeat(32);
    const message = Buffer.from("anything");
    const publicKey = Buffer.from(neutral, "hex");
    expect(isSignedBy({ publicKey, message, signature: Buffer.from(signature, "hex") })).toBe(true);
    expect(isSoundKey(publicKey)).toBe(false);
    const changed = bid();
    changed.entry.bytes = changed.entry.bytes.replace(changed.entry.signature, signature);
    Object.assign(changed.entry, { signature, publicKey: neutral, keyFrom: "ledger" });
    expect(check(changed)).toEqual(["key", "place"]);
  });

  test("rules of another community, and a CA of one's own", () => {
    const changed = bid();
    const ca = Buffer.from(changed.community.caPublicKey, "hex");
    const at = Buffer.from(changed.community.rules, "hex").indexOf(ca);
    changed.community.rules = flipped(changed.community.rules, at);
    expect(check(changed)).toEqual(["rules"]);
  });

  test("one bit, anywhere in a block, its header's fields and its certificate", () => {
    const height = 3;
    const { community } = home;
    const found = (block: Told) => failed(verifyBlock(height, { block, community }).checks);
    const { bytes, certificate } = home.block(height);
    for (let at = 0; at < bytes.length / 2; at += 31) {
      const block = home.block(height);
      block.bytes = flipped(block.bytes, at);
      expect(found(block).length, `byte ${at}`).toBeGreaterThan(0);
    }
    for (const field of [
      "blockId",
      "previous",
      "stateRoot",
      "transactionsRoot",
      "validatorsHash",
    ]) {
      const block = home.block(height);
      block[field] = flipped(block[field], 5);
      expect(found(block).length, field).toBeGreaterThan(0);
    }
    for (const [i] of certificate.votes.entries()) {
      for (const field of ["signature", "publicKey"]) {
        const block = home.block(height);
        block.certificate.votes[i][field] = flipped(block.certificate.votes[i][field], 9);
        expect(found(block), `${field} ${i}`).toContain("quorum");
      }
    }
    const late = home.block(height);
    late.time = "2018-03-21T18:10:00.001Z";
    expect(found(late)).toEqual(["header"]);
    expect(failed(verifyBlock(4, { block: home.block(3), community }).checks)).toEqual(["header"]);
    const hidden = home.block(height);
    hidden.transactions.pop();
    expect(found(hidden)).toEqual(["root"]);
  });

  test("too few votes, votes of others, and one that is counted twice", () => {
    const { community } = home;
    const found = (block: Told) => failed(verifyBlock(3, { block, community }).checks);
    // Of four three are enough, two are not.
    const three = home.block(3);
    three.certificate.votes[0].signature = null;
    expect(found(three)).toEqual([]);
    three.certificate.votes[1].signature = null;
    expect(found(three)).toEqual(["quorum"]);
    const few = home.block(3);
    few.certificate.votes.splice(2);
    expect(found(few)).toEqual(["voters", "quorum"]);
    const twice = home.block(3);
    twice.certificate.votes[1] = twice.certificate.votes[0];
    expect(found(twice)).toEqual(["voters", "quorum"]);
    const otherRound = home.block(3);
    otherRound.certificate.round = 1;
    expect(found(otherRound)).toEqual(["quorum"]);
    const otherChain = home.block(3);
    otherChain.certificate.chain = "0".repeat(64);
    expect(found(otherChain)).toEqual(["quorum"]);
    // Of three all are needed: two are two thirds, not more.
    const two = chainHome.block(6);
    expect(two.certificate.votes.length).toBe(3);
    two.certificate.votes[0].signature = null;
    const ofThree = verifyBlock(6, { block: two, community: chainHome.community });
    expect(ofThree.checks.find(({ state }) => state === "fails")).toMatchObject({
      ...{ name: "quorum", facts: { have: 2, need: 3, all: 3 } },
    });
    const restart = chainHome.block(6);
    restart.certificate.restart = "0".repeat(64);
    const { checks } = verifyBlock(6, { block: restart, community: chainHome.community });
    expect(failed(checks)).toEqual(["chain"]);
  });

  test("a block that somebody made up with voters of their own is not said to hold", () => {
    // The right header but for who votes: three keys of a liar's, who sign it all.
    const { id, entry, block, community } = bid();
    const liars = ["x@vt.edu", "y@vt.edu", "z@vt.edu"].map((name) => ({
      ...{ memberId: memberId(name), publicKey: testKey(name).publicKey },
    }));
    const real = mustBeAccepted(decodeBlock(Buffer.from(block.bytes, "hex")), "it decodes");
    const header = { ...real.header, validatorsHash: validatorsHash(liars) };
    const certificate = certificateBy({
      ...{ chain: community.community, validators: liars, height: 3, blockId: blockId(header) },
    });
    block.bytes = hexOf(encodeBlock({ ...real, header }));
    Object.assign(block, { validatorsHash: header.validatorsHash, blockId: blockId(header) });
    entry.blockId = block.blockId;
    block.certificate.votes = certificate.signatures.map(({ validator, signature }, i) => ({
      ...{ memberId: validator, signature: hexOf(signature) },
      publicKey: hexOf(liars[i]?.publicKey ?? new Uint8Array()),
    }));
    const { checks, isGood } = verifyTransaction(id, { entry, community, block });
    expect([isGood, checks.at(-1)]).toMatchObject([true, { name: "place", state: "open" }]);
    const stateOf = new Map(
      verifyBlock(3, { block, community }).checks.map(({ name, state }) => [name, state]),
    );
    expect([stateOf.get("quorum"), stateOf.get("firstVoters")]).toEqual(["holds", "open"]);
  });

  test("a home that does not know who voted shows less, and is not believed more", () => {
    const block = home.block(3);
    for (const vote of block.certificate.votes) vote.publicKey = null;
    const { checks, isGood } = verifyBlock(3, { block, community: home.community });
    const open = checks.filter(({ state }) => state === "open").map(({ name }) => name);
    expect([open, isGood]).toEqual([["voters", "quorum"], true]);
    const { id, entry, community } = bid();
    const place = verifyTransaction(id, { entry, community, block }).checks.at(-1);
    expect(place).toMatchObject({ name: "place", state: "open" });
  });

  test("evidence that accuses the wrong one, or shows one thing twice", () => {
    const [{ transactionId: id, height }] = home.evidence();
    const { community } = home;
    const block = home.block(height);
    const found = (entry: Told) =>
      failed(verifyTransaction(id, { entry, community, block }).checks);
    const shown = home.entry(id);
    shown.accused.said[0].signedBytes = shown.accused.said[1].signedBytes;
    expect(found(shown)).toEqual(["contradiction"]);
    const other = home.entry(id);
    const reporter = home.entry(id);
    Object.assign(other.accused, {
      ...{ publicKey: reporter.publicKey, certificate: reporter.certificate },
    });
    expect(found(other)).toEqual(["contradiction", "accused"]);
    const none = home.entry(id);
    none.accused = null;
    expect(found(none).length).toBeGreaterThan(0);
  });

  test("evidence beside which another signature is shown", () => {
    const [{ transactionId: id, height }] = home.evidence();
    const entry = home.entry(id);
    entry.accused.said[0].signature = flipped(entry.accused.said[0].signature, 3);
    const { community } = home;
    const verdict = verifyTransaction(id, { entry, community, block: home.block(height) });
    expect(failed(verdict.checks)).toEqual(["contradiction"]);
  });

  test("answers that are no answers fail, and nothing is thrown", () => {
    const { id, entry, block, community } = bid();
    for (const wrong of [{}, { bytes: 1 }, { bytes: "zz" }, { ...entry, bytes: "" }] as Told[]) {
      expect(verifyTransaction(id, { entry: wrong, community, block }).isGood).toBe(false);
      expect(verifyTransaction(id, { entry, community: wrong, block }).isGood).toBe(false);
      expect(verifyTransaction(id, { entry, community, block: wrong }).isGood).toBe(false);
    }
    const deep = { ...entry, bytes: "81".repeat(5000) };
    expect(verifyTransaction(id, { entry: deep, community, block }).isGood).toBe(false);
    const long = { ...entry, bytes: `9b${"ff".repeat(8)}` };
    expect(verifyTransaction(id, { entry: long, community, block }).isGood).toBe(false);
  });

  test("what cannot be made text or a number of fails, wherever it stands, and nothing is thrown", () => {
    // JSON may name a field as what JavaScript calls to make text of it.
    const rubbish = [JSON.parse('{"toString":1,"valueOf":1}'), [], {}, 1.5, -1, 1e300, true];
    const { id, entry, community } = bid();
    for (const wrong of rubbish) {
      for (const field of ["height", "position", "publicKey", "keyFrom", "certificate", "time"]) {
        if (field === "certificate" && entry.keyFrom !== "card") continue;
        const told = { ...entry, [field]: wrong };
        const verdict = verifyTransaction(id, { entry: told, community, block: home.block(3) });
        expect(verdict.isGood, `${field} ${typeof wrong}`).toBe(false);
      }
      for (const field of ["round", "chain", "restart", "votes"]) {
        const block = home.block(3);
        block.certificate[field] = wrong;
        expect(verifyBlock(3, { block, community }).isGood, field).toBe(false);
      }
      for (const field of ["memberId", "publicKey", "signature"]) {
        const block = home.block(3);
        block.certificate.votes[1][field] = wrong;
        expect(verifyBlock(3, { block, community }).isGood, field).toBe(false);
      }
    }
    const { certificate: _, ...bare } = home.block(3);
    expect(verifyBlock(3, { block: bare, community }).isGood).toBe(false);
    // A place is a number: as text it could be drawn as another.
    const text = { ...entry, position: String(entry.position) };
    expect(verifyTransaction(id, { entry: text, community, block: home.block(3) }).isGood).toBe(
      false,
    );
  });

  test("more than a ledger can have is not looked at: the tab lives on", () => {
    const { id, entry, community } = bid();
    const block = home.block(3);
    const [vote] = block.certificate.votes;
    // Two signature operations each: half an hour of them.
    block.certificate.votes = Array.from({ length: 200_000 }, () => vote);
    expect(failed(verifyBlock(3, { block, community }).checks)).toEqual(["voters"]);
    const long = { ...entry, bytes: "80".repeat(20_000_000) };
    const { checks } = verifyTransaction(id, { entry: long, community, block: home.block(3) });
    expect(failed(checks)).toEqual(["readable"]);
  });
});
