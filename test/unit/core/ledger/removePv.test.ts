import { describe, expect, it } from "vitest";
import { decodeState, encodeState } from "../../../../agent/core/ledger/state.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
} from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const ROOF = pvId("roof");

/** Alice has a roof in an open hour. */
function chainOfTwo(rules = makeRules({ pvsPerMemberMax: 1 })): TestChain {
  const chain = new TestChain(rules);
  chain.add(T("16:10:00"), [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
  chain.add(T("16:10:01"), [ALICE, say.registerPv(ALICE, "roof")]);
  return chain;
}

describe("removePv", () => {
  it("takes the PV from the registry and keeps its id for its owner", () => {
    const chain = chainOfTwo();
    const { events } = chain.add(T("16:11:00"), [ALICE, say.removePv("roof", 1)]);
    expect(events).toEqual([{ type: "pvRemoved", pvId: "roof", sequence: 1 }]);
    expect(chain.state.pvs.has(ROOF)).toBe(false);
    expect(chain.state.removedPvs.get(ROOF)).toMatchObject({ owner: ALICE, sequence: 1 });
    const offer = say.pvOffer(LISTING, "roof", { energy: kwh(1) });
    expect(chain.refusal(T("16:12:00"), ALICE, offer)).toEqual({ code: "pvUnknown", pv: "roof" });
    expect(chain.refusal(T("16:13:00"), BOB, say.registerPv(BOB, "roof", 1, 2))).toEqual({
      code: "pvExists",
      pv: "roof",
      owner: ALICE,
    });
    const { state } = chain;
    const again = decodeState(state.rules, encodeState(state), state.lastBlock);
    expect(again).toEqual({ ok: true, value: state });
  });

  it("the owner registers it again, perhaps larger, and another in its place", () => {
    const chain = chainOfTwo();
    chain.add(T("16:11:00"), [ALICE, say.removePv("roof", 1)]);
    chain.add(T("16:12:00"), [ALICE, say.registerPv(ALICE, "barn", 1)]);
    chain.add(T("16:13:00"), [ALICE, say.removePv("barn", 1)]);
    const { events } = chain.add(T("16:14:00"), [ALICE, say.registerPv(ALICE, "roof", 9000, 2)]);
    const pv = { pvId: "roof", owner: ALICE, sequence: 2, capacity: 9000 };
    expect(events).toEqual([{ type: "pvRegistered", pv }]);
    expect([...chain.state.removedPvs.keys()]).toEqual(["barn"]);
    // One PV a member, in the same block too.
    const said = [say.removePv("roof", 3), say.registerPv(ALICE, "shed", 1)];
    const { dropped } = chain.add(T("16:15:00"), ...said.map((one) => [ALICE, one] as const));
    expect(dropped).toEqual([]);
  });

  it("staleSequence: neither its registration nor its removal can be said again by others", () => {
    const chain = chainOfTwo();
    chain.add(T("16:11:00"), [ALICE, say.removePv("roof", 1)]);
    expect(chain.refusal(T("16:12:00"), ALICE, say.registerPv(ALICE, "roof"))).toEqual({
      code: "staleSequence",
      have: 1,
      got: 0,
    });
    chain.add(T("16:13:00"), [ALICE, say.registerPv(ALICE, "roof", 1, 2)]);
    expect(chain.refusal(T("16:14:00"), ALICE, say.removePv("roof", 1))).toEqual({
      code: "staleSequence",
      have: 2,
      got: 1,
    });
    expect(chain.refusal(T("16:15:00"), ALICE, say.removePv("roof", 256)).code).toBe(
      "sequenceBeyondMax",
    );
  });

  it("pvHasOffer: while something is offered from it; not once that is cancelled or closed", () => {
    const chain = chainOfTwo();
    const offer = (energy: number, sequence: number) =>
      say.pvOffer(LISTING, "roof", { energy: kwh(energy), reserve: perKwh(1), sequence });
    chain.add(T("16:11:00"), [ALICE, offer(1, 1)]);
    expect(chain.refusal(T("16:12:00"), ALICE, say.removePv("roof", 1))).toEqual({
      code: "pvHasOffer",
      pv: "roof",
      listingId: LISTING,
    });
    const closed = chain.fork();
    // The same in the block of the offer: what the draft holds counts.
    const said = [offer(0, 2), say.removePv("roof", 1)];
    const { dropped } = chain.add(T("16:13:00"), ...said.map((one) => [ALICE, one] as const));
    expect(dropped).toEqual([]);
    closed.add(T("16:59:15"));
    expect(closed.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
    expect(closed.add(T("16:59:20"), [ALICE, say.removePv("roof", 1)]).dropped).toEqual([]);
  });

  it("notOwner and pvUnknown", () => {
    const chain = chainOfTwo();
    expect(chain.refusal(T("16:11:00"), BOB, say.removePv("roof", 1))).toEqual({
      code: "notOwner",
      pv: "roof",
      owner: ALICE,
    });
    expect(chain.refusal(T("16:12:00"), BOB, say.removePv("barn", 1))).toEqual({
      code: "pvUnknown",
      pv: "barn",
    });
  });

  it("by hand, and registered again by hand for the same owner only", () => {
    const chain = chainOfTwo(makeRules({ schedule: "manual" }));
    chain.add(T("16:11:00"), [ADMINISTRATOR, say.removePv("roof", 1)]);
    const others = say.registerPv(BOB, "roof", 1, 2);
    expect(chain.refusal(T("16:12:00"), ADMINISTRATOR, others).code).toBe("pvExists");
    chain.add(T("16:13:00"), [ADMINISTRATOR, say.registerPv(ALICE, "roof", 1, 2)]);
    expect(chain.state.pvs.get(ROOF)?.owner).toBe(ALICE);
  });

  it("pvsEverMax: ids stay for ever, so there is an end to them", () => {
    const chain = chainOfTwo();
    chain.add(T("16:11:00"), [ALICE, say.removePv("roof", 1)]);
    for (let i = 1; i < 64; i += 1) {
      const said = [say.registerPv(ALICE, `roof${i}`, 1), say.removePv(`roof${i}`, 1)];
      chain.add(Date.parse(T("16:11:00")) + i, ...said.map((one) => [ALICE, one] as const));
    }
    expect(chain.state.removedPvs.size).toBe(64);
    expect(chain.refusal(T("16:12:00"), ALICE, say.registerPv(ALICE, "roof64", 1))).toEqual({
      code: "pvsEverMax",
      max: 64,
    });
    expect(chain.add(T("16:13:00"), [ALICE, say.registerPv(ALICE, "roof9", 1, 2)]).dropped).toEqual(
      [],
    );
  });
});
