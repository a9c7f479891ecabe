// One validator's receipts on a real ledger: what it notes, when it says it, and that it never forks its chain.

import { describe, expect, it } from "vitest";
import { RECEIPT_ENTRIES_MAX, type Transaction } from "../../../agent/core/ledger/transaction.ts";
import { memberId, offerPrefix } from "../../../agent/core/units/ids.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS, unixMs } from "../../../agent/core/units/time.ts";
import { createReceiptLoop, type ReceiptLoop } from "../../../agent/loops/receipts.ts";
import { createFakeClock, createRecordingLog } from "../../support/fakes.ts";
import {
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testKey,
} from "../../support/ledger.ts";

const [ME, BUYER] = ["seller1@vt.edu", "buyer1@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const time = (clock: string) => Date.parse(T(clock));

function openHome(options: { readonly start?: string; readonly schedule?: "manual" } = {}) {
  const { start = "16:58:00", schedule = "hourly" } = options;
  const chain = new TestChain(makeRules({ validators: ["a1@vt.edu", ME, "v2@vt.edu"], schedule }));
  if (schedule === "hourly") {
    chain.add(T("16:10:00"), [ME, registration(ME)], [BUYER, registration(BUYER)]);
  }
  const clock = createFakeClock(time(start));
  const log = createRecordingLog();
  const said: Transaction[] = [];
  let underWay: Transaction | null = null;
  const make = (name = ME): ReceiptLoop =>
    createReceiptLoop({
      ...{ rules: chain.rules, clock, log },
      signer: { memberId: memberId(name), publicKey: testKey(name).publicKey },
      ledger: () => chain.state,
      maySay: () => true,
      isPending: () => underWay !== null,
      submit: (payload) => {
        underWay = signed(chain.rules, name, payload);
        said.push(underWay);
      },
    });
  const loop = make();
  loop.start();
  let sequence = 0;
  const bid = () => {
    sequence += 1;
    const order = { energy: kwh(1), price: perKwh(3), sequence };
    return signed(chain.rules, BUYER, say.buyOffer(LISTING, order));
  };
  /** A block with the receipt under way and these. */
  const commit = (...transactions: Transaction[]) => {
    const all = underWay === null ? transactions : [underWay, ...transactions];
    const built = chain.addSigned(Math.max(clock.now(), chain.state.time + 1), all);
    expect(built.dropped).toEqual([]);
    underWay = null;
    loop.ledgerChanged(built.events);
  };
  const entries = (n: number) => {
    const payload = said[n]?.payload;
    if (payload?.type !== "receipt") throw new Error(`no receipt ${n}`);
    return payload.entries.map(({ offer, after }) => [offer, payload.from + after]);
  };
  return { chain, clock, log, said, loop, make, bid, commit, entries };
}

describe("a receipt", () => {
  it("tells in one batch what was heard within a second, each with its own time", () => {
    const home = openHome();
    const [a, b] = [home.bid(), home.bid()];
    home.loop.arrived(a);
    home.clock.advance(400);
    home.loop.arrived(b);
    home.clock.advance(599);
    expect(home.said.length).toBe(0);
    home.clock.advance(1);
    expect(home.entries(0)).toEqual([
      [offerPrefix(a.id), time("16:58:00")],
      [offerPrefix(b.id), time("16:58:00") + 400],
    ]);
    expect(home.said[0]?.payload).toMatchObject({ sequence: 1, previous: null });
  });

  it("waits for the one under way, and goes on from it when it is on the ledger", () => {
    const home = openHome();
    const [a, b] = [home.bid(), home.bid()];
    home.loop.arrived(a);
    home.clock.advance(1000);
    home.loop.arrived(b);
    home.clock.advance(30 * SECOND_MS);
    expect(home.said.length).toBe(1);
    home.commit(a, b);
    home.clock.advance(1);
    expect(home.said[1]?.payload).toMatchObject({ sequence: 2, previous: home.said[0]?.id });
    expect(home.entries(1)).toEqual([[offerPrefix(b.id), time("16:58:01")]]);
    home.commit();
    expect(home.chain.state.receipts.get(memberId(ME))?.sequence).toBe(2);
  });

  it("waits while the cut-off is far, until two minutes before it", () => {
    const home = openHome({ start: "16:20:00" });
    home.loop.arrived(home.bid());
    home.clock.advance(time("16:56:59.999") - home.clock.now());
    home.loop.arrived(home.bid());
    expect(home.said.length).toBe(0);
    home.clock.advance(1);
    expect(home.entries(0).map(([, at]) => at)).toEqual([time("16:20:00"), time("16:56:59.999")]);
    home.commit();
    home.loop.arrived(home.bid());
    home.clock.advance(999);
    expect(home.said.length).toBe(1);
    home.clock.advance(1);
    expect(home.said.length).toBe(2);
  });

  it("is said a little later by those who are not needed, if a stamp is missing then", () => {
    // Of three one suffices. 16:57:00 is ME's turn; the hour's number is 422 681, so seat 1 is first.
    const home = openHome({ start: "16:20:00" });
    home.loop.stop();
    const reserve = home.make("v2@vt.edu");
    reserve.start();
    reserve.arrived(home.bid());
    home.clock.advance(time("16:57:19.999") - home.clock.now());
    expect(home.said.length).toBe(0);
    home.clock.advance(1);
    expect(home.entries(0).length).toBe(1);
  });

  it("waits no longer than it is full", () => {
    const home = openHome({ start: "16:20:00" });
    for (let i = 1; i < RECEIPT_ENTRIES_MAX; i += 1) home.loop.arrived(home.bid());
    home.clock.advance(10 * SECOND_MS);
    expect(home.said.length).toBe(0);
    home.loop.arrived(home.bid());
    home.clock.advance(1);
    expect(home.entries(0).length).toBe(160);
  });

  it("leaves out what was amended since", () => {
    const home = openHome({ start: "16:20:00" });
    const [a, b, c] = [home.bid(), home.bid(), home.bid()];
    for (const one of [a, b, c]) home.loop.arrived(one);
    home.commit(a);
    home.commit(b);
    home.clock.advance(time("16:57:00") - home.clock.now());
    // The ledger does not have c yet: it may still come.
    expect(home.entries(0)).toEqual([
      [offerPrefix(b.id), time("16:20:00")],
      [offerPrefix(c.id), time("16:20:00")],
    ]);
  });

  it("leaves out what has its stamp", () => {
    const home = openHome({ start: "16:20:00" });
    const [a, b] = [home.bid(), home.bid()];
    home.loop.arrived(a);
    home.commit(a);
    const { rules } = home.chain;
    const entries = [{ offer: offerPrefix(a.id), after: 0 }];
    const times = { from: unixMs(time("16:21:00")), to: unixMs(time("16:21:00")) };
    // One of three suffices, for then none of them may lie.
    const payload = { type: "receipt", sequence: 1, previous: null, ...times, entries } as const;
    home.commit(signed(rules, "v2@vt.edu", payload));
    home.clock.advance(MINUTE_MS);
    home.loop.arrived(b);
    home.clock.advance(time("16:57:00") - home.clock.now());
    expect(home.entries(0)).toEqual([[offerPrefix(b.id), time("16:21:00")]]);
  });

  it("tells of each offer once, however often it comes", () => {
    const home = openHome();
    const a = home.bid();
    home.loop.arrived(a);
    home.clock.advance(1000);
    home.commit(a);
    home.loop.arrived(a);
    home.clock.advance(60 * SECOND_MS);
    expect(home.said.length).toBe(1);
  });

  it("tells of what it first sees in a block, and after a start of what lacks its entry", () => {
    const home = openHome();
    const a = home.bid();
    home.commit(a);
    home.clock.advance(1000);
    expect(home.entries(0)).toEqual([[offerPrefix(a.id), time("16:58:00")]]);
    home.loop.stop();
    // The power goes before that receipt was stored; nothing is known of it.
    const again = openHome({ start: "16:58:10" });
    again.loop.stop();
    again.commit(a);
    const restarted = again.make();
    restarted.start();
    again.clock.advance(1000);
    expect(again.entries(0)).toEqual([[offerPrefix(a.id), time("16:58:10")]]);
    // And nothing twice: a start after it is on the ledger has nothing to say.
    again.commit();
    restarted.stop();
    again.make().start();
    again.clock.advance(60 * SECOND_MS);
    expect(again.said.length).toBe(1);
  });

  it("never goes back in time, whatever the clock does", () => {
    const home = openHome();
    const [a, b, c] = [home.bid(), home.bid(), home.bid()];
    home.loop.arrived(a);
    home.clock.step(-700);
    home.loop.arrived(b);
    home.clock.advance(2000);
    expect(home.entries(0).map(([, at]) => at)).toEqual([time("16:58:00"), time("16:58:00")]);
    home.clock.step(-10_000);
    home.loop.arrived(c);
    home.commit(a, b, c);
    home.clock.advance(2000);
    // What the ledger has of us ends at 16:58:00: later entries may not be before it.
    expect(home.entries(1)).toEqual([[offerPrefix(c.id), time("16:58:00")]]);
    home.commit();
  });

  it("is not made while the clock may be wrong, nor in a manual community, nor by who has no vote", () => {
    const home = openHome();
    home.clock.setSynchronised(false);
    home.loop.arrived(home.bid());
    home.clock.advance(60 * SECOND_MS);
    expect(home.said.length).toBe(0);
    const follower = openHome();
    follower.loop.stop();
    const other = follower.make(BUYER);
    other.start();
    other.arrived(follower.bid());
    follower.clock.advance(60 * SECOND_MS);
    expect(follower.said.length).toBe(0);
    const manual = openHome({ schedule: "manual" });
    manual.loop.arrived(manual.bid());
    manual.clock.advance(60 * SECOND_MS);
    expect(manual.said.length).toBe(0);
  });

  it("tells what came on the ledger while the clock was not set, once it is", () => {
    const home = openHome();
    home.clock.setSynchronised(false);
    const [a, b] = [home.bid(), home.bid()];
    home.loop.arrived(a);
    home.commit(a);
    home.loop.arrived(b);
    home.clock.advance(5000);
    home.clock.setSynchronised(true);
    // It looks at 16:58:06, and says it a second later.
    home.clock.advance(1999);
    expect(home.said.length).toBe(0);
    home.clock.advance(1);
    expect(home.entries(0)).toEqual([[offerPrefix(a.id), time("16:58:06")]]);
    home.commit(b);
    home.clock.advance(1000);
    expect(home.entries(1)).toEqual([[offerPrefix(b.id), time("16:58:07")]]);
  });

  it("is not put off by a clock that was an hour ahead for a moment", () => {
    const home = openHome();
    const a = home.bid();
    home.loop.arrived(a);
    home.clock.setSynchronised(false);
    home.clock.step(HOUR_MS);
    home.clock.advance(10 * SECOND_MS);
    expect(home.said.length).toBe(0);
    home.clock.step(-HOUR_MS);
    home.clock.setSynchronised(true);
    home.clock.advance(5 * SECOND_MS);
    expect(home.entries(0)).toEqual([[offerPrefix(a.id), time("16:58:00")]]);
  });

  it("of a clock that is never set keeps nothing waiting when it is stopped", () => {
    const home = openHome();
    home.clock.setSynchronised(false);
    home.loop.arrived(home.bid());
    expect(home.clock.waiting()).toBe(1);
    home.loop.stop();
    expect(home.clock.waiting()).toBe(0);
  });

  it("says nothing of a listing that has ended", () => {
    const home = openHome({ start: "16:59:14.500" });
    home.loop.arrived(home.bid());
    home.clock.advance(500);
    home.commit();
    expect(home.chain.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
    home.clock.advance(60 * SECOND_MS);
    expect(home.said.length).toBe(0);
  });
});
