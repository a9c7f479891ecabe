// Offers and bids of one home: placed once for each listing, as soon as its hour can be forecast, for an
// early seller is first in the queue; looked at once more shortly before the cut-off.
//
//   the ledger or the outbox already has an offer of ours   leave it: a person, or an earlier run, made it
//   until SEND_MARGIN before the cut-off                    decide each minute until something is placed
//   the last RECONSIDER_WITHIN before that, own offer       every five minutes, as everyone does, so that they
//                                                           share a block: amend or withdraw it at most once,
//                                                           if it is worth it (core/trading/reconsider.ts)
//   later                                                   nothing: it would not arrive in time
//
// What an earlier run placed is not amended: what it knew is gone.

import { forecast } from "../core/forecast/forecast.ts";
import { freeBalance } from "../core/ledger/accounts.ts";
import { reservationFor } from "../core/ledger/buyOffer.ts";
import { listingTimes } from "../core/ledger/calendar.ts";
import type { LedgerState, Listing, Member } from "../core/ledger/state.ts";
import type { PayloadOf } from "../core/ledger/transaction.ts";
import { type Decision, decide } from "../core/trading/decide.ts";
import { reconsider } from "../core/trading/reconsider.ts";
import { wh } from "../core/units/energy.ts";
import type { ListingId } from "../core/units/ids.ts";
import { addMoney, type MicroTokens, type MilliTokensPerKwh } from "../core/units/money.ts";
import { MINUTE_MS, SECOND_MS, type UnixMs } from "../core/units/time.ts";
import type { AgentEvent } from "../ports.ts";
import { purposeOf } from "./outbox.ts";
import type { TradeDependencies } from "./trade.ts";

/** Nothing is sent later than this before the cut-off: by then it has to be heard, an amendment in a block. */
export const SEND_MARGIN: number = 10 * SECOND_MS;
/** An own offer is looked at again in this last while before the cut-off. */
export const RECONSIDER_WITHIN: number = 15 * MINUTE_MS;
/** Minutes from one such look to the next; the first is the one at the beginning. */
const RECONSIDER_EVERY = 5;

type Order = Exclude<Decision, { readonly action: "none" }>;

/** What this run placed for a listing. */
type Placed = {
  readonly order: Order;
  readonly sequence: number;
  readonly isReconsidered: boolean;
};

type Look = {
  readonly listing: Listing;
  readonly state: LedgerState;
  readonly member: Member;
  readonly now: UnixMs;
};

/** Returns a function that looks at every open listing, to be called each minute and when the ledger changed. */
export function createOffers(
  dependencies: TradeDependencies,
): (state: LedgerState, now: UnixMs) => void {
  const { rules, signer, pv, clock, publisher, log, submit, isOffering, freeNumber } = dependencies;
  const { memberId } = signer;
  const placed = new Map<ListingId, Placed>();
  const tell = createTeller(publisher.publish);
  const missed = new Set<ListingId>();
  let isUnsynchronisedTold = false;

  function isSynchronised(): boolean {
    const is = clock.isSynchronised();
    if (!is && !isUnsynchronisedTold) log.warn("clock not synchronised, offering nothing");
    isUnsynchronisedTold = !is;
    return is;
  }

  function liveSequence(listing: Listing, action: Order["action"]): number | null {
    if (action === "buy") return listing.buyOffers.get(memberId)?.sequence ?? null;
    const offer = pv === null ? undefined : listing.pvOffers.get(pv.pvId);
    return offer?.memberId === memberId ? offer.sequence : null;
  }

  /** Above all that the ledger has of us in this listing and all that this run has said. */
  function nextSequence(listing: Listing): number {
    const said = placed.get(listing.listingId)?.sequence ?? 0;
    const sold = liveSequence(listing, "sell") ?? 0;
    return Math.max(said, sold, liveSequence(listing, "buy") ?? 0) + 1;
  }

  /** Something of ours stands or is under way, whoever made it. */
  function isTaken(listing: Listing): boolean {
    if (liveSequence(listing, "sell") !== null || liveSequence(listing, "buy") !== null)
      return true;
    return isOffering(listing.listingId);
  }

  function send(listing: Listing, order: Order, isReconsidered: boolean): void {
    // A person may have said something by a door that was refused, and yet heard.
    const free = freeNumber(payloadOf(listing.listingId, order, 0)) ?? 0;
    const sequence = Math.max(nextSequence(listing), free);
    // Remembered before it is said: the ledger may change while it is.
    placed.set(listing.listingId, { order, sequence, isReconsidered });
    const payload = payloadOf(listing.listingId, order, sequence);
    submit(purposeOf(payload), payload);
  }

  function place(look: Look): void {
    const decision = think(dependencies, look, tell);
    tell(decisionEvent(look.listing.listingId, decision));
    if (decision.action === "none") return;
    const { listingId } = look.listing;
    log.info("offer decided", { listingId, ...decision });
    send(look.listing, decision, false);
  }

  /** Only while the ledger shows what this run placed: an offer under way may still land after this one. */
  function placeAnew(look: Look, { order, sequence, isReconsidered }: Placed, last: number): void {
    const { listing, now } = look;
    if (isReconsidered || now < last - RECONSIDER_WITHIN) return;
    const minutesLeft = Math.floor((last - now) / MINUTE_MS);
    if (minutesLeft % RECONSIDER_EVERY !== RECONSIDER_EVERY - 1) return;
    if (liveSequence(listing, order.action) !== sequence) return;
    if (isOffering(listing.listingId)) return;
    const decision = think(dependencies, look, tell);
    const verdict = reconsider(order, decision);
    if (verdict === "keep") return;
    const { listingId } = listing;
    tell(decisionEvent(listingId, decision));
    log.info("offer reconsidered", { listingId, verdict, before: order.energy, ...decision });
    if (verdict === "withdraw") send(listing, { ...order, energy: wh(0) }, true);
    if (decision.action !== "none") send(listing, decision, true);
  }

  function consider(look: Look): void {
    const { listing, now } = look;
    const { listingId } = listing;
    const last = listingTimes(rules, listing.deliveryStart).cutoffAt - SEND_MARGIN;
    const own = placed.get(listingId);
    if (now > last) {
      if (own !== undefined || missed.has(listingId) || isTaken(listing)) return;
      missed.add(listingId);
      log.info("cut-off passed without an offer", { listingId });
    } else if (own !== undefined) placeAnew(look, own, last);
    else if (!isTaken(listing)) place(look);
  }

  function forget(state: LedgerState): void {
    for (const id of placed.keys()) if (!state.listings.has(id)) placed.delete(id);
    for (const id of missed) if (!state.listings.has(id)) missed.delete(id);
    tell.forget(state);
  }

  return (state, now) => {
    forget(state);
    const member = state.members.get(memberId);
    if (member === undefined || member.revoked || !isSynchronised()) return;
    for (const listing of state.listings.values()) {
      if (listing.state === "ACCEPT_OFFERS") consider({ listing, state, member, now });
    }
  };
}

