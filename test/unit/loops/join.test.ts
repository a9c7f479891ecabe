// A home that joins: the real agent with an empty disk among four validators whose chain has ten blocks and
// snapshots at 4 and 8. With n = 4 two of them (f + 1) must name the same snapshot.

import { describe, expect, it } from "vitest";
import { blockId, encodeHeader } from "../../../agent/core/ledger/block.ts";
import type { BlockReference } from "../../../agent/core/ledger/blockReference.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { stateRoot } from "../../../agent/core/ledger/state.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import {
  snapshotChunk,
  snapshotHeaders,
  snapshotList,
  snapshotManifest,
  snapshotRequest,
} from "../../../agent/loops/snapshotWire.ts";
import { attackHome, FOUR, START, V1, V2, V3, V4 } from "../../support/attackHome.ts";
import { ChangingChain } from "../../support/changingChain.ts";
import { createMemoryStore } from "../../support/fakes.ts";
import { type Lie, neighbourhood } from "../../support/joiningHome.ts";
import { makeRules, registration, TestChain } from "../../support/ledger.ts";
import { storeChain } from "../../support/voices.ts";

const RULES = makeRules({ validators: FOUR, schedule: "manual" });
const EVERY = 4;
const NEW = "new@vt.edu";

function chainOf(length: number, prefix = "home"): TestChain {
  const chain = new TestChain(RULES);
  for (let n = 1; n <= length; n += 1) {
    const who = `${prefix}${n}@vt.edu`;
    chain.add(START - 100_000 + 1000 * n, [who, registration(who)]);
  }
  return chain;
}
const CHAIN = chainOf(10);
const OTHER = chainOf(10, "other");

function reference(height: number, chain = CHAIN): BlockReference {
  const block = chain.blocks[height - 1];
  if (block === undefined) throw new Error(`no block ${height}`);
  return { height, blockId: blockId(block.header) };
}

type Setting = {
  readonly name?: string;
  readonly trust?: BlockReference;
  readonly neighbours?: readonly string[];
  readonly lies?: { readonly [name: string]: Lie };
  readonly chain?: TestChain;
  readonly every?: number;
};

function join(setting: Setting = {}) {
  const { name = NEW, neighbours = [V1, V2, V3, V4], lies = {}, chain = CHAIN } = setting;
  const store = createMemoryStore();
  const trust = setting.trust === undefined ? {} : { trust: setting.trust };
  const snapshotEvery = setting.every ?? EVERY;
  const home = attackHome(name, { rules: RULES, store, snapshotEvery, ...trust });
  home.agent.start();
  const around = neighbourhood(home, { chain, snapshotEvery, neighbours, lies });
  around.connect();
  const firstBlock = () => store.blocks(1, 1)[0]?.height;
  const wanted = () =>
    around
      .asked("snapshot")
      .map(({ body, to }) => ({ to, ...mustBeAccepted(snapshotRequest.decode(body), "readable") }));
  return { ...home, ...around, store, firstBlock, wanted };
}

/** Changes the answers to one kind of question. */
function lie(type: string, change: Lie): Lie {
  return (question, honest) => {
    if (question.protocol !== "snapshot") return honest;
    const request = mustBeAccepted(snapshotRequest.decode(question.body), "readable");
    return request.type === type ? change(question, honest) : honest;
  };
}

function expectJoined(home: ReturnType<typeof join>, at = 8): void {
  expect(home.agent.head()).toEqual({ height: 10, stateRoot: stateRoot(CHAIN.state) });
  expect(home.firstBlock()).toBe(at);
  expect(home.publisher.of("halted")).toEqual([]);
}

