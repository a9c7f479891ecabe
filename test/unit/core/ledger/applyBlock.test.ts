import { beforeAll, describe, expect, it } from "vitest";
import { bytesToHex } from "../../../../agent/core/codec/hex.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { applyBlock } from "../../../../agent/core/ledger/applyBlock.ts";
import type { Block, Header } from "../../../../agent/core/ledger/block.ts";
import { decodeBlock, encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { buildBlock } from "../../../../agent/core/ledger/buildBlock.ts";
import { BLOCK_TIME_MAX } from "../../../../agent/core/ledger/calendar.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../../agent/core/ledger/state.ts";
import {
  encodeTransaction,
  signTransaction,
  type Transaction,
} from "../../../../agent/core/ledger/transaction.ts";
import { merkleRoot } from "../../../../agent/core/merkle.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testKey,
} from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const ONES = "1".repeat(64);

describe("applyBlock", () => {
  const rules = makeRules({ validators: [ALICE, BOB] });
  const verifier = new Verifier();
  const bid = signed(rules, ALICE, say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3) }));
  let state: LedgerState;
  /** Closes 21Mar18-13:00 and registers a member: one system step, one transaction. */
  let block: Block;

  const apply = (changed: Block) => {
    const applied = applyBlock(state, changed, verifier);
    return applied.ok ? "ok" : applied.refusal;
  };
  const withHeader = (change: Partial<Header>) => ({
    ...block,
    header: { ...block.header, ...change },
  });
  /** A block whose header fits its transactions, so that only these are at fault. */
  const withTransactions = (transactions: readonly Uint8Array[]) => ({
    transactions,
    header: { ...block.header, transactionsRoot: bytesToHex(merkleRoot(transactions)) },
  });
  const encoded = (transaction: Transaction) => encodeTransaction(communityId(rules), transaction);

  beforeAll(() => {
    const chain = new TestChain(rules);
    chain.add(T("16:10:00"), [ALICE, registration(ALICE)]);
    chain.addSigned(T("16:11:00"), [bid]);
    // Two validators: f = 0, so that one proposer seals.
    state = chain.state;
    const time = at(T("16:59:15"));
    const transactions = [signed(rules, BOB, registration(BOB))];
    block = buildBlock(state, { time, proposer: memberId(ALICE), transactions }, verifier).block;
    expect(block.header.systemSteps.length).toBe(1);
    expect(block.transactions.length).toBe(1);
  });

  it("accepts the block as it was built, also after its way over the wire, and leaves the state alone", () => {
    const before = structuredClone({ ...state });
    expect(apply(block)).toBe("ok");
    const wire = decodeBlock(encodeBlock(block));
    expect(wire).toEqual({ ok: true, value: block });
    expect(state).toEqual(before);
  });

  it("hands back the transactions, decoded, and the block as the last one", () => {
    const applied = applyBlock(state, block, verifier);
    if (!applied.ok) throw new Error(applied.refusal.code);
    expect(applied.value.transactions.map(({ payload }) => payload.type)).toEqual([
      "registerMember",
    ]);
    expect(applied.value.state).toMatchObject({ height: 3, time: at(T("16:59:15")) });
    expect(applied.value.state.lastBlock?.proposer).toBe(ALICE);
  });

  it.each<[string, Partial<Header>]>([
    ["otherCommunity", { community: ONES as never }],
    ["wrongHeight", { height: 2 }],
    ["wrongHeight", { height: 4 }],
    ["wrongPrevious", { previous: ONES as never }],
    ["wrongPrevious", { previous: null }],
    ["timeNotAfter", { time: at(T("16:11:00")) }],
    ["timeBeyondMax", { time: unixMs(BLOCK_TIME_MAX + 1) }],
    ["timeBeyondMax", { time: Number.MAX_SAFE_INTEGER as never }],
    // The state knows its time, so even a time with the same system steps is another state.
    ["wrongStateRoot", { time: at(T("16:59:15.001")) }],
    ["wrongSystemSteps", { time: at(T("16:59:14.999")) }],
    ["notValidator", { proposer: memberId("carol@vt.edu") }],
    ["wrongTransactionsRoot", { transactionsRoot: ONES }],
    ["wrongSystemSteps", { systemSteps: [] }],
    ["wrongSystemSteps", { systemSteps: [{ step: "voidListing", listingId: LISTING as never }] }],
    ["wrongSystemSteps", { systemSteps: [{ step: "closeBidding", listingId: "x" as never }] }],
    ["wrongValidators", { validatorsHash: ONES }],
    ["wrongNextValidators", { nextValidatorsHash: ONES }],
    ["wrongStateRoot", { stateRoot: ONES }],
  ])("%s: a header with %o", (code, change) => {
    expect(apply(withHeader(change))).toMatchObject({ code });
  });

  it("wrongSystemSteps says where the first difference is", () => {
    const [close] = block.header.systemSteps;
    expect(apply(withHeader({ systemSteps: [close!, close!] }))).toEqual({
      code: "wrongSystemSteps",
      at: 1,
    });
  });

  it("wrongTransactionsRoot: transactions that the header does not cover", () => {
    expect(apply({ ...block, transactions: [] })).toMatchObject({ code: "wrongTransactionsRoot" });
  });

  it("wrongStateRoot: a transaction left out under a fitting root", () => {
    expect(apply(withTransactions([]))).toMatchObject({ code: "wrongStateRoot" });
  });

  it("badTransaction: bytes that are none, with the place and the reason", () => {
    const [good] = block.transactions;
    expect(apply(withTransactions([good!, Uint8Array.of(0xff)]))).toEqual({
      code: "badTransaction",
      at: 1,
      reason: "malformed",
    });
  });

  it("badTransaction: another community's, a forged one, a late one, a replay", () => {
    const reason = (transaction: Transaction, community = communityId(rules)) =>
      apply(withTransactions([encodeTransaction(community, transaction)]));
    const bad = (why: string) => ({ code: "badTransaction", at: 0, reason: why });
    expect(reason(bid, communityId(makeRules()))).toEqual(bad("otherCommunity"));
    const unsigned = { author: memberId(ALICE), payload: say.registerPv(ALICE, "roof") };
    const forged = signTransaction(communityId(rules), unsigned, testKey(BOB).sign);
    expect(reason(forged)).toEqual(bad("badSignature"));
    expect(reason(bid)).toEqual(bad("staleSequence"));
    const late = say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3), sequence: 1 });
    expect(reason(signed(rules, ALICE, late))).toEqual(bad("amendedTooLate"));
    expect(reason(signed(rules, ALICE, registration(ALICE)))).toEqual(bad("memberExists"));
  });

  it("duplicateTransaction: the same one twice, even where its rule would not mind", () => {
    const transaction = signed(rules, ALICE, say.registerPv(ALICE, "roof"));
    const twice = [encoded(transaction), encoded(transaction)];
    expect(apply(withTransactions(twice))).toEqual({
      code: "duplicateTransaction",
      at: 1,
      id: transaction.id,
    });
  });

  it("starts the chain at height 1 without a previous block", () => {
    const chain = new TestChain(rules);
    const first = chain.add(T("16:10:00"));
    expect(first.block.header).toMatchObject({ height: 1, previous: null });
    expect(chain.state.lastBlock).toEqual({ blockId: first.blockId, proposer: ALICE });
    expect(chain.add(T("16:10:01")).block.header).toMatchObject({
      height: 2,
      previous: first.blockId,
    });
  });
});
