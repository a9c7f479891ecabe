import { describe, expect, it } from "vitest";
import { watts } from "../../../../agent/core/units/energy.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import { makeRules, registration, say, TestChain } from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];

function chainOfTwo(): TestChain {
  const chain = new TestChain(
    makeRules({ pvsPerMemberMax: 2, pvCapacityMax: watts(5000) as never }),
  );
  chain.add("2018-03-21T12:00:00Z", [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
  return chain;
}

describe("registerPv", () => {
  it("puts the PV under its owner's name", () => {
    const chain = chainOfTwo();
    const { events } = chain.add("2018-03-21T12:00:01Z", [ALICE, say.registerPv("roof", 5000)]);
    expect(chain.state.pvs.get(pvId("roof"))).toEqual({
      pvId: "roof",
      owner: ALICE,
      capacity: 5000,
    });
    expect(events).toEqual([
      { type: "pvRegistered", pv: { pvId: "roof", owner: ALICE, capacity: 5000 } },
    ]);
  });

  it("pvExists: an id is taken once, whoever asks", () => {
    const chain = chainOfTwo();
    chain.add("2018-03-21T12:00:01Z", [ALICE, say.registerPv("roof", 5000)]);
    for (const [i, author] of [ALICE, BOB].entries()) {
      expect(
        chain.refusal(`2018-03-21T12:00:0${2 + i}Z`, author, say.registerPv("roof", 4000)),
      ).toEqual({ code: "pvExists", pv: "roof", owner: ALICE });
    }
  });

  it("pvsPerMemberMax: counted per owner, across blocks", () => {
    const chain = chainOfTwo();
    chain.add("2018-03-21T12:00:01Z", [ALICE, say.registerPv("one", 1)]);
    const { dropped } = chain.add(
      "2018-03-21T12:00:02Z",
      [ALICE, say.registerPv("two", 1)],
      [ALICE, say.registerPv("three", 1)],
      [BOB, say.registerPv("four", 1)],
    );
    expect(dropped.map(({ refusal }) => refusal)).toEqual([{ code: "pvsPerMemberMax", max: 2 }]);
    expect([...chain.state.pvs.keys()]).toEqual(["one", "two", "four"]);
  });

  it("pvCapacityMax", () => {
    expect(
      chainOfTwo().refusal("2018-03-21T12:00:01Z", ALICE, say.registerPv("roof", 5001)),
    ).toEqual({ code: "pvCapacityMax", capacity: 5001, max: 5000 });
  });
});
