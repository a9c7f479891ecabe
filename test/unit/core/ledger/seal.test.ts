import { describe, expect, it } from "vitest";
import { nextDue } from "../../../../agent/core/ledger/due.ts";
import type { Transaction } from "../../../../agent/core/ledger/transaction.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
} from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const [SELLER, OTHER, BUYER] = ["seller@vt.edu", "other@vt.edu", "buyer@vt.edu"];
const T = (time: string) => `2018-03-21T${time}Z`;
const voters = (n: number) => Array.from({ length: n }, (_, i) => `v${i + 1}@vt.edu`);

function openChain(n: number): TestChain {
  const chain = new TestChain(makeRules({ validators: voters(n) }));
  const names = [SELLER, OTHER, BUYER];
  chain.add(T("16:10:00"), ...names.map((name) => [name, registration(name)] as const));
  chain.add(
    T("16:11:00"),
    [SELLER, say.registerPv(SELLER, "roof")],
    [OTHER, say.registerPv(OTHER, "barn")],
  );
  return chain;
}

const state = (chain: TestChain) => chain.listing(LISTING)?.state;
const OPEN = "ACCEPT_OFFERS";
const CLOSED = "AUCTION_CLOSED";

describe("the seal", () => {
  // Each block: seconds after the cut-off (:59:00), proposer, and the listing's state after it.
  it.each<[string, number, [number, number, string][]]>([
    [
      "n = 1: the first block 15 s on",
      1,
      [
        [14.999, 1, OPEN],
        [15, 1, CLOSED],
      ],
    ],
    [
      "n = 4: its own proposer and one before",
      4,
      [
        [5, 1, OPEN],
        [15, 2, CLOSED],
      ],
    ],
    [
      "n = 4: one before :59:05 does not count",
      4,
      [
        [4.999, 1, OPEN],
        [15, 2, OPEN],
        [16, 3, CLOSED],
      ],
    ],
    [
      "n = 4: one proposer alone never seals",
      4,
      [
        [5, 1, OPEN],
        [15, 1, OPEN],
        [30, 1, OPEN],
        [31, 4, CLOSED],
      ],
    ],
    [
      "n = 4: two, but too early",
      4,
      [
        [6, 1, OPEN],
        [7, 2, OPEN],
        [14.999, 3, OPEN],
        [15, 3, CLOSED],
      ],
    ],
    [
      "n = 4: counted ones may seal themselves",
      4,
      [
        [6, 1, OPEN],
        [7, 2, OPEN],
        [25, 1, CLOSED],
      ],
    ],
    [
      "n = 7: three",
      7,
      [
        [5, 1, OPEN],
        [15, 2, OPEN],
        [16, 1, OPEN],
        [17, 7, CLOSED],
      ],
    ],
    [
      "void when there is no time left",
      4,
      [
        [5, 1, OPEN],
        [59.999, 1, OPEN],
        [60, 2, "VOID"],
      ],
    ],
    [
      "sealed in the last millisecond",
      4,
      [
        [5, 1, OPEN],
        [59.999, 2, CLOSED],
      ],
    ],
    ["void by a jump", 4, [[61, 1, "VOID"]]],
  ])("%s", (_, n, blocks) => {
    const chain = openChain(n);
    for (const [seconds, proposer, expected] of blocks) {
      const time = at(T("16:59:00")) + Math.round(seconds * 1000);
      const { block } = chain.addBy(`v${proposer}@vt.edu`, time);
      expect([seconds, state(chain)]).toEqual([seconds, expected]);
      const closes = block.header.systemSteps.filter(({ step }) => step === "closeBidding");
      expect(closes.length).toBe(expected === CLOSED ? 1 : 0);
    }
    expect(chain.listing(LISTING)?.sealers).toEqual([]);
  });

  it("asks for blocks until enough proposers have had their turn, then for the closing one", () => {
    const chain = openChain(7);
    // f = 2: two have to be counted before the one that closes.
    expect(nextDue(chain.state)).toBe(at(T("16:59:05")));
    chain.addBy("v1@vt.edu", T("16:59:05"));
    expect(nextDue(chain.state)).toBe(at(T("16:59:05.001")));
    chain.addBy("v1@vt.edu", T("16:59:06"));
    expect(nextDue(chain.state)).toBe(at(T("16:59:06.001")));
    chain.addBy("v2@vt.edu", T("16:59:07"));
    expect(nextDue(chain.state)).toBe(at(T("16:59:15")));
    // Not a third one: the listing still waits.
    chain.addBy("v2@vt.edu", T("16:59:15"));
    expect([state(chain), nextDue(chain.state)]).toEqual([OPEN, at(T("16:59:15.001"))]);
    chain.addBy("v3@vt.edu", T("16:59:16"));
    expect([state(chain), nextDue(chain.state)]).toEqual([CLOSED, at(T("17:01:00"))]);
  });

  it("voids in time when nobody else comes", () => {
    const chain = openChain(4);
    chain.addBy("v1@vt.edu", T("16:59:59.999"));
    expect(nextDue(chain.state)).toBe(at(T("17:00:00")));
  });

  it("is nothing that a manual community waits for", () => {
    const chain = new TestChain(makeRules({ schedule: "manual", validators: voters(4) }));
    chain.add(T("16:10:00"));
    expect(nextDue(chain.state)).toBeNull();
  });
});

