import { beforeAll, describe, expect, it } from "vitest";
import type { Block } from "../../../agent/core/ledger/block.ts";
import { blockId, decodeBlock, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { stateRoot } from "../../../agent/core/ledger/state.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import type { BlockId } from "../../../agent/core/units/ids.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import type { CommittedBlock, Store } from "../../../agent/ports.ts";
import { certificateFor } from "../../support/certificate.ts";
import { createMemoryStore, type MemoryStore } from "../../support/fakes.ts";
import { at, kwh, perKwh, registration, say, signed, TestChain } from "../../support/ledger.ts";
import { storeChain } from "../../support/voices.ts";

const BUYER = "buyer1@vt.edu";
const SELLER = "seller1@vt.edu";
const T = (time: string) => `2018-03-21T${time}Z`;

/** Registered at 16:10, a bid at 16:11. */
function shortChain(): TestChain {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  chain.add(T("16:11:00"), [
    BUYER,
    say.buyOffer("21Mar18-13:00", { energy: kwh(5), price: perKwh(3) }),
  ]);
  return chain;
}

function open(chain: TestChain, store: Store = createMemoryStore()) {
  const { rules, verifier } = chain;
  const ledger = openLedger({ rules, store, verifier });
  const certificate = (height: number, id: BlockId) => certificateFor(rules, height, id);
  return { rules, store, ledger, certificate };
}
const [first, second] = shortChain().blocks as [Block, Block];

describe("the ledger", () => {
  it("begins at the genesis state", () => {
    const chain = new TestChain();
    const { ledger } = open(chain);
    expect(ledger.state().height).toBe(0);
    expect(ledger.root()).toBe(stateRoot(chain.state));
  });

  it("tries a block and changes nothing; commits it and is on the disk", () => {
    const chain = shortChain();
    const store = createMemoryStore();
    const { ledger, certificate } = open(chain, store);
    const genesis = ledger.root();
    const tried = mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid");
    expect([ledger.state().height, ledger.root(), store.writes.commit]).toEqual([0, genesis, 0]);
    ledger.commit(tried, certificate(1, tried.blockId));
    expect([ledger.state().height, store.writes.commit]).toEqual([1, 1]);
    expect(ledger.root()).toBe(first.header.stateRoot);
    expect(store.blocks(1, 9)).toHaveLength(1);
  });

  it("tells the store all that a reader may want to know", () => {
    const chain = shortChain();
    const written: CommittedBlock[] = [];
    const store: Store = { ...createMemoryStore(), commit: (block) => written.push(block) };
    const { ledger, certificate } = open(chain, store);
    const tried = mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid");
    ledger.commit(tried, { ...certificate(1, tried.blockId), round: 3 });
    expect(written).toMatchObject([
      {
        ...{ height: 1, blockId: blockId(first.header), time: at(T("16:10:00")), round: 3 },
        ...{ proposer: SELLER, stateRoot: first.header.stateRoot, checkpoint: null },
        transactions: [{ type: "registerMember", author: BUYER, bytes: first.transactions[0] }],
      },
    ]);
    expect(written[0]?.transactions[0]?.id).toBe(
      signed(chain.rules, BUYER, registration(BUYER)).id,
    );
    // The registration and its tokens, and the listing's two steps.
    const events = written[0]?.events.map(({ type }) => type);
    expect(events).toContain("memberRegistered");
    expect(events).toContain("acceptOfferBroadcast");
  });

  it("refuses a block with the reason, and remembers nothing of it", () => {
    const chain = shortChain();
    const { ledger } = open(chain);
    const header = { ...first.header, stateRoot: "0".repeat(64) };
    expect(ledger.execute(encodeBlock({ ...first, header }))).toMatchObject({
      refusal: { code: "wrongStateRoot", needed: first.header.stateRoot },
    });
    expect(ledger.execute(encodeBlock(second))).toMatchObject({
      refusal: { code: "wrongHeight", needed: 1, got: 2 },
    });
    expect(ledger.execute(Uint8Array.of(1, 2, 3))).toMatchObject({
      refusal: { code: "malformed" },
    });
    expect(ledger.execute(encodeBlock(first)).ok).toBe(true);
  });

  it("does not take other transactions under a header that it has tried", () => {
    const { ledger } = open(shortChain());
    expect(ledger.execute(encodeBlock(first)).ok).toBe(true);
    expect(ledger.execute(encodeBlock({ ...first, transactions: [] }))).toMatchObject({
      refusal: { code: "wrongTransactionsRoot" },
    });
  });

  it("remembers what a block leads to until the next commit", () => {
    const { ledger, certificate } = open(shortChain());
    const once = mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid");
    expect(mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid")).toBe(once);
    ledger.commit(once, certificate(1, once.blockId));
    expect(ledger.execute(encodeBlock(first))).toMatchObject({ refusal: { code: "wrongHeight" } });
  });

  it("asserts that commits go up one by one, each with its own certificate", () => {
    const { ledger, certificate } = open(shortChain());
    const tried = mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid");
    const other = certificate(1, blockId(second.header));
    expect(() => ledger.commit(tried, other)).toThrow("a certificate is for its block");
    ledger.commit(tried, certificate(1, tried.blockId));
    expect(() => ledger.commit(tried, certificate(1, tried.blockId))).toThrow(
      "one height at a time",
    );
  });

  it("stays where it was when the disk fails", () => {
    const store: Store = {
      ...createMemoryStore(),
      commit: () => {
        throw new Error("disk full");
      },
    };
    const { ledger, certificate } = open(shortChain(), store);
    const tried = mustBeAccepted(ledger.execute(encodeBlock(first)), "it is valid");
    expect(() => ledger.commit(tried, certificate(1, tried.blockId))).toThrow("disk full");
    expect(ledger.state().height).toBe(0);
  });
});

describe("a start", () => {
  /** 130 blocks, 5 s apart: checkpoints at 64 and 128. */
  const chain = new TestChain();
  let store: MemoryStore;
  beforeAll(() => {
    const begin = at(T("16:10:00"));
    chain.add(begin, [BUYER, registration(BUYER)], [SELLER, registration(SELLER)]);
    chain.add(begin + 5000, [SELLER, say.registerPv(SELLER, "seller1house")]);
    for (let n = 2; n < 130; n += 1) {
      const said = say.buyOffer("21Mar18-13:00", { energy: kwh(1), price: perKwh(3), sequence: n });
      chain.add(begin + 5000 * n, [BUYER, said]);
    }
    store = createMemoryStore();
    storeChain(store, chain);
  });

  it("replays the blocks above the newest checkpoint, and comes to the same state", () => {
    const read: number[] = [];
    const watched: Store = {
      ...store,
      blocks: (from, count) => {
        read.push(from);
        return store.blocks(from, count);
      },
    };
    expect(store.checkpoint()?.height).toBe(128);
    const { ledger } = open(chain, watched);
    expect(ledger.state().height).toBe(130);
    expect(ledger.state()).toEqual(chain.state);
    expect(ledger.root()).toBe(chain.blocks[129]?.header.stateRoot);
    expect(stateRoot(ledger.state())).toBe(ledger.root());
    expect(Math.min(...read)).toBe(128);
  });

  it("replays everything rather than believe a checkpoint with a flipped bit", () => {
    const good = store.checkpoint();
    if (good === null) throw new Error("there is a checkpoint");
    // buyer1's first name, "buyer1", becomes "cuyer1": canonical, and another state.
    const state = good.state.slice();
    const name = Buffer.from(state).indexOf("buyer1", Buffer.from(state).indexOf(BUYER) + 6);
    state[name] = (state[name] ?? 0) ^ 1;
    const { ledger } = open(chain, { ...store, checkpoint: () => ({ ...good, state }) });
    expect(ledger.state()).toEqual(chain.state);
  });

  it("comes to the same state without any checkpoint", () => {
    const { ledger } = open(chain, { ...store, checkpoint: () => null });
    expect(ledger.state()).toEqual(chain.state);
    expect(ledger.root()).toBe(chain.blocks[129]?.header.stateRoot);
  });

  it("goes on from there", () => {
    const { ledger } = open(chain, store);
    const built = chain.fork().add(at(T("16:40:00")));
    expect(ledger.execute(encodeBlock(built.block)).ok).toBe(true);
  });

  it("stops at a block on the disk that this build cannot follow", () => {
    const broken: Store = {
      ...store,
      blocks: (from, count) =>
        store.blocks(from, count).map((stored) => {
          if (stored.height !== 130) return stored;
          const { header, ...rest } = mustBeAccepted(decodeBlock(stored.block), "it is a block");
          const changed = { ...header, stateRoot: "0".repeat(64) };
          return { ...stored, block: encodeBlock({ ...rest, header: changed }) };
        }),
    };
    expect(() => open(chain, broken)).toThrow("stored block 130 applies");
  });
});
