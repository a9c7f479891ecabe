import { describe, expect, it } from "vitest";
import { ISSUED_MAX } from "../../../../agent/core/ledger/accounts.ts";
import { microTokens } from "../../../../agent/core/units/money.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  tokens,
} from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;

function chainOfTwo(schedule: "hourly" | "manual"): TestChain {
  const chain = new TestChain(makeRules({ schedule }));
  chain.add(T("16:10:00"), [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
  return chain;
}

describe("changeMember", () => {
  it.each(["hourly", "manual"] as const)("a member changes its own names (%s)", (schedule) => {
    const chain = chainOfTwo(schedule);
    const { events } = chain.add(T("16:11:00"), [ALICE, say.changeMember(1, ALICE, {})]);
    expect(events).toEqual([
      { type: "memberChanged", memberId: ALICE, firstName: "Ann", lastName: "Ann", sequence: 1 },
    ]);
    expect(chain.member(ALICE)).toMatchObject({ firstName: "Ann", sequence: 1 });
    expect([chain.balance(ALICE), chain.state.issued]).toEqual([200, tokens(400)]);
  });

  it("staleSequence and sequenceBeyondMax: each said once, and not for ever", () => {
    const chain = chainOfTwo("hourly");
    const first = say.changeMember(1, ALICE, { name: "Al" });
    chain.add(T("16:11:00"), [ALICE, first], [ALICE, say.changeMember(2, ALICE, { name: "Liz" })]);
    expect(chain.refusal(T("16:12:00"), ALICE, first)).toEqual({
      code: "staleSequence",
      have: 2,
      got: 1,
    });
    expect(chain.refusal(T("16:13:00"), ALICE, say.changeMember(256, ALICE, {}))).toEqual({
      code: "sequenceBeyondMax",
      got: 256,
      max: 255,
    });
    expect(chain.member(ALICE).firstName).toBe("Liz");
  });

  it("balanceNotAllowed: not even the balance that it has", () => {
    const chain = chainOfTwo("manual");
    const same = say.changeMember(1, ALICE, { balance: tokens(200) });
    expect(chain.refusal(T("16:11:00"), ALICE, same)).toEqual({ code: "balanceNotAllowed" });
  });

  it("by hand makes and takes tokens, which count as issued", () => {
    const chain = chainOfTwo("manual");
    const { events } = chain.add(T("16:11:00"), [
      ADMINISTRATOR,
      say.changeMember(1, ALICE, { balance: tokens(205.5) }),
    ]);
    expect(events.slice(1)).toEqual([
      {
        type: "posted",
        posting: { memberId: ALICE, amount: tokens(5.5), reason: "change", listingId: null },
      },
      { type: "balanceChanged", memberId: ALICE, balance: tokens(205.5), reserved: 0n },
    ]);
    chain.add(T("16:12:00"), [ADMINISTRATOR, say.changeMember(2, BOB, { balance: tokens(0) })]);
    // 400 + 5.5 - 200
    expect([chain.balance(BOB), chain.state.issued]).toEqual([0, tokens(205.5)]);
    expect(chain.state.administratorSequence).toBe(2);
    expect(chain.member(BOB).sequence).toBe(0);
  });

  it("by hand changes names alone, the administrator's number once", () => {
    const chain = chainOfTwo("manual");
    const named = say.changeMember(1, ALICE, { name: "Liz" });
    const { events } = chain.add(T("16:11:00"), [ADMINISTRATOR, named]);
    expect(events.map(({ type }) => type)).toEqual(["memberChanged"]);
    expect(chain.refusal(T("16:12:00"), ADMINISTRATOR, named).code).toBe("staleSequence");
  });

  it("insufficientFunds: what a bid reserves stays; there is no negative balance", () => {
    const chain = chainOfTwo("manual");
    chain.add(T("16:11:00"), [ADMINISTRATOR, say.administrator("createListing", 1, LISTING)]);
    chain.add(T("16:12:00"), [ALICE, say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3) })]);
    const to = (balance: number) => say.changeMember(2, ALICE, { balance: tokens(balance) });
    // 200 - 15 reserved = 185 free
    expect(chain.refusal(T("16:13:00"), ADMINISTRATOR, to(14.999999))).toEqual({
      code: "insufficientFunds",
      free: "185",
      need: "185.000001",
    });
    expect(chain.refusal(T("16:14:00"), ADMINISTRATOR, to(-1)).code).toBe("insufficientFunds");
    chain.add(T("16:15:00"), [ADMINISTRATOR, to(15)]);
    expect([chain.balance(ALICE), chain.reserved(ALICE)]).toEqual([15, 15]);
  });

  it("issuedBeyondMax and unknownMember", () => {
    const chain = chainOfTwo("manual");
    const balance = microTokens(ISSUED_MAX - tokens(199));
    const most = say.changeMember(1, ALICE, { balance });
    expect(chain.refusal(T("16:11:00"), ADMINISTRATOR, most)).toMatchObject({
      code: "issuedBeyondMax",
    });
    const nobody = say.changeMember(1, "carol@vt.edu", {});
    expect(chain.refusal(T("16:12:00"), ADMINISTRATOR, nobody)).toEqual({
      code: "unknownMember",
      memberId: "carol@vt.edu",
    });
  });
});
