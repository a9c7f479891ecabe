// What a home would have said in the hours before the laboratory began: as its agent does, by the same forecast and
// the same decision, from the same counters (loops/trade*.ts).

import { forecast } from "../../core/forecast/forecast.ts";
import { freeBalance } from "../../core/ledger/accounts.ts";
import { listingTimes } from "../../core/ledger/calendar.ts";
import type { Rules } from "../../core/ledger/rules.ts";
import type { LedgerState, Listing } from "../../core/ledger/state.ts";
import type { Payload } from "../../core/ledger/transaction.ts";
import { type HourEnergy, hourEnergies } from "../../core/metering/hourEnergies.ts";
import { meteredHour } from "../../core/metering/meteredHour.ts";
import { decide } from "../../core/trading/decide.ts";
import type { TradingLimits } from "../../core/trading/limits.ts";
import type { Watts } from "../../core/units/energy.ts";
import type { PvId } from "../../core/units/ids.ts";
import { MINUTE_MS, type UnixMs } from "../../core/units/time.ts";
import type { RegisterSample, Signer } from "../../ports.ts";

export type PastHome = {
  readonly signer: Signer;
  readonly member: { readonly firstName: string; readonly lastName: string };
  readonly pv: { readonly pvId: PvId; readonly capacity: Watts } | null;
  readonly limits: TradingLimits;
  /** Of the hours before the market began, too: a home that knows nothing offers nothing. Ascending. */
  readonly samples: readonly RegisterSample[];
};

export type PastVoice = {
  readonly signer: Signer;
  readonly registrations: readonly Payload[];
  /** null: nothing that is worth a transaction, or nothing known. */
  readonly offer: (state: LedgerState, listing: Listing, at: UnixMs) => Payload | null;
  /** The readings that are due in a block at that time and not on the ledger yet. */
  readonly readings: (state: LedgerState, at: UnixMs) => readonly Payload[];
};

const METER = "simulated meter";

export function pastVoice(rules: Rules, home: PastHome): PastVoice {
  const { signer, member, pv, limits, samples } = home;
  const { memberId, certificate } = signer;
  const produces = pv !== null;
  const hours = hourEnergies(samples, { produces });
  return {
    signer,
    registrations: [
      { type: "registerMember", memberId, ...member, certificate, balance: null },
      ...(pv === null
        ? []
        : [{ type: "registerPv", sequence: 0, owner: memberId, ...pv } satisfies Payload]),
    ],
    offer: (state, { listingId, deliveryStart: target }, issuedAt) => {
      const member = state.members.get(memberId);
      if (member === undefined) return null;
      const order = { issuedAt, target, produces };
      const decision = decide({
        ...{ forecast: forecast(knownAt(issuedAt, { hours, samples }), order), limits, pv },
        ...{ bidMax: rules.bidMax, freeBalance: freeBalance(member) },
      });
      if (decision.action === "none") return null;
      const { energy } = decision;
      const said = { listingId, sequence: 1, energy };
      if (decision.action === "buy") {
        return { type: "buyOffer", ...said, bidPrice: decision.bidPrice };
      }
      const { pvId, reservePrice } = decision;
      return { type: "pvOffer", ...said, pvId, reservePrice };
    },
    readings: (state, at) =>
      [...state.listings.values()].flatMap((listing): Payload[] => {
        const { listingId, deliveryStart } = listing;
        const { deliveryEnd, readingsBy } = listingTimes(rules, deliveryStart);
        if (listing.state !== "AUCTION_CLOSED" || listing.readings.has(memberId)) return [];
        if (at < deliveryEnd + MINUTE_MS || at >= readingsBy) return [];
        const hour = meteredHour(samples, deliveryStart);
        if (!hour.ok) return [];
        const { gridImport, gridExport, production, quality } = hour.value;
        const registers = { gridImport, gridExport, production: produces ? production : null };
        return [{ type: "meterReading", listingId, ...registers, quality, source: METER }];
      }),
  };
}

type Known = { readonly hours: readonly HourEnergy[]; readonly samples: readonly RegisterSample[] };

/** Hours say themselves when they became known. Samples: two minutes late, as they close. */
function knownAt(at: UnixMs, { hours, samples }: Known): Known {
  return { hours, samples: samples.filter((sample) => sample.at <= at - 2 * MINUTE_MS) };
}
