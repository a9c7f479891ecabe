// The real ledger on the real store: after each block the tables say what the ledger's state says.

import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { decodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { encodeState } from "../../../agent/core/ledger/state.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { openReader, type StoreReader } from "../../../agent/io/store/reader.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import { kwh, perKwh, registration, say, TestChain, tokens } from "../../support/ledger.ts";
import { committedFrom, type Scratch, scratch, silent } from "./fixtures.ts";

const SELLER = "seller1@vt.edu";
const BUYER = "buyer1@vt.edu";
/** 15:00 in Virginia, which is 19:00Z: the hour that opens at 18:01Z. */
const LISTING = "21Mar18-15:00";

let place: Scratch;
let chain: TestChain;
let store: OpenStore;
let reader: StoreReader;

beforeEach(() => {
  place = scratch();
  chain = new TestChain();
  const dir = join(place.fresh("home"), "data");
  const rules = encodeRules(chain.rules);
  const owner = { communityId: communityId(chain.rules), memberId: memberId(SELLER), rules };
  store = openStore(dir, { ...owner, log: silent });
  reader = openReader(dir);
});
afterEach(() => {
  reader.close();
  store.close();
  place.remove();
});

type Said = Parameters<TestChain["add"]>[1];

function commit(time: string, ...said: readonly Said[]): void {
  const { dropped } = chain.add(time, ...said);
  expect(dropped).toEqual([]);
  store.commit(committedFrom(chain, true));
  const { members, pvs } = chain.state;
  const sorted = [...members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  expect(reader.members()).toEqual(sorted);
  expect(reader.pvs()).toEqual([...pvs.values()]);
  expect(reader.head()).toMatchObject({
    height: chain.state.height,
    blockId: chain.last.blockId,
    stateRoot: chain.last.block.header.stateRoot,
  });
  expect(reader.discrepancies()).toEqual([]);
}

it("holds a traded hour, from the registrations to the statements", () => {
  commit("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
  commit("2018-03-21T18:02:00Z", [SELLER, say.registerPv(SELLER, "seller1house")]);
  commit(
    "2018-03-21T18:10:00Z",
    [SELLER, say.pvOffer(LISTING, "seller1house", { energy: kwh(6), reserve: perKwh(2) })],
    [BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) })],
  );
  // A bid of 4 kWh at 3 tokens/kWh holds 12 tokens.
  expect(chain.reserved(BUYER)).toBe(12);
  commit("2018-03-21T18:12:00Z", [
    SELLER,
    say.pvOffer(LISTING, "seller1house", { energy: kwh(5), reserve: perKwh(2), sequence: 1 }),
  ]);
  expect(reader.pvOffers(LISTING as never)).toMatchObject([
    { energy: 5000, sequence: 1, stamp: null },
  ]);
  // The only validator's receipt of both: the second offer of the seller, and the bid.
  const live = [...chain.listing(LISTING)!.pvOffers.values()];
  live.push(...([...chain.listing(LISTING)!.buyOffers.values()] as never[]));
  const heard = live.map(({ transactionId }) => [transactionId, "2018-03-21T18:12:00Z"] as const);
  commit("2018-03-21T18:13:00Z", chain.receipt(SELLER, heard));
  expect(reader.pvOffers(LISTING as never)).toEqual([...chain.listing(LISTING)!.pvOffers.values()]);
  expect(reader.buyOffers(LISTING as never)).toMatchObject([
    { stamp: Date.parse("2018-03-21T18:12:00Z") },
  ]);
  commit("2018-03-21T18:59:30Z");
  // One bid: MCP = 3 tokens/kWh; 4 kWh are sold for 12 tokens.
  expect(reader.fills(LISTING as never)).toEqual([
    { seller: SELLER, pvId: "seller1house", buyer: BUYER, energy: 4000, price: 3000 },
  ]);
  expect(reader.postings(memberId(BUYER), 1)).toMatchObject([{ amount: tokens(-12) }]);
  const registers = { imported: [100, 150], exported: [9000, 12_900] } as const;
  commit("2018-03-21T20:05:00Z", [SELLER, say.meterReading(LISTING, registers)]);
  commit("2018-03-21T20:16:00Z");
  expect(reader.statements(LISTING as never)).toEqual([
    { memberId: BUYER, sold: 0, bought: 4000, meteredImport: null, meteredExport: null },
    { memberId: SELLER, sold: 4000, bought: 0, meteredImport: 50, meteredExport: 3900 },
  ]);
  const traded = reader.listings(10).find(({ listingId }) => listingId === LISTING);
  expect(traded).toMatchObject({ state: "AUCTION_CLOSED", mcp: 3000, finished: true });
});

it("gives back what a start needs: the last state, and blocks as they were agreed on", () => {
  commit("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
  commit("2018-03-21T18:02:00Z", [SELLER, say.registerPv(SELLER, "seller1house")]);
  commit("2018-03-21T23:30:00Z", [null, say.grant(1, BUYER, tokens(5))]);
  commit("2018-03-21T23:31:00Z", [null, say.revoke(2, BUYER)]);
  expect(store.checkpoint()).toEqual({ height: 4, state: encodeState(chain.state) });
  const stored = store.blocks(1, 10).map(({ block }) => decodeBlock(block));
  expect(stored).toEqual(chain.blocks.map((value) => ({ ok: true, value })));
});
