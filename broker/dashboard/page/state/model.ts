// What the page knows of the neighbourhood, whichever way it heard of it. Times Unix ms, numbers kWh, W and tokens.

import type {
  BalanceState,
  DeviceErrorState,
  DeviceState,
  ForecastState,
  HealthState,
  HourState,
  LedgerTopicState,
  OfferState,
} from "../../../topics.ts";
import { MEMBERS_MAX } from "./limits.ts";

export type Offer = {
  readonly pv: string;
  readonly kWh: number;
  readonly reservePrice: number;
  readonly transactionId: string;
  readonly at: number;
};

export type Bid = {
  readonly member: string;
  readonly kWh: number;
  readonly price: number;
  readonly transactionId: string;
  readonly at: number;
};

export type Fill = {
  readonly seller: string;
  readonly pv: string;
  readonly buyer: string;
  readonly kWh: number;
  readonly price: number;
};

export type ListingState = "CREATED" | "ACCEPT_OFFERS" | "AUCTION_CLOSED" | "VOID";

export type Listing = {
  readonly id: string;
  readonly deliveryStart: number;
  state: ListingState;
  opensAt: number | null;
  cutoffAt: number | null;
  clearsAt: number | null;
  endsAt: number;
  /** The administrator takes its steps by hand; no clock says when. */
  isByHand: boolean;
  /** By PV, the live ones. */
  offers: Map<string, Offer>;
  /** By member. */
  bids: Map<string, Bid>;
  /** As the homes count them; null: nobody told. */
  counted: {
    readonly offers: number;
    readonly bids: number;
    readonly offeredKwh: number;
    readonly wantedKwh: number;
  } | null;
  mcp: number | null;
  /** null: not closed, or not known. */
  fills: readonly Fill[] | null;
  /** Its end was read on a ledger, by REST: what homes say of it is not heard any more. */
  isRead: boolean;
};

export type Member = {
  readonly id: string;
  firstName: string;
  lastName: string;
  balance: number;
  reserved: number;
};

export type Pv = {
  readonly id: string;
  readonly owner: string;
  readonly capacityKw: number | null;
};

export type PowerSample = { readonly at: number; readonly w: number | null };

export type DeviceView = {
  readonly name: string;
  state: DeviceState | null;
  isOnline: boolean | null;
  error: DeviceErrorState | null;
  /** Oldest first. */
  samples: PowerSample[];
};

export type HomeView = {
  readonly name: string;
  memberId: string | null;
  rest: string | null;
  status: "online" | "offline" | "unknown";
  devices: Map<string, DeviceView>;
  /** By listing. */
  forecasts: Map<string, ForecastState>;
  offers: Map<string, OfferState>;
  hours: Map<string, HourState>;
  /** By listing, as the ledger has it: further back than the listings that are read. */
  traded: Map<string, HourTraded>;
  balance: BalanceState | null;
  ledger: LedgerTopicState | null;
  health: HealthState | null;
  /** Of the newest health messages: its clock, and the page's when it heard it. Unix ms. */
  clocks: readonly { readonly said: number; readonly heard: number }[];
};

/** kWh and tokens of one closed hour. */
export type HourTraded = {
  /** Unix ms. */
  readonly deliveryStart: number;
  readonly sold: number;
  readonly bought: number;
  readonly earned: number;
  readonly spent: number;
};

/** A block as a home told of it. */
export type BlockView = {
  readonly height: number;
  readonly blockId: string;
  readonly stateRoot: string;
  readonly time: number | null;
};

export type HistorianRecord = {
  readonly transactionId: string;
  readonly type: string;
  readonly who: string;
  readonly at: number;
};

export type Meter = {
  readonly listingId: string;
  readonly member: string;
  readonly importKwh: number | null;
  readonly exportKwh: number | null;
  readonly productionKwh: number | null;
};

export type FeedState = "off" | "connecting" | "online" | "offline" | "refused";

export type Neighbourhood = {
  readonly timeZone: string;
  readonly homes: Map<string, HomeView>;
  readonly members: Map<string, Member>;
  readonly pvs: Map<string, Pv>;
  readonly listings: Map<string, Listing>;
  /** By height. */
  readonly blocks: Map<number, BlockView>;
  /** By `${listing} ${member}`. */
  readonly meters: Map<string, Meter>;
  /** Newest first. */
  historian: readonly HistorianRecord[];
  /** Event ids that were heard: each home tells the same event. */
  readonly heard: Set<string>;
  /** Listings that ended and are still to be read on the ledger. */
  readonly justClosed: Set<string>;
  /** Whether the registries have been read, so that what is missing is missing. */
  isHistoryRead: boolean;
  /** The broker. */
  live: FeedState;
  /** A home's own WebSocket, while there is no broker. */
  door: FeedState;
  rest: FeedState;
  /** When the newest message came, by the wall's clock; null: none yet. */
  lastMessageAt: number | null;
};

export function emptyNeighbourhood(timeZone: string): Neighbourhood {
  return {
    timeZone,
    homes: new Map(),
    members: new Map(),
    pvs: new Map(),
    listings: new Map(),
    blocks: new Map(),
    meters: new Map(),
    historian: [],
    heard: new Set(),
    justClosed: new Set(),
    isHistoryRead: false,
    live: "off",
    door: "off",
    rest: "off",
    lastMessageAt: null,
  };
}

export function homeNamed(state: Neighbourhood, name: string): HomeView {
  const known = state.homes.get(name);
  if (known !== undefined) return known;
  const home: HomeView = {
    ...{ name, memberId: null, rest: null, status: "unknown" },
    ...{ devices: new Map(), forecasts: new Map(), offers: new Map(), hours: new Map() },
    traded: new Map(),
    ...{ balance: null, ledger: null, health: null, clocks: [] },
  };
  state.homes.set(name, home);
  return home;
}

/** null: there are more than a neighbourhood has. */
export function memberNamed(state: Neighbourhood, id: string): Member | null {
  const known = state.members.get(id);
  if (known !== undefined) return known;
  if (state.members.size >= MEMBERS_MAX) return null;
  const member: Member = { id, firstName: "", lastName: "", balance: 0, reserved: 0 };
  state.members.set(id, member);
  return member;
}
