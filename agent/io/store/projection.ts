// Writes what a block changed into the registries, one event after the other. Nothing else writes them.
// An event that does not fit what is there is a bug: a CHECK, a key or an assert then ends the block.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import { hexToBytes } from "../../core/codec/hex.ts";
import type { HourStatement, LedgerEvent } from "../../core/ledger/event.ts";
import type { Fill } from "../../core/ledger/state.ts";
import type { ListingId, TransactionId } from "../../core/units/ids.ts";
import type { CommittedBlock } from "../../ports.ts";
import { transactionNumber } from "./blockTable.ts";
import type { CardTable } from "./cardTable.ts";

type Event<T extends LedgerEvent["type"]> = Extract<LedgerEvent, { readonly type: T }>;

type Writers = {
  readonly [T in LedgerEvent["type"]]: (event: Event<T>, block: BlockPlace) => void;
};

/** The block whose event is written, and its transactions' numbers. */
type BlockPlace = {
  readonly height: number;
  readonly numbers: ReadonlyMap<TransactionId, number>;
};

/**
 * Applies the events of one block, in their order, inside the caller's transaction.
 * The block's own row is there already; `earlier`: numbers of what a snapshot names beside its block's own.
 */
export type Project = (block: CommittedBlock, earlier?: ReadonlyMap<TransactionId, number>) => void;

export function projection(db: Database.Database, cards: CardTable): Project {
  const writers: Writers = {
    ...memberWriters(db, cards),
    ...registryWriters(db, cards),
    ...listingWriters(db, cards),
    ...offerWriters(db, cards),
    ...setWriters(db, cards),
  };
  return ({ height, events, transactions }, earlier) => {
    const numbers = new Map(earlier);
    for (const [position, { id }] of transactions.entries()) {
      numbers.set(id, transactionNumber(height, position));
    }
    const block: BlockPlace = { height, numbers };
    for (const event of events) write(event, block);
  };

  function write(event: LedgerEvent, block: BlockPlace): void {
    switch (event.type) {
      case "memberRegistered":
        writers.memberRegistered(event, block);
        break;
      case "memberRevoked":
        writers.memberRevoked(event, block);
        break;
      case "identityBound":
        writers.identityBound(event, block);
        break;
      case "memberChanged":
        writers.memberChanged(event, block);
        break;
      case "validatorsChanged":
        writers.validatorsChanged(event, block);
        break;
      case "pvRegistered":
        writers.pvRegistered(event, block);
        break;
      case "pvRemoved":
        writers.pvRemoved(event, block);
        break;
      case "balanceChanged":
        writers.balanceChanged(event, block);
        break;
      case "evidence":
        writers.evidence(event, block);
        break;
      case "posted":
        writers.posted(event, block);
        break;
      case "listingCreated":
        writers.listingCreated(event, block);
        break;
      case "acceptOfferBroadcast":
        writers.acceptOfferBroadcast(event, block);
        break;
      case "biddingClosed":
        writers.biddingClosed(event, block);
        break;
      case "listingVoided":
        writers.listingVoided(event, block);
        break;
      case "listingFinished":
        writers.listingFinished(event, block);
        break;
      case "pvOfferPlaced":
        writers.pvOfferPlaced(event, block);
        break;
      case "buyOfferPlaced":
        writers.buyOfferPlaced(event, block);
        break;
      case "offerStamped":
        writers.offerStamped(event, block);
        break;
      case "meterRead":
        writers.meterRead(event, block);
        break;
    }
  }
}