describe("a home that joins", () => {
  it("begins with the newest snapshot that two validators name, and is level in a second", () => {
    const home = join();
    home.pass(1000);
    expectJoined(home);
    // The members of the blocks that it does not have.
    expect(home.agent.ledger().members.size).toBe(10);
    expect(home.store.snapshots().map(({ height }) => height)).toEqual([8]);
    expect(home.store.writes).toMatchObject({ install: 1, commit: 2 });
  });

  it("goes on from there after a restart, also by the first state alone", () => {
    const { store: disk, pass } = join();
    pass(1000);
    const store = { ...disk, ownTransactions: () => [] };
    const again = attackHome(NEW, { rules: RULES, store });
    expect(again.agent.head().height).toBe(10);
    const blind = attackHome(NEW, { rules: RULES, store: { ...store, checkpoint: () => null } });
    expect(blind.agent.head()).toEqual(again.agent.head());
    const lost = { ...store, checkpoint: () => null, snapshot: () => null };
    expect(() => attackHome(NEW, { rules: RULES, store: lost })).toThrow(/damaged.*join again/);
  });

  it("serves what it began with to the next one", () => {
    const { store: disk, pass } = join();
    pass(1000);
    const store = { ...disk, ownTransactions: () => [] };
    const second = attackHome(V1, { rules: RULES, store, snapshotEvery: EVERY });
    second.agent.start();
    const ask = (body: Parameters<typeof snapshotRequest.encode>[0]) =>
      second.network.handlers().requested("snapshot", snapshotRequest.encode(body), NEW as never);
    expect(snapshotList.decode(ask({ type: "list" }) as Uint8Array)).toEqual({
      ok: true,
      value: { height: 10, snapshots: [reference(8)] },
    });
    expect(ask({ type: "manifest", height: 8 })).not.toBeNull();
  });

  it("does not vote before it is level, though it is a validator", () => {
    const neighbours = [V2, V3, V4];
    const slow = (protocol: string, delay: number): Lie => {
      let since: number | null = null;
      return (question, honest) => {
        if (question.protocol !== protocol) return honest;
        since ??= home.clock.monotonic();
        return home.clock.monotonic() - since < delay ? null : honest;
      };
    };
    // Two seconds until anyone sends a chunk, and then a minute until anyone sends a block.
    const lists = new Map<string, Lie>();
    for (const name of neighbours) {
      const blocks = slow("blocks", 65_000);
      const chunks = lie("chunk", slow("snapshot", 2000));
      lists.set(name, (question, honest) =>
        question.protocol === "blocks" ? blocks(question, honest) : chunks(question, honest),
      );
    }
    const home = join({ name: V1, neighbours, lies: Object.fromEntries(lists) });
    home.pass(1900);
    expect(home.agent.head().height).toBe(0);
    expect(home.said()).toEqual([]);
    home.pass(8000);
    expect(home.agent.head().height).toBe(8);
    home.pass(50_000);
    expect(home.agent.head().height).toBe(8);
    expect(home.said()).toEqual([]);
    home.pass(80_000);
    expectJoined(home);
    // Then it says what it has to say, its registration, at the height after the last.
    expect(home.said()[0]).toMatch(/ 11\/0 /);
  });

  it("never takes one if it has blocks", () => {
    const store = createMemoryStore();
    const past = new TestChain(RULES);
    past.blocks.push(...CHAIN.blocks.slice(0, 2));
    storeChain(store, past);
    const home = attackHome(NEW, { rules: RULES, store, snapshotEvery: EVERY });
    home.agent.start();
    const neighbours = [V1, V2, V3, V4];
    const around = neighbourhood(home, { chain: CHAIN, snapshotEvery: EVERY, neighbours });
    around.connect();
    around.pass(5000);
    expect(home.agent.head().height).toBe(10);
    expect(around.asked("snapshot")).toEqual([]);
  });
});

describe("a fresh community", () => {
  it("asks for no snapshot while there are fewer blocks than make one", () => {
    const home = join({ every: 11 });
    home.pass(1000);
    expect(home.agent.head().height).toBe(10);
    expect(home.firstBlock()).toBe(1);
    expect(home.asked("snapshot")).toEqual([]);
  });

  it("is not held up by one who claims a long chain", () => {
    const claim = snapshotList.encode({ height: 5000, snapshots: [reference(8)] });
    const home = join({ every: 11, lies: { [V4]: lie("list", () => claim) } });
    home.network.handlers().requested("votes", Uint8Array.of(0x81, 0x19, 0x13, 0x88), V4 as never);
    home.pass(200);
    expect(home.asked("snapshot").length).toBeGreaterThan(0);
    expect(home.agent.head().height).toBe(10);
    expect(home.firstBlock()).toBe(1);
  });
});

