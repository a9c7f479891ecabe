// Which transactions of a card are numbered together. A number counts once, and later ones are higher: two
// things of one number are a lie of whoever signed them, or one of them is lost.

import { isByHand } from "../core/ledger/authority.ts";
import type { Rules } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { Payload } from "../core/ledger/transaction.ts";
import type { MemberId } from "../core/units/ids.ts";
import type { Intent } from "../ports.ts";

/**
 * A card that signs at several homes: each takes every so-manieth number, so that two of them never sign one,
 * however little they have heard of each other. `place` counts from 0.
 */
export type Sharing = { readonly homes: number; readonly place: number };

/** One card, one home: as it should be. */
export const ALONE: Sharing = { homes: 1, place: 0 };

/** The first number from `least` on that is this home's to give. */
export function numberFrom(least: number, { homes, place }: Sharing): number {
  const past = (least - place) % homes;
  return past === 0 ? least : least + (past < 0 ? -past : homes - past);
}

/** What the administrator does by hand, all in one row. */
const ADMINISTRATOR = "administrator";

/** The name of the row in which its author numbers it; null: it has no number, or one of another kind. */
export function seriesOf(rules: Rules, author: MemberId, said: Intent | Payload): string | null {
  switch (said.type) {
    case "pvOffer":
      return `pvOffer ${said.listingId} ${said.pvId}`;
    case "buyOffer":
      return `buyOffer ${said.listingId}`;
    case "registerPv":
    case "removePv":
      return `pv ${said.pvId}`;
    case "changeMember":
      return isByHand(rules, { author, payload: said as Payload })
        ? ADMINISTRATOR
        : `member ${said.memberId}`;
    case "createListing":
    case "acceptOfferBroadcast":
    case "closeBidding":
    case "revoke":
    case "bindIdentity":
      return ADMINISTRATOR;
    default:
      return null;
  }
}

/** Where nothing can be held against two of one number: the ledger takes the first, the other is said anew. */
export function mayNumberAgain({ type }: Intent): boolean {
  return type !== "pvOffer" && type !== "buyOffer";
}

/** The number up to which the ledger takes none of the intent's row any more; 0: all. */
export function lastOnLedger(state: LedgerState, author: MemberId, intent: Intent): number {
  const { rules, pvs, removedPvs, members, administratorSequence } = state;
  switch (intent.type) {
    case "pvOffer":
      return state.listings.get(intent.listingId)?.pvOffers.get(intent.pvId)?.sequence ?? 0;
    case "buyOffer":
      return state.listings.get(intent.listingId)?.buyOffers.get(author)?.sequence ?? 0;
    case "registerPv":
    case "removePv":
      return (pvs.get(intent.pvId) ?? removedPvs.get(intent.pvId))?.sequence ?? 0;
    case "changeMember":
      return isByHand(rules, { author, payload: intent as Payload })
        ? administratorSequence
        : (members.get(intent.memberId)?.sequence ?? 0);
    default:
      return administratorSequence;
  }
}

/** The payload that is signed; `number` null: it has none. */
export function withNumber(intent: Intent, number: number | null): Payload {
  return (number === null ? intent : { ...intent, sequence: number }) as Payload;
}
