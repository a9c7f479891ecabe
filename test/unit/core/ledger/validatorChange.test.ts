import { describe, expect, it } from "vitest";
import type { Payload } from "../../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import {
  makeRules,
  registration,
  say,
  signed,
  TestChain,
  testKey,
} from "../../../support/ledger.ts";

const [A, B, C, D] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu"] as const;
const [E, F, STRANGER] = ["e@vt.edu", "f@vt.edu", "stranger@vt.edu"] as const;
const START = Date.parse("2018-03-21T16:00:10Z");

const seat = (name: string, key = name) => {
  return { memberId: memberId(name), publicKey: testKey(key).publicKey };
};
type Change = { readonly add?: readonly string[]; readonly remove?: readonly string[] };
const change = (sequence: number, { add = [], remove = [] }: Change): Payload => {
  const leaving = remove.map(memberId);
  return { type: "validatorChange", sequence, add: add.map((name) => seat(name)), remove: leaving };
};
type Said = readonly [string | null, Payload];

/** Block 1 registers a to f, whoever votes. Each further block is one second later. */
class Community extends TestChain {
  constructor(...validators: readonly string[]) {
    super(makeRules({ validators }));
    this.next(...[A, B, C, D, E, F].map((name): Said => [name, registration(name)]));
  }

  /** By the first who votes. */
  next(...said: readonly Said[]) {
    const transactions = said.map(([author, payload]) => signed(this.rules, author, payload));
    const time = START + 1000 * this.state.height;
    return this.addSigned(time, transactions, this.voting[0]);
  }

  refused(payload: Payload) {
    return this.next([null, payload]).dropped[0]?.refusal;
  }

  get voting() {
    return this.state.validators.map((one) => one.memberId as string);
  }
}

const voters = (n: number) => [A, B, C, D, E, F].slice(0, n);