describe("without a block to trust", () => {
  const alone = { neighbours: [V2] };

  it("one validator's word is not enough: after half a minute by all blocks", () => {
    const home = join(alone);
    home.pass(29_000);
    expect(home.agent.head().height).toBe(0);
    home.pass(4000);
    expectJoined(home, 1);
    expect(home.wanted().every(({ type }) => type === "list")).toBe(true);
  });

  it("nor is a validator's with those of homes that do not vote", () => {
    const home = join({ neighbours: [V2, "a@vt.edu", "b@vt.edu"] });
    home.pass(20_000);
    expect(home.agent.head().height).toBe(0);
  });

  it("a liar's other block at that height is not taken", () => {
    const list = { height: 10, snapshots: [reference(8, OTHER)] };
    const home = join({ lies: { [V1]: lie("list", () => snapshotList.encode(list)) } });
    home.pass(1000);
    expectJoined(home);
    expect(home.wanted().filter(({ type, to }) => type !== "list" && to === V1)).toEqual([]);
  });

  it("naming one snapshot twice is one voice", () => {
    const list = { height: 10, snapshots: [reference(8, OTHER), reference(8, OTHER)] };
    const home = join({
      neighbours: [V1, V2],
      lies: { [V1]: lie("list", () => snapshotList.encode(list)) },
    });
    home.pass(5000);
    expect(home.wanted().every(({ type }) => type === "list")).toBe(true);
  });
});

describe("with a block to trust", () => {
  it.each([8, 9, 10])("at %i: headers lead down to the snapshot at 8", (height) => {
    const home = join({ trust: reference(height), neighbours: ["a@vt.edu"] });
    home.pass(1000);
    expectJoined(home);
    const headers = home.wanted().filter(({ type }) => type === "headers");
    expect(headers.length).toBe(height === 8 ? 0 : 1);
  });

  it("at 6: the snapshot at 4 is below it", () => {
    const home = join({ trust: reference(6), neighbours: ["a@vt.edu"] });
    home.pass(1000);
    expectJoined(home, 4);
  });

  it("at 2, below all snapshots: the set that it names signed the snapshot too", () => {
    const home = join({ trust: reference(2), neighbours: ["a@vt.edu"] });
    home.pass(1000);
    expectJoined(home, 4);
  });

  it("that nobody has: nothing is taken, and replay stops before another block at that height", () => {
    const home = join({ trust: reference(9, OTHER) });
    home.pass(29_000);
    expect(home.agent.head().height).toBe(0);
    home.pass(10_000);
    expect(home.agent.head().height).toBe(8);
    expect(home.publisher.of("halted")[0]?.reason).toMatch(
      /not the one .* told to trust.*otherChain/,
    );
    const store = { ...home.store, ownTransactions: () => [] };
    const again = attackHome(NEW, { rules: RULES, store, trust: reference(7, OTHER) });
    again.agent.start();
    expect(again.publisher.of("halted")).toHaveLength(1);
    expect(again.network.asked).toEqual([]);
  });

  it("no vote is given before that height, also after a restart on the way", () => {
    const store = createMemoryStore();
    const past = new TestChain(RULES);
    past.blocks.push(...CHAIN.blocks.slice(0, 5));
    storeChain(store, past);
    const home = attackHome(V1, { rules: RULES, store, trust: reference(10) });
    home.agent.start();
    home.agent.submit(registration(V1), () => {});
    home.clock.advance(20_000);
    expect(home.said()).toEqual([]);
  });

  it("headers of another chain do not lead there", () => {
    const others = OTHER.blocks.slice(7, 10).toReversed();
    const headers = others.map(({ header }) => encodeHeader(header));
    const false_ = lie("headers", () => snapshotHeaders.encode({ headers }));
    const liar = join({ trust: reference(10), neighbours: [V1], lies: { [V1]: false_ } });
    liar.pass(5000);
    expect(liar.agent.head().height).toBe(0);
    const home = join({ trust: reference(10), neighbours: [V1, V2], lies: { [V1]: false_ } });
    home.pass(5000);
    expectJoined(home);
  });
});

