// What GET answers: members and PVs from the ledger's state, listings and transactions from its history. Lists
// have an end (RestLimits), the newest come first into them, and whoever gets less than all is told.

import {
  type ComposerContext,
  isObject,
  type Json,
  type JsonObject,
} from "../../core/composer/context.ts";
import { MODELS } from "../../core/composer/model.ts";
import { readRelationship, type TypeName } from "../../core/composer/names.ts";
import {
  presentListing,
  presentMember,
  presentPv,
  presentTransaction,
} from "../../core/composer/present.ts";
import { withoutBlanks } from "../../core/composer/quirks.ts";
import type { Payload } from "../../core/ledger/transaction.ts";
import {
  isHash,
  type ListingId,
  type MemberId,
  type PvId,
  type TransactionId,
} from "../../core/units/ids.ts";
import type { AgentDoor, HistoryEntry, ListingRecord } from "../../ports.ts";
import type { RestLimits } from "./limits.ts";

export type Reading = {
  readonly door: Pick<AgentDoor, "ledger" | "history">;
  readonly composer: ComposerContext;
  readonly limits: RestLimits;
};

export type Rows = {
  readonly rows: readonly JsonObject[];
  /** False: there are older ones. */
  readonly isWhole: boolean;
};

const PAYLOADS: { readonly [T in TypeName]?: Payload["type"] } = {
  PVOffer: "pvOffer",
  BUYOffer: "buyOffer",
  AcceptOfferBroadcast: "acceptOfferBroadcast",
  CloseBidding: "closeBidding",
};

/** Members and PVs by id, listings by delivery hour, transactions by time. */
export function readAll(reading: Reading, type: TypeName): Rows {
  const { door, composer, limits } = reading;
  const { members, pvs } = door.ledger();
  switch (type) {
    case "Member":
      return whole(byId(members).map((member) => presentMember(composer, member)));
    case "PV":
      return whole(byId(pvs).map((pv) => presentPv(composer, pv)));
    case "kWhlisting": {
      const records = door.history.listings(limits.listingsMax + 1);
      const rows = records
        .slice(0, limits.listingsMax)
        .map((record) => presentRecord(reading, record))
        .reverse();
      return { rows, isWhole: records.length <= limits.listingsMax };
    }
    default: {
      const payload = PAYLOADS[type];
      return readTransactions(reading, payload === undefined ? null : new Set([payload]), (entry) =>
        presentTransaction(composer, entry),
      );
    }
  }
}

/** Transactions of these types (null: all), oldest first. */
export function readTransactions(
  { door, limits }: Reading,
  types: ReadonlySet<Payload["type"]> | null,
  present: (entry: HistoryEntry) => JsonObject | null,
): Rows {
  const { rowsMax: count, blocksMax } = limits;
  const { entries, isWhole } = door.history.transactions({ types, count, blocksMax });
  const rows = entries.map(present).filter((row) => row !== null);
  return { rows: rows.reverse(), isWhole: isWhole && entries.length < count };
}

/** null: there is none. `said` as it stands in a path or a filter: blanks round it do not count, as in a body. */
export function readOne(reading: Reading, type: TypeName, said: string): JsonObject | null {
  const { door, composer } = reading;
  const id = withoutBlanks(said);
  const { members, pvs } = door.ledger();
  switch (type) {
    case "Member": {
      const member = members.get(id as MemberId);
      return member === undefined ? null : presentMember(composer, member);
    }
    case "PV": {
      const pv = pvs.get(id as PvId);
      return pv === undefined ? null : presentPv(composer, pv);
    }
    case "kWhlisting": {
      const record = door.history.listing(id as ListingId);
      return record === null ? null : presentRecord(reading, record);
    }
    default: {
      const entry = isHash(id) ? door.history.transaction(id as TransactionId) : null;
      const isOfType = entry !== null && entry.payload.type === PAYLOADS[type];
      return isOfType ? presentTransaction(composer, entry) : null;
    }
  }
}

function presentRecord({ door, composer }: Reading, record: ListingRecord): JsonObject {
  const { history } = door;
  const { listingId, state, mcp } = record;
  const fills = state === "AUCTION_CLOSED" ? history.fills(listingId) : [];
  return presentListing(composer, {
    ...{ listingId, state, mcp, fills },
    pvOffers: history.pvOffers(listingId),
    buyOffers: history.buyOffers(listingId),
  });
}

/**
 * The row with its relationships replaced by what they name, one level deep (`include: "resolve"`); what names
 * nothing stays a text. Within a listing its own name stays, or it would hold itself.
 */
export function resolveRow(reading: Reading, type: TypeName, row: JsonObject): JsonObject {
  const resolved: { [name: string]: Json } = { ...row };
  for (const field of MODELS[type].fields) {
    const value = row[field.name];
    if (field.kind === "relationship" && value !== undefined) {
      resolved[field.name] = resolveText(reading, field.to, value);
    }
    if (field.kind === "list" && Array.isArray(value)) {
      resolved[field.name] = value.map((item: Json) => resolveItem(reading, field.of, item));
    }
  }
  return resolved;
}

function resolveItem(reading: Reading, type: TypeName, item: Json): Json {
  if (!isObject(item)) return item;
  const { listingid, ...others } = item as JsonObject;
  const resolved = resolveRow(reading, type, others);
  return listingid === undefined ? resolved : { ...item, ...resolved };
}

function resolveText(reading: Reading, to: TypeName, value: Json): Json {
  const read = readRelationship(reading.composer, to, value);
  return (read.ok ? readOne(reading, to, read.id) : null) ?? value;
}

function whole(rows: readonly JsonObject[]): Rows {
  return { rows, isWhole: true };
}

function byId<V>(entries: ReadonlyMap<string, V>): V[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
