// Frames of the WebSocket: who gets what, and nothing for what is no event of the paper's.

import { expect, test } from "vitest";
import { framesOf } from "../../../../agent/core/composer/events.ts";
import type { LedgerEvent } from "../../../../agent/core/ledger/event.ts";
import type { Member, Pv, RecordedReading } from "../../../../agent/core/ledger/state.ts";
import { type BlockId, listingId, memberId, pvId } from "../../../../agent/core/units/ids.ts";
import { CTX } from "../../../support/composer.ts";
import { at, kwh, perKwh, tokens } from "../../../support/ledger.ts";

const NS = "org.acme.pv.auction";
const LISTING = listingId("21Mar18-13:00");
const BLOCK = "b".repeat(64) as BlockId;
const OFFER = "a".repeat(64) as never;
const TIME = at("2018-03-21T12:50:06.040Z");
const AT = { timestamp: "2018-03-21T12:50:06.040Z" };
const seller = memberId("seller1@vt.edu");
const buyer = memberId("buyer1@vt.edu");
const listingid = `resource:${NS}.kWhlisting#21Mar18-13:00`;

function frames(event: LedgerEvent) {
  return framesOf(CTX, { event, height: 7, time: TIME, blockId: BLOCK, count: 2 });
}

test("AcceptOfferBroadcast is for everyone", () => {
  const deliveryStart = at("2018-03-21T17:00:00Z");
  const told = frames({ type: "acceptOfferBroadcast", listingId: LISTING, deliveryStart });
  const frame = { $class: `${NS}.AcceptOfferBroadcast`, listingid, eventId: `${BLOCK}#2`, ...AT };
  expect(told).toEqual({ frame, publicFrame: frame });
});

test("CloseBidding: the price is for everyone, who traded is not", () => {
  const fill = {
    ...{ seller, pvId: pvId("seller1house"), buyer, energy: kwh(5), price: perKwh(3) },
  };
  const told = frames({
    ...{ type: "biddingClosed", listingId: LISTING, mcp: perKwh(3), fills: [fill] },
    resultHash: "",
  });
  const open = { $class: `${NS}.CloseBidding`, listingid, state: "AUCTION_CLOSED", mcp: 3 };
  const of = { eventId: `${BLOCK}#2`, ...AT };
  const shown = {
    seller: `resource:${NS}.Member#seller1@vt.edu`,
    pv: `resource:${NS}.PV#seller1house`,
    buyer: `resource:${NS}.Member#buyer1@vt.edu`,
    ...{ kWh: 5, price: 3 },
  };
  expect(told).toEqual({
    frame: { ...open, fills: [shown], ...of },
    publicFrame: { ...open, ...of },
  });
});

test("a void hour ends the waiting too", () => {
  const told = frames({ type: "listingVoided", listingId: LISTING });
  expect(told?.publicFrame).toMatchObject({
    $class: `${NS}.CloseBidding`,
    state: "VOID",
    mcp: null,
  });
});

test("an offer is for who may see everything; a revocation's cancelling has an id of its own", () => {
  const offer = {
    ...{ transactionId: OFFER, memberId: seller, pvId: pvId("seller1house"), sequence: 1 },
    ...{ energy: kwh(6), reservePrice: perKwh(0.5), stamp: null },
  };
  const frame = {
    ...{ $class: `${NS}.PVOffer`, reservePrice: 0.5, kWhavailable: 6, listingid },
    ...{ pv: `resource:${NS}.PV#seller1house`, transactionId: OFFER, eventId: `${OFFER}#0`, ...AT },
  };
  expect(frames({ type: "pvOfferPlaced", listingId: LISTING, offer })).toEqual({
    ...{ frame, publicFrame: null },
  });
  const cancelled = { ...offer, energy: kwh(0) };
  expect(
    frames({ type: "pvOfferPlaced", listingId: LISTING, offer: cancelled })?.frame,
  ).toMatchObject({
    ...{ kWhavailable: 0, eventId: `${BLOCK}#2` },
  });
});

test("a bid", () => {
  const bid = {
    ...{ transactionId: OFFER, memberId: buyer, sequence: 1, energy: kwh(5), bidPrice: perKwh(3) },
    stamp: null,
  };
  const frame = {
    ...{ $class: `${NS}.BUYOffer`, BidPrice: 3, kWhQuantity: 5, listingid },
    ...{ member: `resource:${NS}.Member#buyer1@vt.edu`, transactionId: OFFER },
    ...{ eventId: `${OFFER}#0`, ...AT },
  };
  expect(frames({ type: "buyOfferPlaced", listingId: LISTING, bid })).toEqual({
    ...{ frame, publicFrame: null },
  });
});

test("a reading, in kWh; a balance, in tokens", () => {
  const reading = {
    ...{ type: "meterReading", listingId: LISTING, gridImport: { start: 1000, end: 1250 } },
    ...{
      gridExport: { start: 0, end: 4001 },
      production: null,
      quality: "measured",
      source: "meter",
    },
  };
  const recorded = {
    memberId: seller,
    transactionId: OFFER,
    reading,
  } as unknown as RecordedReading;
  expect(frames({ type: "meterRead", listingId: LISTING, reading: recorded })).toEqual({
    frame: {
      ...{
        $class: `${NS}.MeterReading`,
        listingid,
        member: `resource:${NS}.Member#seller1@vt.edu`,
      },
      ...{ importKwh: 0.25, exportKwh: 4.001, productionKwh: null, quality: "measured" },
      ...{ source: "meter", transactionId: OFFER, eventId: `${OFFER}#0`, ...AT },
    },
    publicFrame: null,
  });
  const changed = { memberId: seller, balance: tokens(218), reserved: tokens(1.5) };
  expect(frames({ type: "balanceChanged", ...changed })).toEqual({
    frame: {
      ...{ $class: `${NS}.BalanceChanged`, member: `resource:${NS}.Member#seller1@vt.edu` },
      ...{ balance: 218, reserved: 1.5, eventId: `${BLOCK}#2`, ...AT },
    },
    publicFrame: null,
  });
});

test.each([
  { type: "memberRegistered", member: {} as Member },
  { type: "pvRegistered", pv: {} as Pv },
  { type: "memberRevoked", memberId: seller, reason: "moved" },
  { type: "posted", posting: {} as never },
] satisfies LedgerEvent[])("nothing for $type", (event) => {
  expect(frames(event)).toBeNull();
});
