import { describe, expect, it } from "vitest";
import { kwh, perKwh, registration, say, TestChain, tokens } from "../../../support/ledger.ts";

const ALICE = "alice@vt.edu";
const T = (time: string) => `2018-03-21T${time}Z`;

function chainOfOne(): TestChain {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [ALICE, registration(ALICE)]);
  return chain;
}

describe("grant", () => {
  it("gives tokens, and the sum of all tokens follows", () => {
    const chain = chainOfOne();
    const { events } = chain.add(T("16:11:00"), [null, say.grant(1, ALICE, tokens(50.5))]);
    expect([chain.balance(ALICE), chain.state.issued]).toEqual([250.5, tokens(250.5)]);
    expect(events[0]).toEqual({
      type: "posted",
      posting: { memberId: ALICE, amount: tokens(50.5), reason: "grant", listingId: null },
    });
  });

  it("takes what is free and not a micro-token more", () => {
    const chain = chainOfOne();
    const bid = say.buyOffer("21Mar18-13:00", { energy: kwh(5), price: perKwh(3) });
    chain.add(T("16:11:00"), [ALICE, bid]);
    // 200 - 15 reserved = 185 free
    expect(chain.refusal(T("16:12:00"), null, say.grant(1, ALICE, tokens(-185.000001)))).toEqual({
      code: "insufficientFunds",
      free: "185",
      need: "185.000001",
    });
    chain.add(T("16:13:00"), [null, say.grant(1, ALICE, tokens(-185))]);
    expect([chain.balance(ALICE), chain.reserved(ALICE)]).toEqual([15, 15]);
    expect(chain.state.issued).toBe(tokens(15));
  });

  it("staleSequence: the CA's numbers only grow, so that no grant is replayed", () => {
    const chain = chainOfOne();
    const twice = say.grant(3, ALICE, tokens(1));
    chain.add(T("16:11:00"), [null, twice]);
    expect(chain.refusal(T("16:12:00"), null, twice)).toEqual({
      code: "staleSequence",
      have: 3,
      got: 3,
    });
    expect(chain.refusal(T("16:13:00"), null, say.grant(2, ALICE, tokens(1))).code).toBe(
      "staleSequence",
    );
    expect(chain.refusal(T("16:14:00"), null, say.revoke(3, ALICE)).code).toBe("staleSequence");
    expect(chain.balance(ALICE)).toBe(201);
  });

  it("a refused one uses no number", () => {
    const chain = chainOfOne();
    expect(chain.refusal(T("16:11:00"), null, say.grant(1, "bob@vt.edu", tokens(1)))).toEqual({
      code: "unknownMember",
      memberId: "bob@vt.edu",
    });
    expect(chain.add(T("16:12:00"), [null, say.grant(1, ALICE, tokens(1))]).dropped).toEqual([]);
  });

  it("issuedBeyondMax", () => {
    const chain = chainOfOne();
    const most = 2n ** 63n - 1n;
    expect(chain.refusal(T("16:11:00"), null, say.grant(1, ALICE, most as never))).toMatchObject({
      code: "issuedBeyondMax",
      issued: "200",
    });
  });
});
