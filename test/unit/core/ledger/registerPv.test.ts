import { describe, expect, it } from "vitest";
import { watts } from "../../../../agent/core/units/energy.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import { ADMINISTRATOR, makeRules, registration, say, TestChain } from "../../../support/ledger.ts";

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
    const { events } = chain.add("2018-03-21T12:00:01Z", [
      ALICE,
      say.registerPv(ALICE, "roof", 5000),
    ]);
    expect(chain.state.pvs.get(pvId("roof"))).toEqual({
      pvId: "roof",
      owner: ALICE,
      sequence: 0,
      capacity: 5000,
    });
    expect(events).toEqual([
      { type: "pvRegistered", pv: { pvId: "roof", owner: ALICE, sequence: 0, capacity: 5000 } },
    ]);
  });

  it("pvExists: an id is taken once, whoever asks", () => {
    const chain = chainOfTwo();
    chain.add("2018-03-21T12:00:01Z", [ALICE, say.registerPv(ALICE, "roof", 5000)]);
    for (const [i, author] of [ALICE, BOB].entries()) {
      expect(
        chain.refusal(`2018-03-21T12:00:0${2 + i}Z`, author, say.registerPv(author, "roof", 4000)),
      ).toEqual({ code: "pvExists", pv: "roof", owner: ALICE });
    }
  });

  it("by hand for anybody who is a member and not revoked", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add("2018-03-21T12:00:00Z", [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
    chain.add("2018-03-21T12:00:01Z", [ADMINISTRATOR, say.registerPv(ALICE, "roof")]);
    expect(chain.state.pvs.get(pvId("roof"))?.owner).toBe(ALICE);
    chain.add("2018-03-21T12:00:02Z", [null, say.revoke(1, BOB)]);
    for (const [i, code] of ["revoked", "unknownMember"].entries()) {
      const owner = [BOB, "carol@vt.edu"][i] as string;
      const said = say.registerPv(owner, "barn");
      const refusal = chain.refusal(`2018-03-21T12:00:0${3 + i}Z`, ADMINISTRATOR, said);
      expect(refusal).toEqual({ code, memberId: owner });
    }
  });

  it("sequenceBeyondMax", () => {
    const said = say.registerPv(ALICE, "roof", 5000, 256);
    const refusal = { code: "sequenceBeyondMax", got: 256, max: 255 };
    expect(chainOfTwo().refusal("2018-03-21T12:00:01Z", ALICE, said)).toEqual(refusal);
  });

  it("pvsPerMemberMax: counted per owner, across blocks", () => {
    const chain = chainOfTwo();
    chain.add("2018-03-21T12:00:01Z", [ALICE, say.registerPv(ALICE, "one", 1)]);
    const { dropped } = chain.add(
      "2018-03-21T12:00:02Z",
      [ALICE, say.registerPv(ALICE, "two", 1)],
      [ALICE, say.registerPv(ALICE, "three", 1)],
      [BOB, say.registerPv(BOB, "four", 1)],
    );
    expect(dropped.map(({ refusal }) => refusal)).toEqual([{ code: "pvsPerMemberMax", max: 2 }]);
    expect([...chain.state.pvs.keys()]).toEqual(["one", "two", "four"]);
  });

  it("pvCapacityMax", () => {
    expect(
      chainOfTwo().refusal("2018-03-21T12:00:01Z", ALICE, say.registerPv(ALICE, "roof", 5001)),
    ).toEqual({ code: "pvCapacityMax", capacity: 5001, max: 5000 });
  });
});
