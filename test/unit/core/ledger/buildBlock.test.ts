import { describe, expect, it } from "vitest";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { applyBlock } from "../../../../agent/core/ledger/applyBlock.ts";
import { encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { buildBlock } from "../../../../agent/core/ledger/buildBlock.ts";
import { BLOCK_BYTES_MAX } from "../../../../agent/core/ledger/rules.ts";
import { genesis } from "../../../../agent/core/ledger/state.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
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

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;

describe("buildBlock", () => {
  it("takes what applies in order, and drops the rest with its reason", () => {
    const chain = new TestChain();
    const payloads = [
      [BOB, say.registerPv(BOB, "early")],
      [BOB, registration(BOB)],
      [BOB, say.registerPv(BOB, "roof")],
      [BOB, say.pvOffer(LISTING, "roof", { energy: kwh(11) })],
      [BOB, say.pvOffer(LISTING, "roof", { energy: kwh(9) })],
    ] as const;
    const transactions = payloads.map(([author, payload]) => signed(chain.rules, author, payload));
    const { block, dropped } = chain.addSigned(T("16:10:00"), transactions);
    expect(block.transactions.length).toBe(3);
    expect(dropped).toEqual([
      { id: transactions[0]?.id, refusal: { code: "unknownMember", memberId: BOB } },
      {
        id: transactions[3]?.id,
        refusal: { code: "beyondCapacity", offered: 11_000, capacity: 10_000 },
      },
    ]);
    expect(chain.listing(LISTING)?.pvOffers.size).toBe(1);
  });

  it("duplicateTransaction: takes the first of two equal ones", () => {
    const chain = new TestChain();
    const transaction = signed(chain.rules, BOB, registration(BOB));
    const { block, dropped } = chain.addSigned(T("16:10:00"), [transaction, transaction]);
    expect(block.transactions.length).toBe(1);
    expect(dropped).toEqual([{ id: transaction.id, refusal: { code: "duplicateTransaction" } }]);
  });

  it("stops at the bytes of a block; what did not fit is not dropped", () => {
    const rules = makeRules({ membersMax: 1000 });
    const verifier = new Verifier();
    // A registration with its certificate has more than 400 bytes: 300 of them are no block.
    const names = Array.from({ length: 300 }, (_, i) => `home${i}@vt.edu`);
    const transactions = names.map((name) => signed(rules, name, registration(name)));
    const request = { time: at(T("16:10:00")), proposer: memberId("seller1@vt.edu"), transactions };
    const { block, dropped } = buildBlock(genesis(rules), request, verifier);
    const size = encodeBlock(block).length;
    expect(size).toBeLessThan(BLOCK_BYTES_MAX - 15_000);
    expect(size).toBeGreaterThan(BLOCK_BYTES_MAX - 18_000);
    expect(block.transactions.length).toBeLessThan(300);
    expect(dropped).toEqual([]);
    expect(applyBlock(genesis(rules), block, verifier).ok).toBe(true);
  });

  it("stops at 1000 transactions", () => {
    // Cancelled bids are about the smallest transactions there are, less than 115 bytes.
    const chain = new TestChain();
    const names = ["a1@vt.edu", "a2@vt.edu", "a3@vt.edu", "a4@vt.edu"];
    chain.add(T("16:10:00"), ...names.map((name) => [name, registration(name)] as const));
    const cancel = { energy: kwh(0), price: perKwh(1) };
    // 4 x 251 = 1004, for a member has 256 sequences in a listing.
    const transactions = names.flatMap((name) =>
      Array.from({ length: 251 }, (_, sequence) =>
        signed(chain.rules, name, say.buyOffer(LISTING, { ...cancel, sequence })),
      ),
    );
    const { block, dropped } = chain.addSigned(T("16:11:00"), transactions);
    expect(block.transactions.length).toBe(1000);
    expect(dropped).toEqual([]);
  });

  it("leaves the state it builds on alone", () => {
    const chain = new TestChain();
    chain.add(T("16:10:00"), [ALICE, registration(ALICE)]);
    const { state } = chain;
    const before = structuredClone({ ...state });
    chain.add(T("16:11:00"), [ALICE, say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3) })]);
    expect(state).toEqual(before);
    expect(chain.state).not.toEqual(before);
  });
});