describe("who lies while it is sent", () => {
  const wrongBytes = () => snapshotChunk.encode({ bytes: Uint8Array.of(1, 2, 3) });
  const first = (change: Lie, type: string) => join({ lies: { [V1]: lie(type, change) } });

  it("a wrong chunk: the next neighbour is asked for it", () => {
    const home = first(wrongBytes, "chunk");
    home.pass(1000);
    expectJoined(home);
    expect(home.log.of("chunk of a snapshot refused")).toMatchObject([
      { facts: { peer: V1, code: "otherChunk" } },
    ]);
  });

  it("a manifest with made-up hashes: its giver loses its turn, nobody else", () => {
    const home = first((_, honest) => {
      const manifest = mustBeAccepted(snapshotManifest.decode(honest as Uint8Array), "readable");
      return snapshotManifest.encode({ ...manifest, hashes: ["77".repeat(32)] });
    }, "manifest");
    home.pass(1000);
    expectJoined(home);
    expect(home.log.of("neighbour of no use for joining")).toMatchObject([
      { facts: { peer: V1, code: "noChunks" } },
    ]);
  });

  it("a whole state that is not the header's, by a fitting list", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const hash = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
    const home = join({
      lies: {
        [V1]: (question, honest) => {
          const asked = snapshotRequest.decode(question.body);
          if (question.protocol !== "snapshot" || !asked.ok || honest === null) return honest;
          if (asked.value.type === "chunk") return snapshotChunk.encode({ bytes });
          if (asked.value.type !== "manifest") return honest;
          const manifest = mustBeAccepted(snapshotManifest.decode(honest), "readable");
          return snapshotManifest.encode({ ...manifest, size: 3, hashes: [hash] });
        },
      },
    });
    home.pass(1000);
    expectJoined(home);
    expect(home.log.of("neighbour of no use for joining")).toMatchObject([
      { facts: { peer: V1, code: "wrongStateRoot" } },
    ]);
  });

  it.each([
    [
      "another block",
      (m: Manifest) => ({ ...m, block: manifestOf(OTHER).block }),
      "otherCertificate",
    ],
    ["another chain's", () => manifestOf(OTHER), "otherSnapshot"],
    [
      "another set",
      (m: Manifest) => ({ ...m, validators: Uint8Array.of(0x80) }),
      "otherValidators",
    ],
    ["more than it will hold", (m: Manifest) => ({ ...m, size: 32 * 1024 * 1024 }), "badChunkList"],
  ])("a manifest of %s", (_, change, code) => {
    const home = first((_question, honest) => {
      const manifest = mustBeAccepted(snapshotManifest.decode(honest as Uint8Array), "readable");
      return snapshotManifest.encode(change(manifest));
    }, "manifest");
    home.pass(1000);
    expectJoined(home);
    expect(home.log.of("neighbour of no use for joining")).toMatchObject([
      { facts: { peer: V1, code } },
    ]);
  });

  it("no answer for ten seconds, then null: another is asked", () => {
    const home = first(() => null, "chunk");
    home.pass(2000);
    expectJoined(home);
  });

  it("garbage instead of any answer", () => {
    const garbage: Lie = ({ protocol }, honest) =>
      protocol === "snapshot" ? Uint8Array.of(0xff, 0x00) : honest;
    const home = join({ lies: { [V1]: garbage } });
    home.pass(1000);
    expectJoined(home);
  });

  it("all of them: after the last it goes by all blocks", () => {
    const wrong = lie("chunk", wrongBytes);
    const home = join({ lies: { [V1]: wrong, [V2]: wrong, [V3]: wrong, [V4]: wrong } });
    home.pass(40_000);
    expectJoined(home, 1);
  });
});