/** Forecasts the listing's hour, says so, and decides. */
function think(dependencies: TradeDependencies, look: Look, tell: Teller): Decision {
  const { rules, signer, limits, pv, meter } = dependencies;
  const { listing, state, member, now } = look;
  const { listingId, deliveryStart } = listing;
  const expected = forecast(meter.history(), {
    issuedAt: now,
    target: deliveryStart,
    produces: pv !== null || meter.readsProduction,
  });
  const { production, consumption, productionBand, consumptionBand } = expected;
  tell({
    ...{ type: "forecast", listingId, production, consumption },
    ...(productionBand === null ? {} : { productionBand }),
    ...(consumptionBand === null ? {} : { consumptionBand }),
  });
  // A bid that is amended gives back what it holds.
  const bid = listing.buyOffers.get(signer.memberId);
  const held = bid === undefined ? (0n as MicroTokens) : reservationFor(bid);
  return decide({
    ...{ forecast: expected, limits, bidMax: rules.bidMax, pv: registeredPv(dependencies, state) },
    freeBalance: addMoney(freeBalance(member), held),
  });
}

/** Our PV as the ledger has it: it may be registered with less than the agent's file says. */
function registeredPv(
  { pv, signer }: TradeDependencies,
  state: LedgerState,
): TradeDependencies["pv"] {
  const known = pv === null ? undefined : state.pvs.get(pv.pvId);
  if (pv === null || known === undefined || known.owner !== signer.memberId) return null;
  return { pvId: pv.pvId, capacity: pv.capacity < known.capacity ? pv.capacity : known.capacity };
}

function payloadOf(
  listingId: ListingId,
  order: Order,
  sequence: number,
): PayloadOf<"pvOffer" | "buyOffer"> {
  const { energy } = order;
  if (order.action === "buy") {
    return { type: "buyOffer", listingId, sequence, energy, bidPrice: order.bidPrice };
  }
  const { pvId, reservePrice } = order;
  return { type: "pvOffer", listingId, pvId, sequence, energy, reservePrice };
}

function decisionEvent(listingId: ListingId, decision: Decision): Told {
  const { action, reason } = decision;
  const energy = decision.action === "none" ? wh(0) : decision.energy;
  return { type: "decision", listingId, action, energy, price: priceOf(decision), reason };
}

function priceOf(decision: Decision): MilliTokensPerKwh | null {
  if (decision.action === "none") return null;
  return decision.action === "sell" ? decision.reservePrice : decision.bidPrice;
}

// ---------------------------------------------------------------------------------------- telling

type Told = Extract<AgentEvent, { readonly type: "forecast" | "decision" }>;
type Teller = ((event: Told) => void) & { readonly forget: (state: LedgerState) => void };

/** Publishes forecasts and decisions when they change, not each minute. */
function createTeller(publish: (event: AgentEvent) => void): Teller {
  const told = new Map<ListingId, Map<Told["type"], string>>();
  const tell = (event: Told): void => {
    const of = told.get(event.listingId) ?? new Map<Told["type"], string>();
    told.set(event.listingId, of);
    const text = JSON.stringify(event);
    if (of.get(event.type) === text) return;
    of.set(event.type, text);
    publish(event);
  };
  const forget = (state: LedgerState): void => {
    for (const id of told.keys()) if (!state.listings.has(id)) told.delete(id);
  };
  return Object.assign(tell, { forget });
}
