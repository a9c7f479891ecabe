// Receipts and seals while the set of validators changes: nothing stalls, and who was taken out for lying
// gains nothing by having spoken before.

import { describe, expect, it } from "vitest";
import { beginBlock, endBlock } from "../../../../agent/core/ledger/blockExecution.ts";
import type { LedgerEvent } from "../../../../agent/core/ledger/event.ts";
import { suspendValidator } from "../../../../agent/core/ledger/validatorSet.ts";
import { type BlockId, memberId, pvId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import {
  at,
  kwh,
  makeRules,
  registration,
  say,
  signed,
  TestChain,
} from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const SELLER = "seller@vt.edu";
const T = (time: string) => `2018-03-21T${time}Z`;
const voters = (n: number) => Array.from({ length: n }, (_, i) => `v${i + 1}@vt.edu`);
const second = (s: number) => at(T("16:20:00")) + 1000 * s;

/** An open listing with one offer at 16:20:00. */
function openChain(n: number) {
  const chain = new TestChain(makeRules({ validators: voters(n) }));
  chain.add(T("16:10:00"), [SELLER, registration(SELLER)]);
  chain.add(T("16:11:00"), [SELLER, say.registerPv(SELLER, "roof")]);
  const offer = signed(chain.rules, SELLER, say.pvOffer(LISTING, "roof", { energy: kwh(6) }));
  chain.addSigned(T("16:20:00"), [offer]);
  const hear = (validator: string, heardAt: number) =>
    chain.add(chain.state.time + 1000, chain.receipt(validator, [[offer, second(heardAt)]]));
  return { chain, offer, hear };
}

/** A block in which these are suspended; v1 proposes. */
function suspend(chain: TestChain, ...who: readonly string[]): readonly LedgerEvent[] {
  const block = { time: unixMs(chain.state.time + 1000), proposer: memberId("v1@vt.edu") };
  const begun = beginBlock(chain.state, block);
  for (const name of who) suspendValidator(begun.draft, memberId(name));
  const { events, stateAfter } = endBlock(begun);
  chain.state = stateAfter("1".repeat(64) as BlockId, block.proposer);
  return events;
}

const stampOf = ({ state }: TestChain) =>
  [...state.listings.values()][0]?.pvOffers.get(pvId("roof"))?.stamp;

describe("receipts of a changing set", () => {
  it("of 4, one spoke and was taken out: f stays 1, and its word alone decides nothing", () => {
    const { chain, hear } = openChain(4);
    // A liar: a year early. Alone among three, with f = 0, its time would be the stamp.
    hear("v4@vt.edu", -31_536_000);
    suspend(chain, "v4@vt.edu");
    chain.add(chain.state.time + 1000);
    expect(chain.state.validators).toHaveLength(3);
    expect(stampOf(chain)).toBeNull();
    hear("v1@vt.edu", 7);
    expect(stampOf(chain)).toBeNull();
    hear("v2@vt.edu", 5);
    // -1 year, 5, 7: the second.
    expect(stampOf(chain)).toBe(second(5));
  });

  it("takes no more receipts of it once it does not vote, and still those of the block before", () => {
    const { chain, hear, offer } = openChain(4);
    suspend(chain, "v4@vt.edu");
    expect(hear("v4@vt.edu", 1).dropped).toEqual([]);
    expect(chain.state.validators).toHaveLength(3);
    const late = chain.receipt("v4@vt.edu", [[offer, second(9)]]);
    const [dropped] = chain.add(chain.state.time + 1000, late).dropped;
    expect(dropped?.refusal).toEqual({ code: "notAllowed", who: "validator" });
  });

  it("of 7, four spoke where five are needed; of the 4 that are left all have: stamped at once", () => {
    const { chain, hear } = openChain(7);
    for (const [i, heardAt] of [7, 3, 5, 9].entries()) hear(`v${i + 1}@vt.edu`, heardAt);
    expect(stampOf(chain)).toBeNull();
    expect(suspend(chain, "v5@vt.edu", "v6@vt.edu", "v7@vt.edu").map(({ type }) => type)).toEqual([
      "validatorsChanged",
    ]);
    const { events } = chain.add(chain.state.time + 1000);
    // Three decide: of 7, 3 and 5 the second.
    expect(events.map(({ type }) => type)).toEqual(["offerStamped"]);
    expect(stampOf(chain)).toBe(second(5));
  });
});

describe("the seal of a changing set", () => {
  it("counts who proposed before it was taken out, and f with it", () => {
    const { chain } = openChain(4);
    chain.addBy("v4@vt.edu", T("16:59:05"));
    suspend(chain, "v4@vt.edu");
    chain.addBy("v2@vt.edu", T("16:59:07"));
    expect(chain.listing(LISTING)?.sealers).toEqual(["v1@vt.edu", "v2@vt.edu", "v4@vt.edu"]);
    chain.addBy("v2@vt.edu", T("16:59:20"));
    expect(chain.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
  });

  it("of 4 with one taken out unheard, f is 0 and any block seals", () => {
    const { chain } = openChain(4);
    suspend(chain, "v4@vt.edu");
    chain.add(T("16:30:00"));
    chain.addBy("v3@vt.edu", T("16:59:20"));
    expect(chain.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
  });
});
