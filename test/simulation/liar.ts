// A validator that lies about when it heard of offers: everything it says goes out as its honest agent made
// it, but for its receipts. Those claim the earliest time that the chain of its receipts allows.

import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  signTransaction,
} from "../../agent/core/ledger/transaction.ts";
import type { UnixMs } from "../../agent/core/units/time.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { transactionsRequest } from "../../agent/loops/wire.ts";
import type { Network, Signer } from "../../agent/ports.ts";

/** How far the first lie goes back: to before any offer of its listing was said. */
const BACK_MS = 30 * 60_000;

export type Liar = {
  readonly rules: Rules;
  readonly signer: Signer;
  readonly ledger: () => LedgerState | null;
};

/** The network of a liar: its own receipts are rewritten on their way out, in gossip and in exchanges. */
export function lying(network: Network, liar: Liar): Network {
  return {
    ...network,
    publish: (topic, message) =>
      network.publish(topic, topic === "transaction" ? backdated(message, liar) : message),
    request: (request) => {
      if (request.protocol !== "transactions") return network.request(request);
      const decoded = transactionsRequest.decode(request.body);
      if (!decoded.ok) return network.request(request);
      const offered = decoded.value.offered.map((message) => backdated(message, liar));
      network.request({
        ...request,
        body: transactionsRequest.encode({ ...decoded.value, offered }),
      });
    },
  };
}

function backdated(message: Uint8Array, { rules, signer, ledger }: Liar): Uint8Array {
  const community = communityId(rules);
  const decoded = decodeTransaction(community, message);
  if (!decoded.ok || decoded.value.payload.type !== "receipt") return message;
  const { author, payload } = decoded.value;
  if (author !== signer.memberId) return message;
  const last = ledger()?.receipts.get(author)?.to ?? unixMs(payload.from - BACK_MS);
  const from: UnixMs = last < payload.from ? last : payload.from;
  const entries = payload.entries.map(({ offer }) => ({ offer, after: 0 }));
  const lie = { author, payload: { ...payload, from, to: from, entries } };
  return encodeTransaction(community, signTransaction(community, lie, signer.sign));
}
