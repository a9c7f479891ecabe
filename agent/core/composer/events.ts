// What the ledger tells, as the frames of Composer's WebSocket: one JSON object for an event, `$class` first.
// Registrations, stamps and the like are no events of the paper's: no frame.

import type { LedgerEvent } from "../ledger/event.ts";
import type { RegisterPair } from "../ledger/transaction.ts";
import type { BlockId, TransactionId } from "../units/ids.ts";
import { formatIso } from "../units/iso.ts";
import type { UnixMs } from "../units/time.ts";
import type { ComposerContext, Json, JsonObject } from "./context.ts";
import { className, relationshipTo } from "./names.ts";
import {
  presentBid,
  presentFill,
  presentOffer,
  showPrice,
  thousandths,
  tokens,
} from "./present.ts";

export type EventInBlock = {
  readonly event: LedgerEvent;
  readonly height: number;
  /** Of the block. */
  readonly time: UnixMs;
  readonly blockId: BlockId;
  /** How many events of the block came before it. */
  readonly count: number;
};

export type Frames = {
  /** For whoever may see everything. */
  readonly frame: JsonObject;
  /** For whoever gave no token; null: not for them. */
  readonly publicFrame: JsonObject | null;
};

/** null: no frame for this event. */
export function framesOf(ctx: ComposerContext, happened: EventInBlock): Frames | null {
  const { event, time } = happened;
  const ofBlock = { eventId: `${happened.blockId}#${happened.count}`, timestamp: formatIso(time) };
  switch (event.type) {
    case "acceptOfferBroadcast": {
      const $class = className(ctx, "AcceptOfferBroadcast");
      const frame = { $class, listingid: listing(ctx, event.listingId), ...ofBlock };
      return { frame, publicFrame: frame };
    }
    case "biddingClosed": {
      const [$class, listingid] = [className(ctx, "CloseBidding"), listing(ctx, event.listingId)];
      const open = { $class, listingid, state: "AUCTION_CLOSED", mcp: showPrice(event.mcp) };
      const fills = event.fills.map((fill) => presentFill(ctx, fill));
      return { frame: { ...open, fills, ...ofBlock }, publicFrame: { ...open, ...ofBlock } };
    }
    // Whoever waits for the auction's end is told that there will be none.
    case "listingVoided": {
      const [$class, listingid] = [className(ctx, "CloseBidding"), listing(ctx, event.listingId)];
      const open = { $class, listingid, state: "VOID", mcp: null };
      return { frame: { ...open, fills: [], ...ofBlock }, publicFrame: { ...open, ...ofBlock } };
    }
    case "pvOfferPlaced": {
      const { listingId, offer } = event;
      const frame = {
        ...presentOffer(ctx, listingId, { ...offer, time }),
        ...placed(offer, ofBlock),
      };
      return { frame, publicFrame: null };
    }
    case "buyOfferPlaced": {
      const { listingId, bid } = event;
      const frame = { ...presentBid(ctx, listingId, { ...bid, time }), ...placed(bid, ofBlock) };
      return { frame, publicFrame: null };
    }
    case "meterRead":
      return meterFrame(ctx, happened, event);
    case "balanceChanged": {
      const { memberId, balance, reserved } = event;
      const member = relationshipTo(ctx, "Member", memberId);
      const held = { balance: tokens(balance), reserved: tokens(reserved) };
      const frame = { $class: className(ctx, "BalanceChanged"), member, ...held, ...ofBlock };
      return { frame, publicFrame: null };
    }
    default:
      return null;
  }
}

type OfBlock = { readonly eventId: string; readonly timestamp: string };

/** A revocation cancels offers whose transactions have had their event. */
function placed(
  { transactionId, energy }: { readonly transactionId: TransactionId; readonly energy: number },
  { eventId, timestamp }: OfBlock,
): OfBlock {
  return { eventId: energy > 0 ? `${transactionId}#0` : eventId, timestamp };
}

function meterFrame(
  ctx: ComposerContext,
  { time }: EventInBlock,
  { listingId, reading }: Extract<LedgerEvent, { type: "meterRead" }>,
): Frames | null {
  const { payload, memberId, transactionId } = { ...reading, payload: reading.reading };
  if (payload.type !== "meterReading") return null;
  const frame = {
    $class: className(ctx, "MeterReading"),
    listingid: listing(ctx, listingId),
    member: relationshipTo(ctx, "Member", memberId),
    importKwh: metered(payload.gridImport),
    exportKwh: metered(payload.gridExport),
    productionKwh: metered(payload.production),
    quality: payload.quality,
    source: payload.source,
    transactionId,
    eventId: `${transactionId}#0`,
    timestamp: formatIso(time),
  };
  return { frame, publicFrame: null };
}

function listing(ctx: ComposerContext, id: string): string {
  return relationshipTo(ctx, "kWhlisting", id);
}

function metered(pair: RegisterPair | null): Json {
  return pair === null ? null : thousandths(pair.end - pair.start);
}
