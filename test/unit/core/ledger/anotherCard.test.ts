// A member that was given another card, and what its old one, or one that was stolen, can still do.

import { describe, expect, it } from "vitest";
import { blameTransaction } from "../../../../agent/core/audit/blameTransaction.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import {
  encodeTransaction,
  type Payload,
  type PayloadOf,
} from "../../../../agent/core/ledger/transaction.ts";
import { memberId, type OfferPrefix } from "../../../../agent/core/units/ids.ts";
import type { MicroTokens } from "../../../../agent/core/units/money.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { doubleVote, report } from "../../../support/accusations.ts";
import {
  ADMINISTRATOR,
  makeRules,
  registration,
  say,
  signed,
  signedWith,
  TestChain,
  testKey,
  tokens,
} from "../../../support/ledger.ts";

const [ALICE, BOB, SELLER, DORA] = ["alice@vt.edu", "bob@vt.edu", "seller1@vt.edu", "zora@vt.edu"];
const SECOND = "alice's second card";
const T = (time: string) => `2018-03-21T${time}Z`;
const when = (time: string) => unixMs(Date.parse(T(time)));
const ENTRIES = [{ offer: "00".repeat(16) as OfferPrefix, after: 0 }];
const SEAT: Payload = {
  ...{ type: "validatorChange", sequence: 3, remove: [] },
  add: [{ memberId: memberId(ALICE), publicKey: testKey(SECOND).publicKey }],
};

/** Four validators, all members. */
function street(): TestChain {
  const validators = [ALICE, BOB, SELLER, DORA];
  const chain = new TestChain(makeRules({ validators }));
  chain.add(T("16:10:00"), ...validators.map((name) => [name, registration(name)] as const));
  return chain;
}

const add = (chain: TestChain, time: string, author: string | null, ...said: Payload[]) =>
  chain.addSigned(
    T(time),
    said.map((payload) => signed(chain.rules, author, payload)),
    BOB,
  );

/** Alice's card was ended, and she votes with another. */
function giveAnotherSeat(chain: TestChain): void {
  add(chain, "16:11:00", null, say.revoke(1, ALICE));
  add(chain, "16:12:00", null, say.bindIdentity(2, ALICE, SECOND));
  add(chain, "16:13:00", null, SEAT);
  chain.addBy(BOB, T("16:14:00"));
  chain.addBy(BOB, T("16:15:00"));
}

describe("another card", () => {
  it("keeps its seat whatever the old one signs: who has that is named, and loses nothing", () => {
    const chain = street();
    giveAnotherSeat(chain);
    const seats = () => chain.state.nextValidators.map((one) => one.memberId);
    expect(seats()).toContain(ALICE);
    const lie = doubleVote(chain.rules, ALICE, { height: chain.state.height, signer: ALICE });
    expect(add(chain, "16:16:00", BOB, report(lie)).dropped).toEqual([]);
    expect(seats()).toContain(ALICE);
    expect(chain.state.evidence.size).toBe(1);
  });

  it("says receipts though the old one's last is of a time to come", () => {
    const chain = street();
    const [, first] = chain.receipt(ALICE, []);
    const to = unixMs(Date.parse("2090-01-01T00:00:00Z"));
    const poison = { ...(first as PayloadOf<"receipt">), from: when("16:10:30"), to };
    expect(add(chain, "16:10:40", ALICE, { ...poison, entries: ENTRIES }).dropped).toEqual([]);
    giveAnotherSeat(chain);
    const previous = chain.state.receipts.get(memberId(ALICE))?.id ?? null;
    const at = when("16:15:30");
    const span = { sequence: 2, previous, from: at, to: at, entries: ENTRIES };
    const honest: Payload = { type: "receipt", ...span };
    const said = signedWith(chain.rules, { author: ALICE, seed: SECOND }, honest);
    expect(chain.addSigned(T("16:16:00"), [said], BOB).dropped).toEqual([]);
  });

  it("leaves the old one no receipt, though its seat lasts a block longer", () => {
    const chain = street();
    const [, first] = chain.receipt(ALICE, []);
    const at = when("16:10:30");
    const late = { ...(first as PayloadOf<"receipt">), from: at, to: at, entries: ENTRIES };
    add(chain, "16:11:00", null, say.revoke(1, ALICE), say.bindIdentity(2, ALICE, SECOND));
    expect(add(chain, "16:12:00", ALICE, late).dropped).toMatchObject([
      { refusal: { code: "notAllowed", who: "validator" } },
    ]);
  });

  it("of the administrator's would bring the ended key back, which the rules name: refused", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    const both = [ADMINISTRATOR, BOB].map((name) => [ADMINISTRATOR, registration(name)] as const);
    chain.add(T("16:10:00"), ...both);
    chain.add(T("16:11:00"), [null, say.revoke(1, ADMINISTRATOR)]);
    const mint = say.changeMember(1, BOB, { balance: tokens(1_000_000) });
    expect(chain.refusal(T("16:12:00"), ADMINISTRATOR, mint).code).toBe("revoked");
    const bind = say.bindIdentity(2, ADMINISTRATOR, SECOND);
    expect(chain.refusal(T("16:13:00"), null, bind).code).toBe("administratorHeld");
    chain.add(T("16:14:00"), [null, say.bindIdentity(2, ADMINISTRATOR)]);
    expect(chain.add(T("16:15:00"), [ADMINISTRATOR, mint]).dropped).toEqual([]);
  });

  it("in the same block is no reason for the audit to blame what the old one had said before", () => {
    const chain = street();
    const before = chain.state;
    const all = [
      signed(chain.rules, ALICE, say.registerPv(ALICE, "roof")),
      signed(chain.rules, BOB, say.registerPv(BOB, "shed")),
      signed(chain.rules, null, say.revoke(1, ALICE)),
      signed(chain.rules, null, say.bindIdentity(2, ALICE, SECOND)),
    ];
    expect(chain.addSigned(T("16:11:00"), all).dropped).toEqual([]);
    const isLost = (index: number) => index === 1;
    const recorded = all
      .filter((_, index) => !isLost(index))
      .map((one) => ({ id: one.id, bytes: encodeTransaction(communityId(chain.rules), one) }));
    const fault = blameTransaction(before, recorded, chain.verifier);
    expect(JSON.stringify(fault)).toContain("missing");
  });
});

describe("what nobody else may end", () => {
  it("a balance beyond all bounds is refused, not a bug", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(T("16:10:00"), [ALICE, registration(ALICE)]);
    const balance = -(2n ** 63n) as MicroTokens;
    const { code } = chain.refusal(
      T("16:11:00"),
      ADMINISTRATOR,
      say.changeMember(1, ALICE, { balance }),
    );
    expect(code).toBe("insufficientFunds");
  });

  it("a PV is not removed under the last number: it could never come back", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(T("16:10:00"), [ALICE, registration(ALICE)]);
    chain.add(T("16:11:00"), [ALICE, say.registerPv(ALICE, "roof")]);
    expect(chain.refusal(T("16:12:00"), ALICE, say.removePv("roof", 255))).toMatchObject({
      ...{ code: "sequenceBeyondMax", max: 254 },
    });
    chain.add(T("16:13:00"), [ALICE, say.removePv("roof", 254)]);
    const back = say.registerPv(ALICE, "roof", 5000, 255);
    expect(chain.add(T("16:14:00"), [ALICE, back]).dropped).toEqual([]);
  });
});
