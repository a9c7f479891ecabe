// The ledger's and the devices' values as broker/topics.ts has them: whole numbers become decimals here, and
// nowhere else on the way to MQTT.

import type {
  BalanceState,
  DeviceErrorState,
  DeviceState,
  EvidenceState,
  FillState,
  ForecastState,
  HealthState,
  HourState,
  LedgerTopicState,
  ListingState,
  OfferState,
} from "../../../broker/topics.ts";
import { FILLS_MAX } from "../../../broker/topics.ts";
import { listingTimes } from "../../core/ledger/calendar.ts";
import type { HourStatement } from "../../core/ledger/event.ts";
import type { Rules } from "../../core/ledger/rules.ts";
import type { Accused, Fill, LedgerState, Listing, Member } from "../../core/ledger/state.ts";
import type { Wh } from "../../core/units/energy.ts";
import type { ListingId, MemberId } from "../../core/units/ids.ts";
import { formatIso } from "../../core/units/iso.ts";
import type { MilliTokensPerKwh } from "../../core/units/money.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { AgentEvent, DeviceReading, DeviceRefusal } from "../../ports.ts";
import { sumWh, type Traded } from "./trades.ts";

/** Wh as kWh, milli-tokens as tokens: the nearest number that JSON has. */
export function thousandth(n: number): number {
  return n / 1000;
}

export function orNull(n: number | null): number | null {
  return n === null ? null : thousandth(n);
}

/** Micro-tokens as tokens. Beyond 9e15 of them the last digits are not a number's any more. */
export function tokensOf(money: bigint): number {
  return Number(money) / 1_000_000;
}

/** Counters as they may be shown; see core/metering/shownCounter.ts. */
export type ShownCounters = {
  readonly produced: Wh | null;
  readonly imported: Wh | null;
  readonly exported: Wh | null;
};

export type DeviceSeen = {
  readonly at: UnixMs;
  readonly kind: DeviceReading["kind"];
  readonly source: string;
  /** null: it does not answer now, or has not answered yet. */
  readonly reading: DeviceReading | null;
};

export function deviceState(seen: DeviceSeen, shown: ShownCounters): DeviceState {
  const { kind, source, reading } = seen;
  const head = { at: formatIso(seen.at), source, power_w: reading?.power ?? null };
  if (kind === "inverter") {
    const state = reading?.kind === "inverter" ? reading.state : "unknown";
    return { ...head, kind, state, energy_total_kwh: orNull(shown.produced) };
  }
  const [imported, exported] = [orNull(shown.imported), orNull(shown.exported)];
  return { ...head, kind, import_total_kwh: imported, export_total_kwh: exported };
}

/** What a person does about it; the driver's own words follow. */
const DEVICE_TEXTS: { readonly [C in DeviceRefusal["code"]]: string } = {
  unreachable:
    "The device does not answer. At night an inverter may sleep; by day look at its power, its network and the address in the agent's file.",
  deviceError: "The device answers with an error of its own; its display or manual explains it.",
  unintelligible:
    "Something answers that is not this device's protocol: look at address, port and driver in the agent's file.",
  disabled:
    "The device's interface is switched off: switch it on in its menu (Communication: Solar API, or Modbus TCP).",
};

const DETAIL_MAX = 500;

export function deviceError(at: UnixMs, refusal: DeviceRefusal): DeviceErrorState {
  const { code, ...facts } = refusal;
  const detail = Object.entries(facts).map(([name, value]) => `${name}: ${String(value)}`);
  const said = detail.length === 0 ? "" : ` (${detail.join(", ").slice(0, DETAIL_MAX)})`;
  return { at: formatIso(at), code, text: `${DEVICE_TEXTS[code]}${said}` };
}

export function forecastState(
  at: UnixMs,
  event: Extract<AgentEvent, { type: "forecast" }>,
): ForecastState {
  const { listingId, production, consumption, productionBand, consumptionBand } = event;
  return {
    at: formatIso(at),
    listingid: listingId,
    production_kwh: orNull(production),
    production_low_kwh: orNull(productionBand?.low ?? null),
    production_high_kwh: orNull(productionBand?.high ?? null),
    consumption_kwh: orNull(consumption),
    consumption_low_kwh: orNull(consumptionBand?.low ?? null),
    consumption_high_kwh: orNull(consumptionBand?.high ?? null),
  };
}

export function offerState(
  at: UnixMs,
  { listingId, action, energy, price, reason }: Extract<AgentEvent, { type: "decision" }>,
): OfferState {
  const energyKwh = thousandth(energy);
  return {
    ...{ at: formatIso(at), listingid: listingId, action },
    ...{ energy_kwh: energyKwh, price: orNull(price), reason },
  };
}

/** What is left of a listing when its hour is over. */
export type ClearedListing = {
  readonly listingId: ListingId;
  readonly mcp: MilliTokensPerKwh | null;
  readonly traded: Wh;
};