function memberWriters(
  db: Database.Database,
  cards: CardTable,
): Pick<Writers, "memberRegistered" | "memberRevoked" | "identityBound" | "memberChanged"> {
  const insertMember = db.prepare(
    `INSERT INTO member (card_no, first_name, last_name, public_key, balance_micro_tokens, reserved_micro_tokens, revoked, sequence)
     VALUES (@card, @firstName, @lastName, @publicKey, @balance, @reserved, @revoked, @sequence)`,
  );
  const revoke = db.prepare("UPDATE member SET revoked = 1, revoke_reason = ? WHERE card_no = ?");
  const bind = db.prepare(
    "UPDATE member SET public_key = ?, revoked = 0, revoke_reason = NULL WHERE card_no = ?",
  );
  // Bound, revoked and bound again in one block is one block to look in.
  const insertCard = db.prepare(
    "INSERT INTO member_card (card_no, height) VALUES (?, ?) ON CONFLICT DO NOTHING",
  );
  const change = db.prepare(
    "UPDATE member SET first_name = ?, last_name = ?, sequence = ? WHERE card_no = ?",
  );
  return {
    memberRegistered: ({ member: { memberId, revoked, ...member } }, { height }) => {
      const card = cards.number(memberId);
      insertMember.run({ ...member, card, revoked: revoked ? 1 : 0 });
      if (member.publicKey !== null) insertCard.run(card, height);
    },
    memberRevoked: ({ memberId, reason }) => {
      expectOne(revoke.run(reason, cards.number(memberId)));
    },
    identityBound: ({ memberId, publicKey }, { height }) => {
      const card = cards.number(memberId);
      expectOne(bind.run(publicKey, card));
      insertCard.run(card, height);
    },
    memberChanged: ({ memberId, firstName, lastName, sequence }) => {
      expectOne(change.run(firstName, lastName, sequence, cards.number(memberId)));
    },
  };
}

function registryWriters(
  db: Database.Database,
  cards: CardTable,
): Pick<Writers, "pvRegistered" | "pvRemoved" | "balanceChanged" | "posted" | "evidence"> {
  // One that left comes back to its owner, or a rule is broken.
  const upsertPv = db.prepare(
    `INSERT INTO pv (pv_id, owner_no, sequence, capacity_w) VALUES (@pvId, @owner, @sequence, @capacity)
     ON CONFLICT (pv_id) DO UPDATE SET sequence = excluded.sequence, capacity_w = excluded.capacity_w, removed = 0
       WHERE removed = 1 AND owner_no = excluded.owner_no`,
  );
  const removePv = db.prepare(
    "UPDATE pv SET removed = 1, sequence = ? WHERE pv_id = ? AND removed = 0",
  );
  const setBalance = db.prepare(
    "UPDATE member SET balance_micro_tokens = ?, reserved_micro_tokens = ? WHERE card_no = ?",
  );
  const insertPosting = db.prepare(
    `INSERT INTO posting (height, card_no, amount_micro_tokens, reason, listing_no)
     VALUES (@height, @card, @amount, @reason,
       (SELECT listing_no FROM listing WHERE listing_id = @listingId))`,
  );
  const insertEvidence = db.prepare(
    `INSERT INTO evidence (height, kind, offender_no, reporter_no, subject)
     VALUES (@height, @kind, @offender, @reporter, @subject)`,
  );
  return {
    evidence: ({ kind, offender, reporter, subject }, { height }) => {
      const by = reporter === null ? null : cards.number(reporter);
      insertEvidence.run({ height, kind, subject, offender: cards.number(offender), reporter: by });
    },
    pvRegistered: ({ pv }) => {
      expectOne(upsertPv.run({ ...pv, owner: cards.number(pv.owner) }));
    },
    pvRemoved: ({ pvId, sequence }) => {
      expectOne(removePv.run(sequence, pvId));
    },
    balanceChanged: ({ memberId, balance, reserved }) => {
      expectOne(setBalance.run(balance, reserved, cards.number(memberId)));
    },
    posted: ({ posting: { memberId, amount, reason, listingId } }, { height }) => {
      insertPosting.run({ height, card: cards.number(memberId), amount, reason, listingId });
    },
  };
}

function listingWriters(
  db: Database.Database,
  cards: CardTable,
): Pick<
  Writers,
  "listingCreated" | "acceptOfferBroadcast" | "biddingClosed" | "listingVoided" | "listingFinished"
