// The spellings of the paper that its own tables contradict. Its clients send them, so they are taken; what is
// read back is always as Tables II to V print it.
//
//   Fig. 8    "PVid": "seller1house " has a blank at its end           blanks round ids do not count
//   Fig. 8    "owner": "seller1@vt.edu" is a bare id                   so is any relationship's (names.ts)
//   Fig. 9    "KWHavailable": 0 on a kWhlisting, where nothing is it   a field that is not declared is dropped
//   Fig. 12   "listing" where Tables I and IV have "listingid"
//   Table I   "homeowner" on a BUYOffer, where Table IV has "member"
//   Table I   "owner" on a PVOffer, where Table IV has "pv": the owner's PV, if it has one only
//   Table I   "KWhlisting", Table IV's title "KWHListing": kWhlisting
//   Table IV  "FOR_SALE" where the text and Fig. 9 have "ACCEPT_OFFERS"

/** Other names of a field, by type and field; the field's own name comes first if both are there. */
export const OTHER_NAMES: {
  readonly [type: string]: { readonly [field: string]: readonly string[] };
} = {
  PVOffer: { listingid: ["listing"], kWhavailable: ["KWHavailable"] },
  BUYOffer: { listingid: ["listing"], member: ["homeowner"] },
  AcceptOfferBroadcast: { listingid: ["listing"] },
  CloseBidding: { listingid: ["listing"] },
};

/** The field of a PVOffer that names a member instead of its PV. */
export const OWNER_OF_PV = "owner";

export const OTHER_TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ["KWhlisting", "kWhlisting"],
  ["KWHlisting", "kWhlisting"],
  ["KWHListing", "kWhlisting"],
]);

export const OTHER_STATES: ReadonlyMap<string, string> = new Map([["FOR_SALE", "ACCEPT_OFFERS"]]);

/** An id as it was meant. */
export function withoutBlanks(id: string): string {
  return id.trim();
}
