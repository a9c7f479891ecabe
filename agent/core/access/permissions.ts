// Who may do what, in one table: the REST door and the ledger (core/ledger/checkSignature.ts) both ask it, so that
// what a member cannot do at a door it cannot do by gossip either.
//
//   owner           the thing is the author's own: its member, its PV, its offer, bid or reading
//   member          another member
//   administrator   the community's administrator card
//   revoked         a member whose card was ended, whatever else it is
//   anonymous       nobody known: no token, no signature, no member
//
//   byHand          in a manual community only, where people do what block time does elsewhere
//
// Nobody offers or bids in another's name, the administrator included. What is not named nobody may.
// The CA is none of these: it grants, binds, revokes and says who votes by orders that it signs itself.

export type Role = "owner" | "member" | "administrator" | "revoked" | "anonymous";

export type Resource =
  | "Member"
  | "PV"
  | "kWhlisting"
  | "PVOffer"
  | "BUYOffer"
  | "AcceptOfferBroadcast"
  | "CloseBidding"
  | "MeterReading"
  | "Historian"
  | "Identity"
  | "PublicEvents"
  | "AllEvents";

export type Operation = "read" | "create" | "update" | "delete";

export type Permission = "yes" | "no" | "byHand";

export type Permissions = {
  readonly [R in Resource]: {
    readonly [O in Operation]?: { readonly [W in Role]: Permission };
  };
};

export const PERMISSIONS: Permissions = {
  Member: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    /** Itself with its own certificate; by hand anybody, with any balance. */
    create: { owner: "yes", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
    /** Its names; by hand the balance too. */
    update: { owner: "yes", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  PV: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "yes", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
    delete: { owner: "yes", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  kWhlisting: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "no", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  PVOffer: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "yes", member: "no", administrator: "no", revoked: "no", anonymous: "no" },
  },
  BUYOffer: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "yes", member: "no", administrator: "no", revoked: "no", anonymous: "no" },
  },
  AcceptOfferBroadcast: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "no", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  CloseBidding: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "no", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  MeterReading: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
    create: { owner: "yes", member: "no", administrator: "no", revoked: "no", anonymous: "no" },
  },
  Historian: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
  },
  Identity: {
    read: { owner: "yes", member: "no", administrator: "yes", revoked: "no", anonymous: "no" },
    /** Issued to or bound to a member; never by the member, whose card may be in other hands. */
    create: { owner: "no", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
    /** Revoked. */
    delete: { owner: "no", member: "no", administrator: "byHand", revoked: "no", anonymous: "no" },
  },
  /** AcceptOfferBroadcast, and CloseBidding without its fills. */
  PublicEvents: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "yes", anonymous: "yes" },
  },
  AllEvents: {
    read: { owner: "yes", member: "yes", administrator: "yes", revoked: "no", anonymous: "no" },
  },
};

export function permits(
  schedule: "hourly" | "manual",
  who: Role,
  operation: Operation,
  resource: Resource,
): boolean {
  const permission = PERMISSIONS[resource][operation]?.[who] ?? "no";
  return permission === "yes" || (permission === "byHand" && schedule === "manual");
}
