import { describe, expect, it } from "vitest";
import { checkTransaction } from "../../../../agent/core/ledger/checkTransaction.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import { type Payload, signTransaction } from "../../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import {
  at,
  kwh,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testKey,
} from "../../../support/ledger.ts";

const BUYER = "buyer1@vt.edu";
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const bid = (listing: string): Payload =>
  say.buyOffer(listing, { energy: kwh(5), price: perKwh(3) });

describe("checkTransaction", () => {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  const check = (payload: Payload, time: string, signer = BUYER) => {
    const unsigned = { author: memberId(BUYER), payload };
    const transaction = signTransaction(communityId(chain.rules), unsigned, testKey(signer).sign);
    const checked = checkTransaction(chain.state, transaction, chain.verifier, at(time));
    return checked.ok ? "ok" : checked.refusal.code;
  };

  it("says whether it would apply now, and changes nothing", () => {
    const before = structuredClone({ ...chain.state });
    expect(check(bid(LISTING), T("16:20:00"))).toBe("ok");
    expect(check(bid(LISTING), T("16:20:00"), "mallory@vt.edu")).toBe("badSignature");
    expect(check(registration(BUYER), T("16:20:00"))).toBe("memberExists");
    expect(chain.state).toEqual(before);
  });

  it("counts what is due by then: a listing is void and another opens without a block yet", () => {
    // Past the cut-off it still goes on the ledger: only its stamp tells whether it counts.
    expect(check(bid(LISTING), T("16:59:59.999"))).toBe("ok");
    expect(check(bid(LISTING), T("17:00:00"))).toBe("listingNotOpen");
    expect(check(bid("21Mar18-14:00"), T("17:00:59.999"))).toBe("listingUnknown");
    expect(check(bid("21Mar18-14:00"), T("17:01:00"))).toBe("ok");
  });

  it("takes a clock that is behind the last block, or far beyond all blocks, as it comes", () => {
    expect(check(bid(LISTING), "1999-01-01T00:00:00Z")).toBe("ok");
    expect(check(bid(LISTING), "9999-01-01T00:00:00Z")).toBe("listingUnknown");
  });

  it("checks a first registration on an empty ledger", () => {
    const empty = new TestChain();
    const transaction = signed(empty.rules, BUYER, registration(BUYER));
    expect(checkTransaction(empty.state, transaction, empty.verifier, at(T("12:00:00")))).toEqual({
      ok: true,
      value: undefined,
    });
  });
});