> {
  const insert = db.prepare(
    "INSERT INTO listing (listing_id, delivery_start_ms, state) VALUES (?, ?, ?)",
  );
  const setState = db.prepare("UPDATE listing SET state = ? WHERE listing_id = ?");
  const close = db.prepare(
    `UPDATE listing SET state = 'AUCTION_CLOSED', mcp_milli_tokens_per_kwh = ?, result_hash = ?
     WHERE listing_id = ?`,
  );
  const finish = db.prepare("UPDATE listing SET finished = 1 WHERE listing_id = ?");
  const insertFill = db.prepare(
    `INSERT INTO fill (listing_no, position, seller_no, pv_no, buyer_no, energy_wh, price_milli_tokens_per_kwh)
     VALUES ((SELECT listing_no FROM listing WHERE listing_id = @listingId), @position, @seller,
       (SELECT pv_no FROM pv WHERE pv_id = @pvId), @buyer, @energy, @price)`,
  );
  const insertStatement = db.prepare(
    `INSERT INTO hour_statement (listing_no, card_no, sold_wh, bought_wh, metered_import_wh, metered_export_wh)
     VALUES ((SELECT listing_no FROM listing WHERE listing_id = @listingId), @card, @sold, @bought,
       @meteredImport, @meteredExport)`,
  );
  const writeFill = (listingId: ListingId, position: number, fill: Fill): void => {
    const seller = cards.number(fill.seller);
    const buyer = cards.number(fill.buyer);
    insertFill.run({ ...fill, listingId, position, seller, buyer });
  };
  const writeStatement = (listingId: ListingId, statement: HourStatement): void => {
    const { memberId, ...hour } = statement;
    insertStatement.run({ ...hour, listingId, card: cards.number(memberId) });
  };
  return {
    listingCreated: ({ listing: { listingId, deliveryStart, state } }) => {
      insert.run(listingId, deliveryStart, state);
    },
    acceptOfferBroadcast: ({ listingId }) => expectOne(setState.run("ACCEPT_OFFERS", listingId)),
    biddingClosed: ({ listingId, mcp, fills, resultHash }) => {
      expectOne(close.run(mcp, hexToBytes(resultHash), listingId));
      for (const [position, fill] of fills.entries()) writeFill(listingId, position, fill);
    },
    listingVoided: ({ listingId }) => expectOne(setState.run("VOID", listingId)),
    listingFinished: ({ listingId, statements }) => {
      expectOne(finish.run(listingId));
      for (const statement of statements) writeStatement(listingId, statement);
    },
  };
}

