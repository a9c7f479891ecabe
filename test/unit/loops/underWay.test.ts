// What is under way while the ledger goes on: it ends, once, and leaves room.

import { describe, expect, it } from "vitest";
import type { Payload, Transaction } from "../../../agent/core/ledger/transaction.ts";
import { listingId, memberId, pvId } from "../../../agent/core/units/ids.ts";
import type { MicroTokens } from "../../../agent/core/units/money.ts";
import { OUTBOX_PER_AUTHOR_MAX } from "../../../agent/loops/outbox.ts";
import type { Intent } from "../../../agent/ports.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testCard,
} from "../../support/ledger.ts";
import { speakingHome } from "../../support/speakingHome.ts";

const BUYER = "buyer1@vt.edu";
const LISTING = listingId("21Mar18-13:00");
const T = (time: string) => `2018-03-21T${time}Z`;
const OTHERS = Array.from({ length: 11 }, (_, i) => `m${i}@vt.edu`);
const ROOF = pvId("roof");

/** A home of a manual community with a dozen members, a PV of buyer1's and an open listing. */
function openHome() {
  const chain = new TestChain(makeRules({ schedule: "manual" }));
  const members = [BUYER, ...OTHERS].map((name) => [name, registration(name)] as const);
  chain.add(T("16:10:00"), ...members, [BUYER, say.registerPv(BUYER, "roof")]);
  chain.add(T("16:11:00"), [ADMINISTRATOR, say.administrator("createListing", 1, LISTING)]);
  const home = speakingHome({ chain });
  const submit = (intent: Intent, author = BUYER) =>
    home.intents.submit(intent, testCard(author), home.answered);
  const commit = (when: string, others?: readonly Transaction[]) => home.commit(T(when), others);
  const byHand = (payload: Payload) => signed(chain.rules, ADMINISTRATOR, payload);
  return { ...home, chain, submit, commit, byHand };
}

describe("what is under way", () => {
  it("ends with its listing, though its PV has left meanwhile", () => {
    const { submit, commit, outcomes, outbox, byHand } = openHome();
    const offer = { energy: kwh(1), reservePrice: perKwh(1) };
    submit({ type: "pvOffer", listingId: LISTING, pvId: ROOF, ...offer });
    commit("16:21:00", [byHand(say.removePv("roof", 1))]);
    expect(outcomes).toEqual([]);
    commit("16:22:00", [byHand(say.administrator("closeBidding", 2, LISTING))]);
    expect([outcomes.length, outbox.pending().length]).toEqual([1, 0]);
  });

  it("does not remove a PV again that another home removed, and that has come back", () => {
    const { chain, submit, commit, byHand } = openHome();
    submit({ type: "removePv", pvId: ROOF });
    commit("16:21:00", [byHand(say.removePv("roof", 1))]);
    commit("16:22:00", [byHand(say.registerPv(BUYER, "roof", 10_000, 2))]);
    commit("16:23:00");
    commit("16:24:00");
    expect(chain.state.pvs.has(ROOF)).toBe(true);
  });

  it("of many cards leaves room for what the home says by itself", () => {
    const { submit, outbox } = openHome();
    for (const name of OTHERS) {
      for (let i = 1; i <= 60; i += 1) {
        const bid = { energy: kwh(i / 10), bidPrice: perKwh(1) };
        submit({ type: "buyOffer", listingId: LISTING, ...bid }, name);
      }
    }
    expect(outbox.hasRoom(memberId(BUYER), OUTBOX_PER_AUTHOR_MAX)).toBe(true);
  });

  it("and landed in blocks that a snapshot skipped is not said again under another number", () => {
    const { chain, mempool, told, submit, byHand } = openHome();
    const names = { firstName: "a", lastName: "a" };
    const balance = 300_000_000n as MicroTokens;
    const change = { type: "changeMember", memberId: memberId(BUYER), ...names, balance } as const;
    submit(change, ADMINISTRATOR);
    const [mine] = mempool.all();
    chain.addSigned(T("16:21:00"), [mine?.transaction as Transaction]);
    const later = say.changeMember(9, BUYER, { balance: 500_000_000n as MicroTokens });
    chain.addSigned(T("16:22:00"), [byHand(later)]);
    told([]);
    expect(mempool.all()).toEqual([]);
    expect(chain.balance(BUYER)).toBe(500);
  });

  it("is refused where the administrator's numbers have come to their end", () => {
    const { submit, commit, outcomes, byHand } = openHome();
    commit("16:21:00", [byHand(say.administrator("acceptOfferBroadcast", 0xffff_ffff, LISTING))]);
    submit({ type: "closeBidding", listingId: LISTING }, ADMINISTRATOR);
    expect(outcomes).toMatchObject([{ refusal: { code: "sequenceBeyondMax" } }]);
  });
});
