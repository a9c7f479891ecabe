// Lies that are many, or nothing at all: floods of offers, messages that cannot be read, messages too large.

import { CONSENSUS_MESSAGE_BYTES_MAX } from "../../../agent/core/consensus/message.ts";
import { TRANSACTION_BYTES_MAX } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction, signTransaction } from "../../../agent/core/ledger/transaction.ts";
import { wh } from "../../../agent/core/units/energy.ts";
import { milliTokensPerKwh } from "../../../agent/core/units/money.ts";
import { type Lie, toAll } from "../liar.ts";

/** More than a home keeps of all its neighbours together, where four validators agree. */
const OFFERS = 240;
/** Beyond the number that the ledger has: a few, so that a listing has numbers left for the next flood. */
const NUMBERS = 8;

export const FLOOD_LIES: readonly Lie[] = [
  {
    name: "lie: a flood of offers",
    chance: 0.3,
    mutters: ({ ledger, random, signer, community }) => {
      const listings = [...(ledger()?.listings.values() ?? [])];
      const open = listings.find(({ state }) => state === "ACCEPT_OFFERS");
      if (open === undefined) return [];
      const have = open.buyOffers.get(signer.memberId)?.sequence ?? 0;
      return Array.from({ length: OFFERS }, () => {
        const payload = {
          type: "buyOffer",
          listingId: open.listingId,
          sequence: have + random.integer(1, NUMBERS),
          energy: wh(random.integer(0, 4)),
          bidPrice: milliTokensPerKwh(random.integer(1, 5000)),
        } as const;
        const unsigned = { author: signer.memberId, payload };
        const offer = signTransaction(community, unsigned, signer.sign);
        return toAll("transaction", encodeTransaction(community, offer));
      });
    },
  },
  {
    name: "lie: messages that cannot be read",
    chance: 0.5,
    mutters: ({ heard, random }) => {
      if (heard.length === 0) return [];
      const { topic, message } = random.pick(heard);
      const cut = message.slice(0, random.integer(0, message.length - 1));
      const changed = message.slice();
      const at = random.integer(0, changed.length - 1);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.integer(0, 7));
      return [toAll(topic, cut), toAll(topic, changed)];
    },
  },
  {
    name: "lie: messages too large",
    chance: 0.2,
    mutters: () => [
      toAll("transaction", new Uint8Array(TRANSACTION_BYTES_MAX + 1)),
      toAll("consensus", new Uint8Array(CONSENSUS_MESSAGE_BYTES_MAX + 1)),
    ],
  },
];
