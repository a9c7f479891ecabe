// /api/pvtrading: what the ledger is made of, checked with OpenSSL and nothing of ours.

import { createHash, createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { stateRoot } from "../../../agent/core/ledger/state.ts";
import { BLOCKS_PER_PAGE_MAX } from "../../../agent/io/http/ledgerRoutes.ts";
import {
  ADMIN,
  BUYERS,
  LISTING,
  mustBe,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";

let home: TestHome;
let token: string;
/** Of a bid for 2.5 kWh at 3 tokens, in block 9: five members, two PVs and the listing come before it. */
let bid: string;
beforeAll(async () => {
  home = await openTestHome();
  token = home.tokenOf(BUYERS[0]);
  await startPaper(home);
  const body = { BidPrice: 3, kWhQuantity: 2.5, listingid: LISTING, member: BUYERS[0] };
  bid = (await mustBe(200, home.ask("POST", `/api/${NS}.BUYOffer`, { token, body }))).json
    .transactionId;
});
afterAll(() => home.close());

const ask = (path: string, as = token) => home.ask("GET", `/api/pvtrading/${path}`, { token: as });
const bytes = (hex: string) => Buffer.from(hex, "hex");
const sha256 = (hex: string) => createHash("sha256").update(bytes(hex)).digest("hex");

function isSigned(key: string, message: string, signature: string): boolean {
  const der = Buffer.concat([bytes("302a300506032b6570032100"), bytes(key)]);
  const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(null, bytes(message), publicKey, bytes(signature));
}

test("the community is its rules, whose hash is its id", async () => {
  const { json } = await mustBe(200, ask("community"));
  expect(json.rules).toBe(Buffer.from(encodeRules(home.rules)).toString("hex"));
  expect(json.community).toBe(sha256(json.rules));
  expect(json.caPublicKey).toBe(Buffer.from(home.ca.publicKey).toString("hex"));
  expect(json.administrator.memberId).toBe(ADMIN);
});

test("a transaction is told down to its signed bytes, which its author's key signed", async () => {
  const { json } = await mustBe(200, ask(`transactions/${bid}`));
  expect(json).toMatchObject({
    ...{ id: bid, type: "buyOffer", author: BUYERS[0], height: 9, position: 0, keyFrom: "card" },
    payload: { listingId: LISTING, sequence: 1, energy: 2500, bidPrice: 3000 },
  });
  expect(sha256(json.signedBytes)).toBe(bid);
  expect(isSigned(json.publicKey, json.signedBytes, json.signature)).toBe(true);
  // An array of four: the domain, the community, the author, and [3, [listing, 1, 2500, 3000]] in CBOR.
  const text = (value: string) => {
    const length = value.length < 24 ? [0x60 + value.length] : [0x78, value.length];
    return Buffer.from([...length, ...Buffer.from(value)]).toString("hex");
  };
  const payload = `8203${"84"}${text(LISTING)}01${"1909c4"}${"190bb8"}`;
  const said = `${text(BUYERS[0])}${payload}`;
  const community = communityId(home.rules);
  expect(json.signedBytes).toBe(`84${text("pvtrading/transaction/1")}5820${community}${said}`);
  // As the block has it: the community's first four bytes, then the same, then 64 bytes of signature.
  expect(json.bytes).toBe(`8444${community.slice(0, 8)}${said}5840${json.signature}`);
  expect(json.certificate).toContain(json.publicKey);
  const { json: historian } = await home.ask("GET", `/api/system/historian/${bid}`, { token });
  expect(json.time).toBe(historian.transactionTimestamp);
});

test("what the administrator said by hand has the key of the rules", async () => {
  const { json: page } = await mustBe(200, ask("blocks/1"));
  const { json } = await mustBe(200, ask(`transactions/${page.transactions[0].id}`));
  expect(json).toMatchObject({ type: "registerMember", author: ADMIN, keyFrom: "administrator" });
  const { json: rules } = await ask("community");
  expect(json.publicKey).toBe(rules.administrator.publicKey);
  expect(isSigned(json.publicKey, json.signedBytes, json.signature)).toBe(true);
});

test("a block is told with its certificate, and its bytes have all of it", async () => {
  const { json } = await mustBe(200, ask("blocks/9"));
  const before = await mustBe(200, ask("blocks/8"));
  expect(json.previous).toBe(before.json.blockId);
  expect(json.transactions).toEqual([
    { position: 0, id: bid, type: "buyOffer", author: BUYERS[0] },
  ]);
  expect(json.stateRoot).toBe(stateRoot(home.door.state));
  // [header, [transaction]]: what is before the one transaction's bytes is 82, the header, 81 and their length.
  const { json: entry } = await ask(`transactions/${bid}`);
  const at = json.bytes.indexOf(entry.bytes);
  const head = json.bytes.slice(0, at);
  const length = entry.bytes.length / 2;
  const list = `8158${length.toString(16).padStart(2, "0")}`;
  expect(head.endsWith(list)).toBe(true);
  const header = head.slice(2, -list.length);
  expect(sha256(header)).toBe(json.blockId);
  // RFC 6962: the root of one leaf is the hash of 00 and the leaf.
  expect(json.transactionsRoot).toBe(sha256(`00${entry.bytes}`));
  const [only] = json.certificate.votes;
  expect([json.certificate.round, json.certificate.votes.length, only.memberId]).toEqual([
    ...[0, 1, SELLERS[0]],
  ]);
  // ["pvtrading/vote/1", community, 1 (precommit), 9, 0, block id]
  const domain = Buffer.from("pvtrading/vote/1").toString("hex");
  const vote = `8670${domain}5820${json.community}0109005820${json.blockId}`;
  expect(isSigned(only.publicKey, vote, only.signature)).toBe(true);
});

test("pages of blocks have an end and go on", async () => {
  const all = await mustBe(200, ask("blocks"));
  expect(all.json).toMatchObject({ first: 1, last: 9, next: null });
  const heights = (json: { blocks: { height: number }[] }) => json.blocks.map((b) => b.height);
  expect(heights(all.json)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
  expect(all.json.blocks[0]).toMatchObject({ votes: 1, validators: 1, transactions: 1, round: 0 });
  const page = await mustBe(200, ask("blocks?below=5&count=2"));
  expect([heights(page.json), page.json.next]).toEqual([[4, 3], 3]);
  const last = await mustBe(200, ask("blocks?below=3&count=2"));
  expect([heights(last.json), last.json.next]).toEqual([[2, 1], null]);
  expect(heights((await ask("blocks?below=1")).json)).toEqual([]);
  for (const wrong of [
    "below=0",
    "below=-1",
    "count=x",
    "count=1.5",
    "below=1&below=2",
    "count=",
  ]) {
    expect((await ask(`blocks?${wrong}`)).status, wrong).toBe(400);
  }
  expect(BLOCKS_PER_PAGE_MAX).toBe(50);
  expect((await ask("blocks?count=999999")).status).toBe(200);
});

test("what is not there is said", async () => {
  const sentence = async (path: string) => {
    const { status, json } = await ask(path);
    return [status, json.error.message];
  };
  expect(await sentence("blocks/10")).toEqual([404, "There is no block 10 yet: the last is 9"]);
  expect(await sentence("blocks/x1")).toEqual([404, '"x1" is no height: a whole number from 1 on']);
  const none = "0".repeat(64);
  expect(await sentence(`transactions/${none}`)).toEqual([
    404,
    `There is no transaction "${none}" on this ledger`,
  ]);
  home.door.first = 4;
  try {
    expect(await sentence("blocks/3")).toEqual([
      404,
      "Block 3 is not on this home: its ledger begins with a snapshot at block 4. A home that has all blocks can tell",
    ]);
    const { json } = await ask("blocks");
    expect([json.first, json.next, json.blocks.length]).toEqual([4, null, 6]);
  } finally {
    home.door.first = 1;
  }
});

test("who may not read the historian reads none of it", async () => {
  const paths = ["community", "blocks", "blocks/1", `transactions/${bid}`, "evidence"];
  const trades = home.tokenOf(BUYERS[0], { scopes: ["trade"] });
  for (const path of paths) {
    expect((await home.ask("GET", `/api/pvtrading/${path}`)).status, path).toBe(401);
    expect((await ask(path, trades)).status, path).toBe(403);
    expect((await ask(path, home.tokenOf("nobody@vt.edu"))).status, path).toBe(403);
    expect((await home.ask("POST", `/api/pvtrading/${path}`, { token, body: {} })).status).toBe(
      404,
    );
  }
});

test("evidence is a list, empty while nobody has signed twice", async () => {
  expect((await mustBe(200, ask("evidence"))).json).toEqual({ evidence: [] });
});

test("all of it is described where tools look", async () => {
  const { json } = await home.ask("GET", "/explorer/swagger.json");
  const ours = Object.keys(json.paths).filter((path) => path.startsWith("/pvtrading/"));
  expect(ours.sort()).toEqual([
    "/pvtrading/blocks",
    "/pvtrading/blocks/{height}",
    "/pvtrading/community",
    "/pvtrading/evidence",
    "/pvtrading/hours",
    "/pvtrading/transactions/{id}",
  ]);
});

test("what is no id is refused at once, an id may be on its way", async () => {
  const none = ask(`transactions/${"0".repeat(64)}`).then(({ status }) => ["late", status]);
  const noId = ask("transactions/0123").then(({ status }) => ["at once", status]);
  expect(await Promise.race([none, noId])).toEqual(["at once", 404]);
  expect(await none).toEqual(["late", 404]);
});
