// Lies about when offers were heard: too early, too late, never, and two at once for one place in the chain.

import {
  decodeTransaction,
  encodeTransaction,
  type PayloadOf,
  signTransaction,
} from "../../../agent/core/ledger/transaction.ts";
import { MINUTE_MS, unixMs } from "../../../agent/core/units/time.ts";
import { transactionsRequest } from "../../../agent/loops/wire.ts";
import { type Liar, type Lie, split, toAll } from "../liar.ts";

/** How far the first lie goes back: to before any offer of its listing was said. */
const BACK_MS = 30 * MINUTE_MS;

export const RECEIPT_LIES: readonly Lie[] = [
  rewriting("lie: receipts of before", (liar, payload) => {
    const last = liar.ledger()?.receipts.get(liar.signer.memberId)?.to;
    const earliest = last ?? unixMs(payload.from - BACK_MS);
    const from = earliest < payload.from ? earliest : payload.from;
    return { ...payload, from, to: from, entries: atOnce(payload) };
  }),
  rewriting("lie: receipts of later", (_liar, payload) => {
    const from = unixMs(payload.from + MINUTE_MS);
    return { ...payload, from, to: from, entries: atOnce(payload) };
  }),
  {
    name: "lie: no receipts",
    chance: 1,
    says: (liar, _topic, message) => (ownReceipt(liar, message) === null ? null : []),
    asks: (liar, protocol, body) =>
      offering(liar, protocol, body, (message) =>
        ownReceipt(liar, message) === null ? message : null,
      ),
  },
  {
    name: "lie: two receipts for one place",
    chance: 0.8,
    says: (liar, topic, message) => {
      const payload = ownReceipt(liar, message);
      if (payload === null) return null;
      const from = unixMs(payload.from + 1);
      const other = { ...payload, from, to: unixMs(payload.to + 1) };
      return split(liar, topic, [message, signed(liar, other)]);
    },
  },
];

type Receipt = PayloadOf<"receipt">;

function atOnce({ entries }: Receipt): Receipt["entries"] {
  return entries.map(({ offer }) => ({ offer, after: 0 }));
}

/** Its receipts are rewritten on their way out, in gossip and in exchanges, all of them alike. */
function rewriting(name: string, rewrite: (liar: Liar, receipt: Receipt) => Receipt): Lie {
  const rewritten = (liar: Liar, message: Uint8Array): Uint8Array | null => {
    const payload = ownReceipt(liar, message);
    return payload === null ? null : signed(liar, rewrite(liar, payload));
  };
  return {
    name,
    chance: 1,
    says: (liar, topic, message) => {
      const lied = rewritten(liar, message);
      return lied === null ? null : [toAll(topic, lied)];
    },
    asks: (liar, protocol, body) =>
      offering(liar, protocol, body, (message) => rewritten(liar, message) ?? message),
  };
}

function offering(
  _liar: Liar,
  protocol: string,
  body: Uint8Array,
  change: (message: Uint8Array) => Uint8Array | null,
): Uint8Array | null {
  const decoded = protocol === "transactions" ? transactionsRequest.decode(body) : null;
  if (!decoded?.ok) return null;
  const offered = decoded.value.offered.flatMap((message) => change(message) ?? []);
  const isSame = offered.every((message, i) => message === decoded.value.offered[i]);
  if (isSame && offered.length === decoded.value.offered.length) return null;
  return transactionsRequest.encode({ ...decoded.value, offered });
}

function ownReceipt({ community, signer }: Liar, message: Uint8Array): Receipt | null {
  const decoded = decodeTransaction(community, message);
  if (!decoded.ok || decoded.value.author !== signer.memberId) return null;
  return decoded.value.payload.type === "receipt" ? decoded.value.payload : null;
}

function signed({ community, signer }: Liar, payload: Receipt): Uint8Array {
  const unsigned = { author: signer.memberId, payload };
  return encodeTransaction(community, signTransaction(community, unsigned, signer.sign));
}