function offerWriters(
  db: Database.Database,
  cards: CardTable,
): Pick<Writers, "pvOfferPlaced" | "buyOfferPlaced" | "offerStamped" | "meterRead"> {
  const listing = "(SELECT listing_no FROM listing WHERE listing_id = @listingId)";
  // A higher sequence replaces the line: INSERT OR REPLACE would also hide a broken rule.
  const upsertOffer = db.prepare(
    `INSERT INTO pv_offer (listing_no, pv_no, transaction_no, sequence, energy_wh, reserve_price_milli_tokens_per_kwh, stamp_time_ms)
     VALUES (${listing}, (SELECT pv_no FROM pv WHERE pv_id = @pvId), @number, @sequence, @energy, @price, @stamp)
     ON CONFLICT DO UPDATE SET transaction_no = excluded.transaction_no, sequence = excluded.sequence,
       energy_wh = excluded.energy_wh, stamp_time_ms = excluded.stamp_time_ms,
       reserve_price_milli_tokens_per_kwh = excluded.reserve_price_milli_tokens_per_kwh`,
  );
  const upsertBid = db.prepare(
    `INSERT INTO buy_offer (listing_no, card_no, transaction_no, sequence, energy_wh, bid_price_milli_tokens_per_kwh, stamp_time_ms)
     VALUES (${listing}, @card, @number, @sequence, @energy, @price, @stamp)
     ON CONFLICT DO UPDATE SET transaction_no = excluded.transaction_no, sequence = excluded.sequence,
       energy_wh = excluded.energy_wh, stamp_time_ms = excluded.stamp_time_ms,
       bid_price_milli_tokens_per_kwh = excluded.bid_price_milli_tokens_per_kwh`,
  );
  // A revoked member's offers of earlier blocks end without a transaction of their own.
  const withdrawOffer = db.prepare(
    `UPDATE pv_offer SET energy_wh = 0
     WHERE listing_no = ${listing} AND pv_no = (SELECT pv_no FROM pv WHERE pv_id = @pvId)`,
  );
  const withdrawBid = db.prepare(
    `UPDATE buy_offer SET energy_wh = 0 WHERE listing_no = ${listing} AND card_no = @card`,
  );
  const stampOffer = db.prepare(
    `UPDATE pv_offer SET stamp_time_ms = @stamp
     WHERE listing_no = ${listing} AND pv_no = (SELECT pv_no FROM pv WHERE pv_id = @pvId)`,
  );
  const stampBid = db.prepare(
    `UPDATE buy_offer SET stamp_time_ms = @stamp WHERE listing_no = ${listing} AND card_no = @card`,
  );
  const insertReading = db.prepare(
    `INSERT INTO meter_reading (listing_no, card_no, transaction_no)
     VALUES (${listing}, @card, @number)`,
  );
  return {
    pvOfferPlaced: ({ listingId, offer }, block) => {
      const { pvId, sequence, energy } = offer;
      const row = { listingId, pvId, sequence, energy, price: offer.reservePrice };
      const number = block.numbers.get(offer.transactionId);
      if (number !== undefined) upsertOffer.run({ ...row, number, stamp: offer.stamp });
      else withdrawn(energy, withdrawOffer.run({ listingId, pvId }));
    },
    buyOfferPlaced: ({ listingId, bid }, block) => {
      const { sequence, energy } = bid;
      const card = cards.number(bid.memberId);
      const row = { listingId, card, sequence, energy, price: bid.bidPrice };
      const number = block.numbers.get(bid.transactionId);
      if (number !== undefined) upsertBid.run({ ...row, number, stamp: bid.stamp });
      else withdrawn(energy, withdrawBid.run({ listingId, card }));
    },
    offerStamped: ({ listingId, memberId, pvId, stamp }) => {
      expectOne(
        pvId === null
          ? stampBid.run({ listingId, card: cards.number(memberId), stamp })
          : stampOffer.run({ listingId, pvId, stamp }),
      );
    },
    meterRead: ({ listingId, reading: { memberId, transactionId } }, block) => {
      const number = numberOf(block, transactionId);
      insertReading.run({ listingId, card: cards.number(memberId), number });
    },
  };
}

function setWriters(db: Database.Database, cards: CardTable): Pick<Writers, "validatorsChanged"> {
  // A restart changes at once, also what an earlier block had changed from then on.
  const overtake = db.prepare("DELETE FROM validator_change WHERE from_height > ?");
  const upsert = db.prepare(
    `INSERT INTO validator_change (from_height, card_no, public_key)
     VALUES (@fromHeight, @card, @publicKey)
     ON CONFLICT DO UPDATE SET public_key = excluded.public_key`,
  );
  const insertRestart = db.prepare("INSERT INTO restart (height) VALUES (?)");
  return {
    validatorsChanged: ({ fromHeight, added, removed }, { height }) => {
      overtake.run(fromHeight);
      if (fromHeight === height) insertRestart.run(height);
      for (const memberId of removed) {
        upsert.run({ fromHeight, card: cards.number(memberId), publicKey: null });
      }
      for (const { memberId, publicKey } of added) {
        upsert.run({ fromHeight, card: cards.number(memberId), publicKey });
      }
    },
  };
}

function withdrawn(energy: number, result: Database.RunResult): void {
  assert(energy === 0, "an offer without a transaction in the block is one that ends");
  expectOne(result);
}

function numberOf({ numbers }: BlockPlace, id: TransactionId): number {
  const number = numbers.get(id);
  assert(number !== undefined, "what an event says of a transaction, its own block says");
  return number;
}

function expectOne({ changes }: Database.RunResult): void {
  assert(changes === 1, `an event changes the one row that it names, not ${changes}`);
}