export type ListingShown = {
  readonly listing: Listing;
  readonly rules: Pick<Rules, "timeline" | "schedule">;
  readonly lastCleared: ClearedListing | null;
  readonly at: UnixMs;
};

export function listingState({ listing, rules, lastCleared, at }: ListingShown): ListingState {
  const { listingId, deliveryStart, state, mcp, fills } = listing;
  const times = listingTimes(rules, deliveryStart);
  const when = (time: UnixMs) => (rules.schedule === "manual" ? null : formatIso(time));
  const offers = [...listing.pvOffers.values()].filter(isLive);
  const bids = [...listing.buyOffers.values()].filter(isLive);
  return {
    at: formatIso(at),
    ...{ listingid: listingId, state, deliveryStart: formatIso(deliveryStart) },
    ...{ opensAt: when(times.openAt), cutoffAt: when(times.cutoffAt) },
    ...{ clearsAt: when(times.sealFrom), endsAt: formatIso(times.deliveryEnd) },
    ...{ offers: offers.length, bids: bids.length },
    offered_kwh: thousandth(sumWh(offers)),
    wanted_kwh: thousandth(sumWh(bids)),
    mcp: orNull(mcp),
    traded_kwh: thousandth(sumWh(fills)),
    fillCount: fills.length,
    fills: fills.slice(0, FILLS_MAX).map(fillState),
    lastCleared:
      lastCleared === null
        ? null
        : {
            listingid: lastCleared.listingId,
            mcp: orNull(lastCleared.mcp),
            traded_kwh: thousandth(lastCleared.traded),
          },
  };
}

function isLive({ energy }: { readonly energy: Wh }): boolean {
  return energy > 0;
}

function fillState({ seller, pvId, buyer, energy, price }: Fill): FillState {
  return { seller, pv: pvId, buyer, energy_kwh: thousandth(energy), price: thousandth(price) };
}

/** The listing of the latest delivery hour; null: there is none. */
export function newestListing({ listings }: Pick<LedgerState, "listings">): Listing | null {
  let newest: Listing | null = null;
  for (const listing of listings.values()) {
    if (newest === null || listing.deliveryStart >= newest.deliveryStart) newest = listing;
  }
  return newest;
}

export function hourState(at: UnixMs, listingId: ListingId, hour: HourStatement): HourState {
  return {
    at: formatIso(at),
    listingid: listingId,
    sold_kwh: thousandth(hour.sold),
    bought_kwh: thousandth(hour.bought),
    metered_import_kwh: orNull(hour.meteredImport),
    metered_export_kwh: orNull(hour.meteredExport),
  };
}

export function balanceState(
  at: UnixMs,
  { balance, reserved }: Pick<Member, "balance" | "reserved">,
  { today, total }: { readonly today: Traded; readonly total: Traded },
): BalanceState {
  return {
    ...{ at: formatIso(at), balance: tokensOf(balance), reserved: tokensOf(reserved) },
    sold_today_kwh: thousandth(today.sold),
    bought_today_kwh: thousandth(today.bought),
    sold_total_kwh: thousandth(total.sold),
    bought_total_kwh: thousandth(total.bought),
  };
}

/** What the agent's surroundings measure: agent/io/clock.ts and agent/io/p2p/network.ts. */
export type Measured = {
  readonly clockOffsetMs: () => number | null;
  readonly roundTripsMs: () => ReadonlyMap<MemberId, number>;
};

/** Neighbours in a health message; no home is connected with more. */
const TRIPS_MAX = 256;

export function measuredState({
  clockOffsetMs,
  roundTripsMs,
}: Measured): Pick<HealthState, "clock_offset_ms" | "round_trip_ms"> {
  const trips = [...roundTripsMs()].slice(0, TRIPS_MAX);
  return {
    clock_offset_ms: clockOffsetMs(),
    round_trip_ms: Object.fromEntries(
      trips.map(([member, ms]) => [member, Math.round(ms * 10) / 10]),
    ),
  };
}

/** Accusations that are listed; the ledger has them all. */
const EVIDENCE_MAX = 100;

export function ledgerState(
  state: LedgerState,
  { stateRoot, peers }: { readonly stateRoot: string; readonly peers: readonly MemberId[] },
): LedgerTopicState {
  const evidence = [...state.evidence.values()].slice(-EVIDENCE_MAX);
  return {
    ...{ height: state.height, blockId: state.lastBlock?.blockId ?? null, stateRoot },
    time: state.height === 0 ? null : formatIso(state.time),
    peers: peers.toSorted(),
    validators: state.validators.map(({ memberId }) => memberId),
    evidence: evidence.map(evidenceState),
  };
}

function evidenceState({ kind, offender, subject, at }: Accused): EvidenceState {
  const isOfHeight = kind === "doubleVote" || kind === "doubleProposal";
  return { kind, offender, height: isOfHeight ? at : null, subject };
}
