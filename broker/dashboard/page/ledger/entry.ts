// A transaction as the block has it, and what its author signed: the domain, the whole id of the community, the author
// and what it says, each in the very bytes in which it stands in the block.
//
//   in the block   [first 4 bytes of the community's id, author, payload, signature]
//   signed         ["pvtrading/transaction/1", community, author, payload]
//   of a receipt   ["pvtrading/receipt/1", community, author, sequence, previous, from, to, hash of its entries]

import { join } from "./bytes.ts";
import { type Item, readItem } from "./cbor.ts";
import { bytesIn, itemsIn, type PlainFields, plain, variantOf } from "./layout.ts";
import { accusation, ENVELOPE, PAYLOADS } from "./layouts.ts";
import { sha256 } from "./signature.ts";

export type Entry = {
  /** The first bytes of the community's id. */
  readonly communityTag: Uint8Array;
  /** null: the CA. */
  readonly author: string | null;
  readonly type: string;
  readonly payload: PlainFields;
  readonly signature: Uint8Array;
  /** What the author signs in that community. */
  readonly signedBytes: (community: Uint8Array) => Uint8Array;
  /** Of evidence; null for all else. */
  readonly accused: Accused | null;
};

export type Accused = {
  readonly offender: string;
  readonly kind: string;
  /** Two different ones, by one card. `chain`: what votes are for. */
  readonly said: (
    community: Uint8Array,
    chain: Uint8Array,
  ) => readonly { readonly message: Uint8Array; readonly signature: Uint8Array }[];
};

/** Throws Unreadable where the bytes are no transaction. */
export function readEntry(bytes: Uint8Array): Entry {
  const envelope = readItem(bytes);
  const told = plain(ENVELOPE, envelope) as { author: string | null; payload: PlainFields };
  const [tag, author, payload, signature] = itemsIn(envelope) as [Item, Item, Item, Item];
  const { type, ...said } = told.payload;
  const { body } = variantOf(PAYLOADS, payload);
  return {
    ...{ communityTag: bytesIn(tag), author: told.author, type: String(type), payload: said },
    signature: bytesIn(signature),
    signedBytes: (community) => {
      const whose = [text("pvtrading/transaction/1"), byteString(community), author.raw];
      if (type !== "receipt") return list(...whose, payload.raw);
      const [sequence, previous, from, to, entries] = raws(body);
      const hash = byteString(sha256(entries ?? new Uint8Array()));
      const head = [sequence, previous, from, to].map((one) => one ?? new Uint8Array());
      return list(text("pvtrading/receipt/1"), byteString(community), author.raw, ...head, hash);
    },
    accused: type === "evidence" ? accusedIn(itemsIn(body)[0] as Item) : null,
  };
}

function accusedIn(item: Item): Accused {
  const { name: kind, body } = variantOf(accusation.variants, item);
  const items = itemsIn(body);
  const [offender, ...shared] = raws(body).slice(0, -2) as [Uint8Array, ...Uint8Array[]];
  const { offender: who } = plain(accusation, item) as { readonly offender: string };
  return {
    ...{ offender: who, kind },
    said: (community, chain) =>
      items.slice(-2).map((one) => {
        const own = raws(one).slice(0, -1);
        const signature = bytesIn(itemsIn(one).at(-1) as Item);
        const place = { kind, offender, community, chain };
        return { message: messageOf(place, [...shared, ...own]), signature };
      }),
  };
}

type Place = {
  readonly kind: string;
  readonly offender: Uint8Array;
  readonly community: Uint8Array;
  readonly chain: Uint8Array;
};

/** What the card signed: what both share, then its own. */
function messageOf({ kind, offender, community, chain }: Place, said: readonly Uint8Array[]) {
  switch (kind) {
    case "doubleVote":
      return list(text("pvtrading/vote/1"), byteString(chain), ...said);
    case "doubleProposal":
      return list(text("pvtrading/proposal/1"), byteString(chain), ...said);
    case "doubleReceipt":
      return list(text("pvtrading/receipt/1"), byteString(community), offender, ...said);
    default: {
      const type = PAYLOADS.findIndex(
        ([name]) => `double${name}`.toLowerCase() === kind.toLowerCase(),
      );
      const payload = list(Uint8Array.of(type), list(...said));
      return list(text("pvtrading/transaction/1"), byteString(community), offender, payload);
    }
  }
}

/** What a validator signs who votes for a block to be final. */
export function voteBytes(
  chain: Uint8Array,
  { height, round, blockId }: { height: number; round: number; blockId: Uint8Array },
): Uint8Array {
  const precommit = Uint8Array.of(1);
  const head = [text("pvtrading/vote/1"), byteString(chain), precommit];
  return list(...head, integer(height), integer(round), byteString(blockId));
}

/** Who votes, as a header's hash is made of it. */
export function setBytes(
  validators: readonly { readonly memberId: string; readonly publicKey: Uint8Array }[],
): Uint8Array {
  return list(
    ...validators.map(({ memberId, publicKey }) => list(text(memberId), byteString(publicKey))),
  );
}

function raws(item: Item): readonly Uint8Array[] {
  return itemsIn(item).map(({ raw }) => raw);
}

// -------------------------------------------------------------------------------- few are written

function list(...items: readonly Uint8Array[]): Uint8Array {
  return join(head(4, items.length), ...items);
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return join(head(3, bytes.length), bytes);
}

function byteString(value: Uint8Array): Uint8Array {
  return join(head(2, value.length), value);
}

function integer(value: number): Uint8Array {
  return head(0, value);
}

/** In as few bytes as it needs. */
function head(kind: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((kind << 5) | argument);
  const size = argument < 0x100 ? 1 : argument < 0x10000 ? 2 : argument < 0x100000000 ? 4 : 8;
  const bytes = new Uint8Array(1 + size);
  bytes[0] = (kind << 5) | (24 + Math.log2(size));
  let rest = BigInt(argument);
  for (let i = size; i > 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
