// Fields that more than one kind of message has, each with its one range: what is read in one place can be
// written in the other.

import { integer, text } from "../codec/shape.ts";
import type { Wh } from "../units/energy.ts";
import {
  isListingId,
  isMemberId,
  isPvId,
  LISTING_ID_MAX,
  type ListingId,
  MEMBER_ID_MAX,
  type MemberId,
  PV_ID_MAX,
  type PvId,
} from "../units/ids.ts";
import { type MilliTokensPerKwh, PRICE_MAX } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { BLOCK_TIME_MAX } from "./calendar.ts";
import { ENERGY_MAX } from "./rules.ts";

/** A number that a transaction counts by never is higher. */
export const SEQUENCE_MAX = 0xffff_ffff;

export const memberField = text<MemberId>(MEMBER_ID_MAX, isMemberId);
export const listingField = text<ListingId>(LISTING_ID_MAX, isListingId);
export const pvField = text<PvId>(PV_ID_MAX, isPvId);
export const sequenceField = integer(0, SEQUENCE_MAX);
export const timeField = integer<UnixMs>(0, BLOCK_TIME_MAX);
/** Offered or wanted; 0 cancels. */
export const energyField = integer<Wh>(0, ENERGY_MAX);
export const reservePriceField = integer<MilliTokensPerKwh>(0, PRICE_MAX);
export const bidPriceField = integer<MilliTokensPerKwh>(1, PRICE_MAX);