describe("validatorChange", () => {
  it("of 4: b leaves in block 2, votes on 3 still and on 4 no more; e joins 100 blocks later", () => {
    const chain = new Community(...voters(4));
    const { events } = chain.next([null, change(1, { remove: [B] })]);
    expect(events).toEqual([{ type: "validatorsChanged", fromHeight: 4, added: [], removed: [B] }]);
    expect(chain.voting).toEqual([A, B, C, D]);
    chain.next();
    expect(chain.state.height).toBe(3);
    expect(chain.voting).toEqual([A, C, D]);

    // f of 3 is 0, and one change is always allowed; block 2 counts up to block 101.
    while (chain.state.height < 100) chain.next();
    expect(chain.refused(change(2, { add: [E] }))).toEqual({
      code: "validatorChangesMax",
      max: 1,
      recent: 1,
      got: 1,
      blocks: 100,
    });
    expect(chain.state.height).toBe(101);
    const joined = chain.next([null, change(2, { add: [E] })]);
    expect(joined.dropped).toEqual([]);
    expect(joined.events).toEqual([
      { type: "validatorsChanged", fromHeight: 104, added: [seat(E)], removed: [] },
    ]);
    chain.next();
    expect(chain.voting).toEqual([A, C, D, E]);
    expect(chain.state.setChanges).toEqual([102]);
  });

  // f = 1 up to n = 6, f = 2 from n = 7 on.
  it.each<[number, number, Change]>([
    [1, 2, { add: [D, E] }],
    [4, 2, { add: [E, F] }],
    [4, 2, { remove: [A, B] }],
    [4, 2, { add: [E], remove: [A] }],
    [5, 2, { add: [F], remove: [A] }],
  ])("of %i: %i changes at a time are too many", (n, got, what) => {
    const chain = new Community(...voters(n));
    expect(chain.refused(change(1, what))).toMatchObject({ code: "validatorChangesMax", got });
  });

  it("of 7: two at a time, or one and one", () => {
    const seven = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", ...voters(4)];
    const chain = new Community(...seven);
    expect(chain.next([null, change(1, { add: [E], remove: [A] })]).dropped).toEqual([]);
    expect(chain.refused(change(2, { add: [F] }))).toMatchObject({ max: 2, recent: 2 });
    chain.next();
    expect(chain.voting).toEqual([B, C, D, E, "v1@vt.edu", "v2@vt.edu", "v3@vt.edu"]);
    const split = new Community(...seven);
    expect(split.next([null, change(1, { add: [E] })]).dropped).toEqual([]);
    expect(split.next([null, change(2, { remove: [A] })]).dropped).toEqual([]);
    expect(split.refused(change(3, { remove: [B] }))).toMatchObject({ recent: 2, got: 1 });
  });

  it("two in one block count together", () => {
    const chain = new Community(...voters(4));
    const both = chain.next([null, change(1, { add: [E] })], [null, change(2, { add: [F] })]);
    expect(both.dropped.map(({ refusal }) => refusal)).toMatchObject([{ recent: 1, got: 1 }]);
  });

  it("refuses a seat for a stranger, a revoked card, another key, a second seat, a used key", () => {
    const chain = new Community(...voters(4));
    expect(chain.refused(change(1, { add: [STRANGER] }))).toEqual({
      code: "unknownMember",
      memberId: STRANGER,
    });
    const otherKey = { ...change(1, {}), add: [seat(E, F)] } as Payload;
    expect(chain.refused(otherKey)).toEqual({ code: "otherKey", memberId: E });
    expect(chain.refused(change(1, { add: [A] }))).toEqual({ code: "alreadyInSet", memberId: A });
    chain.next([null, say.revoke(1, E)]);
    expect(chain.refused(change(2, { add: [E] }))).toEqual({ code: "revoked", memberId: E });
  });

  it("keyInUse: a validator of the rules that never joined may vote with a member's key", () => {
    const rules = makeRules({ validators: voters(4) });
    const alias = { memberId: memberId("zoe@vt.edu"), publicKey: testKey(E).publicKey };
    const chain = new TestChain({ ...rules, validators: [...rules.validators, alias] });
    chain.add(START, [E, registration(E)]);
    expect(chain.refusal(START + 1000, null, change(1, { add: [E] }))).toEqual({
      code: "keyInUse",
    });
  });

  it("refuses nothing at all, to remove who does not vote, and to remove the last one", () => {
    const chain = new Community(...voters(4));
    expect(chain.refused(change(1, {}))).toEqual({ code: "validatorChangeEmpty" });
    expect(chain.refused(change(1, { remove: [E] }))).toEqual({ code: "notInSet", memberId: E });
    const alone = new Community(A);
    expect(alone.refused(change(1, { remove: [A] }))).toEqual({
      code: "validatorsCount",
      got: 0,
      max: 21,
    });
  });

  it("counts once: a replay is stale, and only the CA may say it", () => {
    const chain = new Community(...voters(4));
    chain.next([null, change(1, { remove: [B] })]);
    expect(chain.refused(change(1, { remove: [B] }))).toMatchObject({ code: "staleSequence" });
    const said = chain.next([A, change(2, { add: [B] })]);
    expect(said.dropped[0]?.refusal).toEqual({ code: "notAllowed", who: "CA" });
  });
});

describe("a revoked card", () => {
  it("votes no more from the block after the next one on, whatever changed lately", () => {
    const chain = new Community(...voters(4));
    chain.next([null, change(1, { add: [E] })]);
    const { events } = chain.next([null, say.revoke(2, B)]);
    expect(events.map(({ type }) => type)).toEqual(["memberRevoked", "validatorsChanged"]);
    expect(chain.voting).toEqual([A, B, C, D, E]);
    chain.next();
    expect(chain.voting).toEqual([A, C, D, E]);
    // It is no change of the CA's: one more is refused for the first one only.
    expect(chain.state.setChanges).toEqual([2]);
  });

  it("stays in its seat when it is the last one", () => {
    const chain = new Community(A);
    chain.next([null, say.revoke(1, A)]);
    chain.next();
    expect(chain.voting).toEqual([A]);
    expect(chain.member(A).revoked).toBe(true);
  });
});
