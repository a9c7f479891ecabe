import { describe, expect, it } from "vitest";
import type { PayloadOf } from "../../../../agent/core/ledger/transaction.ts";
import {
  ADMINISTRATOR,
  keylessRegistration,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signedWith,
  TestChain,
  testCard,
  testKey,
} from "../../../support/ledger.ts";

const [ALICE, BOB, SELLER] = ["alice@vt.edu", "bob@vt.edu", "seller1@vt.edu"];
const SECOND = "alice's second card";
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const bid = (sequence: number) =>
  say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(3), sequence });

/** Alice without a card, Bob with one; the administrator has said nothing numbered yet. */
function manual(): TestChain {
  const chain = new TestChain(makeRules({ schedule: "manual" }));
  chain.add(T("16:10:00"), [ADMINISTRATOR, keylessRegistration(ALICE)], [BOB, registration(BOB)]);
  return chain;
}

/** Alice's card is ended in an hourly community. */
function revoked(): TestChain {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
  chain.add(T("16:11:00"), [ALICE, bid(0)]);
  chain.add(T("16:12:00"), [null, say.revoke(1, ALICE)]);
  return chain;
}

describe("bindIdentity", () => {
  it("by hand gives a member its first card, and the member speaks", () => {
    const chain = manual();
    expect(chain.refusal(T("16:11:00"), ALICE, say.registerPv(ALICE, "roof")).code).toBe(
      "noIdentity",
    );
    const { events } = chain.add(T("16:12:00"), [ADMINISTRATOR, say.bindIdentity(1, ALICE)]);
    const { publicKey } = testKey(ALICE);
    expect(events).toEqual([{ type: "identityBound", memberId: ALICE, publicKey }]);
    expect(chain.member(ALICE)).toMatchObject({ publicKey, revoked: false });
    expect(chain.state).toMatchObject({ administratorSequence: 1, caSequence: 0 });
    chain.add(T("16:13:00"), [ALICE, say.registerPv(ALICE, "roof")]);
    expect(chain.state.pvs.size).toBe(1);
  });

  it("by the CA gives another card to a revoked member: the old key says nothing more", () => {
    const chain = revoked();
    chain.add(T("16:13:00"), [null, say.bindIdentity(2, ALICE, SECOND)]);
    expect(chain.member(ALICE)).toMatchObject({ revoked: false });
    expect(chain.balance(ALICE)).toBe(200);
    expect(chain.refusal(T("16:14:00"), ALICE, bid(1))).toEqual({ code: "badSignature" });
    const author = { author: ALICE, seed: SECOND };
    const { dropped } = chain.addSigned(T("16:15:00"), [signedWith(chain.rules, author, bid(1))]);
    expect(dropped).toEqual([]);
    expect(chain.reserved(ALICE)).toBe(3);
  });

  it("leaves the old key to nobody but a card that the CA issues for it", () => {
    const chain = revoked();
    const carol = "carol@vt.edu";
    const stolen = { ...say.bindIdentity(0, carol, ALICE) } as PayloadOf<"bindIdentity">;
    const joins = { ...registration(carol), certificate: stolen.certificate } as never;
    const said = signedWith(chain.rules, { author: carol, seed: ALICE }, joins);
    const both = [signedWith(chain.rules, { author: carol, seed: ALICE }, joins)];
    expect(chain.addSigned(T("16:13:00"), both).dropped[0]?.refusal).toEqual({ code: "keyInUse" });
    chain.add(T("16:14:00"), [null, say.bindIdentity(2, ALICE, SECOND)]);
    expect(chain.addSigned(T("16:15:00"), [said]).dropped).toEqual([]);
  });

  it("lifts a revocation with the same card, and in the block that revoked", () => {
    const chain = revoked();
    chain.add(T("16:13:00"), [null, say.bindIdentity(2, ALICE)]);
    expect(chain.member(ALICE).revoked).toBe(false);
    const said = [say.revoke(3, ALICE), say.bindIdentity(4, ALICE, SECOND)];
    chain.add(T("16:14:00"), ...said.map((payload) => [null, payload] as const));
    expect(chain.member(ALICE)).toMatchObject({ publicKey: testKey(SECOND).publicKey });
  });

  it("staleSequence: said once, so that nobody brings an old card back", () => {
    const chain = revoked();
    const bound = say.bindIdentity(2, ALICE, SECOND);
    chain.add(T("16:13:00"), [null, bound]);
    chain.add(T("16:14:00"), [null, say.revoke(3, ALICE)]);
    expect(chain.refusal(T("16:15:00"), null, bound).code).toBe("staleSequence");
    expect(chain.member(ALICE).revoked).toBe(true);
  });

  it("hasIdentity, unknownMember, keyInUse and certificateOfOther", () => {
    const chain = manual();
    const refusal = (second: number, payload: ReturnType<typeof say.bindIdentity>) =>
      chain.refusal(T(`16:11:0${second}`), ADMINISTRATOR, payload);
    expect(refusal(1, say.bindIdentity(1, BOB, SECOND))).toEqual({
      code: "hasIdentity",
      memberId: BOB,
    });
    const carol = "carol@vt.edu";
    expect(refusal(2, say.bindIdentity(1, carol))).toEqual({
      code: "unknownMember",
      memberId: carol,
    });
    expect(refusal(3, say.bindIdentity(1, ALICE, BOB))).toEqual({ code: "keyInUse" });
    const { certificate } = testCard(BOB);
    expect(refusal(4, { ...say.bindIdentity(1, ALICE), certificate } as never)).toEqual({
      code: "certificateOfOther",
      memberId: ALICE,
      certified: BOB,
    });
  });

  it("seatHeld: a member that votes gets the key of its seat or none", () => {
    const chain = new TestChain(makeRules({ schedule: "manual", validators: [SELLER] }));
    chain.add(T("16:10:00"), [ADMINISTRATOR, keylessRegistration(SELLER)]);
    const other = say.bindIdentity(1, SELLER, SECOND);
    expect(chain.refusal(T("16:11:00"), ADMINISTRATOR, other)).toEqual({
      code: "seatHeld",
      memberId: SELLER,
    });
    chain.add(T("16:12:00"), [ADMINISTRATOR, say.bindIdentity(1, SELLER)]);
    expect(chain.member(SELLER).publicKey).toEqual(testKey(SELLER).publicKey);
  });

  it("a revoked member of many votes no more, and so gets another card at once", () => {
    const validators = [ALICE, BOB, SELLER];
    const chain = new TestChain(makeRules({ validators }));
    chain.add(T("16:10:00"), ...validators.map((name) => [name, registration(name)] as const));
    const said = [say.revoke(1, ALICE), say.bindIdentity(2, ALICE, SECOND)];
    const { dropped } = chain.add(T("16:11:00"), ...said.map((one) => [null, one] as const));
    expect(dropped).toEqual([]);
    expect(chain.state.nextValidators.map(({ memberId }) => memberId)).toEqual([BOB, SELLER]);
  });
});
