// The market's events, as the WebSocket of a REST door and the topics event/<Type> say them. Each home tells the
// same event, so each is heard once.

import { idIn, type JsonObject, listIn, numberIn, textIn } from "./json.ts";
import { forgetOldest, HEARD_MAX, METERS_MAX } from "./limits.ts";
import {
  advance,
  heardListing,
  placeBid,
  placeOffer,
  readBid,
  readFills,
  readOffer,
} from "./listings.ts";
import { memberNamed, type Neighbourhood } from "./model.ts";

/** True: something is new. `now`, market time: hours far later are not heard. */
export function applyFrame(
  state: Neighbourhood,
  frame: JsonObject,
  now: number = Number.POSITIVE_INFINITY,
): boolean {
  const eventId = textIn(frame, "eventId");
  if (eventId !== null && state.heard.has(eventId)) return false;
  if (!applyEvent(state, frame, now)) return false;
  // Rubbish does not use up the name of what another home tells rightly.
  if (eventId !== null) {
    state.heard.add(eventId);
    forgetOldest(state.heard, HEARD_MAX);
  }
  return true;
}

function applyEvent(state: Neighbourhood, frame: JsonObject, now: number): boolean {
  const type = textIn(frame, "$class")?.split(".").at(-1);
  if (type === "BalanceChanged") return applyBalance(state, frame);
  const listing = heardListing(state, idIn(frame, "listingid"), now);
  if (listing === null) return false;
  switch (type) {
    case "AcceptOfferBroadcast":
      advance(state, listing, "ACCEPT_OFFERS");
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
      advance(state, listing, textIn(frame, "state") ?? "AUCTION_CLOSED");
      if (listing.isRead) return true;
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
  if (member === null) return false;
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