type Manifest = Parameters<typeof snapshotManifest.encode>[0];

function manifestOf(chain: TestChain): Manifest {
  const store = createMemoryStore();
  storeChain(store, chain, EVERY);
  const server = attackHome(V1, { rules: RULES, store, snapshotEvery: EVERY });
  server.agent.start();
  const body = snapshotRequest.encode({ type: "manifest", height: 8 });
  const reply = server.network.handlers().requested("snapshot", body, "x@vt.edu" as never);
  return mustBeAccepted(snapshotManifest.decode(reply as Uint8Array), "readable");
}

describe("where others vote by now than the rules say", () => {
  const CHANGED = new ChangingChain(FOUR, [...FOUR, NEW, "five@vt.edu"]);
  CHANGED.change({ add: ["five@vt.edu"] });
  for (let n = 0; n < 4; n += 1) CHANGED.grant(V1);
  CHANGED.restart("five@vt.edu", V1, V2);
  for (let n = 0; n < 4; n += 1) CHANGED.grant(V1);

  /** The chain has 11 blocks: five votes from 4, the restart is block 7, and there is a snapshot at 8. */
  function joinChanged(options: {
    readonly trust?: BlockReference;
    readonly lies?: Setting["lies"];
  }) {
    const { rules } = CHANGED;
    const store = createMemoryStore();
    const trust = options.trust === undefined ? {} : { trust: options.trust };
    const home = attackHome(NEW, { rules, store, snapshotEvery: EVERY, ...trust });
    home.agent.start();
    const around = neighbourhood(home, {
      ...{
        chain: CHANGED,
        snapshotEvery: EVERY,
        neighbours: [V1, V2, V3],
        lies: options.lies ?? {},
      },
      store: (to) => CHANGED.store(to, EVERY),
    });
    around.connect();
    around.pass(2000);
    return { ...home, firstBlock: store.blocks(1, 1)[0]?.height };
  }
  /** Why neighbours were of no use. */
  const codes = ({ log }: ReturnType<typeof joinChanged>) =>
    log.of("warn").flatMap(({ facts }) => {
      const { peer, code } = facts ?? {};
      return peer === undefined ? [] : [code];
    });
  const HEAD = { height: 11, stateRoot: stateRoot(CHANGED.state) };

  it("a home joins by two of the first validators, and follows the set and the chain of the state", () => {
    const home = joinChanged({});
    expect([home.agent.head(), home.firstBlock]).toEqual([HEAD, 8]);
    expect(home.agent.ledger().chain).toBe(CHANGED.state.chain);
  });

  it("and by a block that its operator names", () => {
    const trust = { height: 10, blockId: blockId(CHANGED.blocks[9]!.header) };
    const home = joinChanged({ trust });
    expect([home.agent.head(), home.firstBlock]).toEqual([HEAD, 8]);
  });

  it("but by none that the named block's next set has not signed", () => {
    const trust = { height: 2, blockId: blockId(CHANGED.blocks[1]!.header) };
    const home = joinChanged({ trust });
    expect([home.agent.head().height, home.firstBlock]).toEqual([0, undefined]);
    expect(codes(home)).toEqual(["otherSnapshot", "otherSnapshot", "otherSnapshot"]);
  });

  it("and not by votes for another chain than the state's", () => {
    const { rules } = CHANGED;
    const otherChain = lie("manifest", (_, honest) => {
      const read = mustBeAccepted(snapshotManifest.decode(honest!), "readable");
      return snapshotManifest.encode({ ...read, chain: communityId(rules) });
    });
    const home = joinChanged({ lies: { [V1]: otherChain } });
    expect([home.agent.head(), home.firstBlock]).toEqual([HEAD, 8]);
    expect(codes(home)).toEqual(["badSignature"]);
  });
});
