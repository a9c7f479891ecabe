// What a block changed, in order: the store writes its tables from these, and people are told by them.

import type { Wh } from "../units/energy.ts";
import type { ListingId, MemberId, PvId, TransactionId } from "../units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import type { AccusationKind } from "./accusation.ts";
import type { Validator } from "./rules.ts";
import type {
  Fill,
  Listing,
  Member,
  PlacedBid,
  PlacedOffer,
  Pv,
  RecordedReading,
} from "./state.ts";

/** One member's hour, side by side: what was agreed and what the meter saw. */
export type HourStatement = {
  readonly memberId: MemberId;
  readonly sold: Wh;
  readonly bought: Wh;
  /** null: no reading came in time. */
  readonly meteredImport: Wh | null;
  readonly meteredExport: Wh | null;
};

/** A change of a balance and why. */
export type Posting = {
  readonly memberId: MemberId;
  readonly amount: MicroTokens;
  /** "snapshot": what the member had when this home's ledger begins; earlier postings are not there. */
  readonly reason: "registration" | "grant" | "change" | "fill" | "snapshot";
  readonly listingId: ListingId | null;
};

export type LedgerEvent =
  | { readonly type: "memberRegistered"; readonly member: Member }
  | { readonly type: "memberRevoked"; readonly memberId: MemberId; readonly reason: string }
  /** A member has a card, its first or another; if it was revoked it is no more. */
  | { readonly type: "identityBound"; readonly memberId: MemberId; readonly publicKey: Uint8Array }
  | ({ readonly type: "memberChanged" } & Pick<
      Member,
      "memberId" | "firstName" | "lastName" | "sequence"
    >)
  /** Who votes from this height on, beside those who stay; at most once a block. */
  | {
      readonly type: "validatorsChanged";
      readonly fromHeight: number;
      readonly added: readonly Validator[];
      readonly removed: readonly MemberId[];
    }
  /** Also of one that was removed and comes back. */
  | { readonly type: "pvRegistered"; readonly pv: Pv }
  | { readonly type: "pvRemoved"; readonly pvId: PvId; readonly sequence: number }
  | { readonly type: "listingCreated"; readonly listing: Listing }
  | {
      readonly type: "acceptOfferBroadcast";
      readonly listingId: ListingId;
      readonly deliveryStart: UnixMs;
    }
  | { readonly type: "pvOfferPlaced"; readonly listingId: ListingId; readonly offer: PlacedOffer }
  | { readonly type: "buyOfferPlaced"; readonly listingId: ListingId; readonly bid: PlacedBid }
  /** Enough validators have said when they received it: its place in the queue. Not said by hand. */
  | {
      readonly type: "offerStamped";
      readonly listingId: ListingId;
      readonly transactionId: TransactionId;
      readonly memberId: MemberId;
      /** null: a bid. */
      readonly pvId: PvId | null;
      readonly stamp: UnixMs;
    }
  | {
      readonly type: "biddingClosed";
      readonly listingId: ListingId;
      /** null: there was no valid bid. */
      readonly mcp: MilliTokensPerKwh | null;
      readonly fills: readonly Fill[];
      readonly resultHash: string;
    }
  | { readonly type: "listingVoided"; readonly listingId: ListingId }
  | { readonly type: "meterRead"; readonly listingId: ListingId; readonly reading: RecordedReading }
  | {
      readonly type: "listingFinished";
      readonly listingId: ListingId;
      readonly statements: readonly HourStatement[];
    }
  | { readonly type: "posted"; readonly posting: Posting }
  /** A card signed two different things where it may sign one: the CA must look into it. */
  | {
      readonly type: "evidence";
      readonly kind: AccusationKind;
      readonly offender: MemberId;
      /** null: told by a snapshot, which does not say. */
      readonly reporter: MemberId | null;
      /** "prevote 12/0", "proposal 12/0", "receipt 17", "21Mar18-13:00 roof 2", "21Mar18-13:00 bid 2" */
      readonly subject: string;
      /** Of the block that says so, or of the snapshot. */
      readonly height: number;
    }
  /** The member's balance and reservation after this block; once a block for each that changed. */
  | {
      readonly type: "balanceChanged";
      readonly memberId: MemberId;
      readonly balance: MicroTokens;
      readonly reserved: MicroTokens;
    };
