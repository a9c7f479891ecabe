// The market's events, as the WebSocket of a REST door and the topics event/<Type> say them. Each home tells the
// same event, so each is heard once.

import { idIn, type JsonObject, listIn, numberIn, textIn } from "./json.ts";
import { forgetOldest, HEARD_MAX, METERS_MAX } from "./limits.ts";
import {
  advance,
  listingNamed,
  placeBid,
  placeOffer,
  readBid,
  readFills,
  readOffer,
} from "./listings.ts";
import { memberNamed, type Neighbourhood } from "./model.ts";

/** True: something is new. */
export function applyFrame(state: Neighbourhood, frame: JsonObject): boolean {
  const eventId = textIn(frame, "eventId");
  if (eventId !== null) {
    if (state.heard.has(eventId)) return false;
    state.heard.add(eventId);
    forgetOldest(state.heard, HEARD_MAX);
  }
  const type = textIn(frame, "$class")?.split(".").at(-1);
  if (type === "BalanceChanged") return applyBalance(state, frame);
  const listing = listingNamed(state, idIn(frame, "listingid") ?? "");
  if (listing === null) return false;
  switch (type) {
    case "AcceptOfferBroadcast":
      advance(listing, "ACCEPT_OFFERS");
      return true;
    case "PVOffer": {
      const offer = readOffer(frame);
      if (offer !== null) placeOffer(listing, offer);
      return offer !== null;
    }
    case "BUYOffer": {
      const bid = readBid(frame);
      if (bid !== null) placeBid(listing, bid);
      return bid !== null;
    }
    case "CloseBidding": {
      advance(listing, textIn(frame, "state") ?? "AUCTION_CLOSED");
      listing.mcp = numberIn(frame, "mcp");
      const fills = listIn(frame, "fills");
      if (fills !== null) listing.fills = readFills(fills);
      return true;
    }
    case "MeterReading":
      return applyMeter(state, listing.id, frame);
    default:
      return false;
  }
}

function applyBalance(state: Neighbourhood, frame: JsonObject): boolean {
  const [id, balance] = [idIn(frame, "member"), numberIn(frame, "balance")];
  if (id === null || balance === null) return false;
  const member = memberNamed(state, id);
  member.balance = balance;
  member.reserved = numberIn(frame, "reserved") ?? 0;
  return true;
}

function applyMeter(state: Neighbourhood, listingId: string, frame: JsonObject): boolean {
  const member = idIn(frame, "member");
  if (member === null) return false;
  state.meters.set(`${listingId} ${member}`, {
    ...{ listingId, member },
    importKwh: numberIn(frame, "importKwh"),
    exportKwh: numberIn(frame, "exportKwh"),
    productionKwh: numberIn(frame, "productionKwh"),
  });
  forgetOldest(state.meters, METERS_MAX);
  return true;
}