describe("who takes part", () => {
  const offerOf = (chain: TestChain, name: string, pv: string) =>
    signed(chain.rules, name, say.pvOffer(LISTING, pv, { energy: kwh(4) }));
  const bidOf = (chain: TestChain) =>
    signed(chain.rules, BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) }));
  /** Receipts of v1 to v3 for all of these, each offer heard at its own time. */
  const receipts = (chain: TestChain, heard: readonly (readonly [Transaction, string])[]) =>
    ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu"].map((name) => {
      const [author, payload] = chain.receipt(name, heard);
      return signed(chain.rules, author, payload);
    });
  const sellers = (chain: TestChain) => chain.listing(LISTING)?.fills.map(({ seller }) => seller);

  it("by stamp and not by block: in time at :58:59.999, in a block after the cut-off", () => {
    const chain = openChain(4);
    const all = [bidOf(chain), offerOf(chain, SELLER, "roof")];
    chain.addSigned(T("16:59:04"), all, "v1@vt.edu");
    chain.addSigned(
      T("16:59:05"),
      receipts(
        chain,
        all.map((one) => [one, T("16:58:59.999")]),
      ),
      "v1@vt.edu",
    );
    chain.addBy("v2@vt.edu", T("16:59:15"));
    expect(sellers(chain)).toEqual([SELLER]);
    expect(chain.balance(SELLER)).toBe(212);
  });

  it("not what was heard at :59:00, though its block is before; its reservation is released", () => {
    const chain = openChain(4);
    const late = bidOf(chain);
    chain.addSigned(T("16:58:59"), [late, offerOf(chain, SELLER, "roof")]);
    expect(chain.reserved(BUYER)).toBe(12);
    chain.addSigned(T("16:59:05"), receipts(chain, [[late, T("16:59:00")]]), "v1@vt.edu");
    const { events } = chain.addBy("v2@vt.edu", T("16:59:15"));
    expect(chain.listing(LISTING)).toMatchObject({ state: CLOSED, mcp: null, fills: [] });
    expect([chain.balance(BUYER), chain.reserved(BUYER)]).toEqual([200, 0]);
    expect(events.map(({ type }) => type)).toEqual(["biddingClosed", "balanceChanged"]);
  });

  it("not what two of four have heard of; the receipts in the closing block count", () => {
    const chain = openChain(4);
    const bid = bidOf(chain);
    const [a, b] = [offerOf(chain, SELLER, "roof"), offerOf(chain, OTHER, "barn")];
    chain.addSigned(T("16:50:00"), [bid, a, b]);
    const [first, second] = receipts(chain, [
      [a, T("16:50:00")],
      [bid, T("16:50:01")],
      [b, T("16:50:02")],
    ]);
    chain.addSigned(T("16:59:05"), [first!, second!], "v1@vt.edu");
    const few = chain.fork();
    few.addBy("v2@vt.edu", T("16:59:15"));
    expect(few.listing(LISTING)).toMatchObject({ state: CLOSED, mcp: null, fills: [] });
    const [third] = receipts(chain, [
      [a, T("16:50:00")],
      [bid, T("16:50:01")],
    ]).slice(2);
    chain.addSigned(T("16:59:15"), [third!], "v2@vt.edu");
    expect(chain.listing(LISTING)).toMatchObject({ state: CLOSED, mcp: 3000 });
    expect(sellers(chain)).toEqual([SELLER]);
  });

  it("in the order of their stamps, whatever their places in the chain", () => {
    const chain = openChain(4);
    const bid = bidOf(chain);
    const [a, b] = [offerOf(chain, SELLER, "roof"), offerOf(chain, OTHER, "barn")];
    chain.addSigned(T("16:50:00"), [bid, a]);
    chain.addSigned(T("16:55:00"), [b]);
    // The second in the chain was received a second before the first.
    const heard = [
      [b, T("16:49:58")],
      [a, T("16:49:59")],
      [bid, T("16:49:59")],
    ] as const;
    chain.addSigned(T("16:59:05"), receipts(chain, heard), "v1@vt.edu");
    chain.addBy("v2@vt.edu", T("16:59:15"));
    expect(sellers(chain)).toEqual([OTHER]);
  });
});
