// What the loops need of the world. io/ does it for real, test/simulation/ from one seed.
// Every port answers at once or calls back later; none returns a promise, so that the whole agent runs
// deterministically in the simulator and can crash between any two effects.

import type { UnsignedMessage } from "./core/consensus/effect.ts";
import type { Durable } from "./core/consensus/input.ts";
import type { FoundMark, QuarantineReason, SigningMark } from "./core/consensus/quarantine.ts";
import type { Band } from "./core/forecast/band.ts";
import type { Header } from "./core/ledger/block.ts";
import type { BlockReference } from "./core/ledger/blockReference.ts";
import type { LedgerEvent } from "./core/ledger/event.ts";
import type { Rules, Validator } from "./core/ledger/rules.ts";
import type { Fill, LedgerState, Listing, PlacedBid, PlacedOffer } from "./core/ledger/state.ts";
import type { Payload } from "./core/ledger/transaction.ts";
import type { Refusal, RefusedOne, Result } from "./core/result.ts";
import type { Watts, Wh } from "./core/units/energy.ts";
import type { BlockId, CommunityId, ListingId, MemberId, TransactionId } from "./core/units/ids.ts";
import type { MilliTokensPerKwh } from "./core/units/money.ts";
import type { DurationMs, UnixMs } from "./core/units/time.ts";

export type Cancel = () => void;

// ---------------------------------------------------------------------------------------- clock

export type Clock = {
  /** The market's wall clock. May step when NTP corrects it. */
  readonly now: () => UnixMs;
  /** False until NTP agrees: the agent then follows, but neither votes nor offers. */
  readonly isSynchronised: () => boolean;
  /** Never steps; only for timers and back-off. */
  readonly monotonic: () => DurationMs;
  /** Calls once after `delay` of monotonic time. */
  readonly after: (delay: DurationMs, run: () => void) => Cancel;
  /** Calls once when the wall clock reaches `time`, at once if it has passed. */
  readonly at: (time: UnixMs, run: () => void) => Cancel;
  /** Calls at each full minute of the wall clock; beats may be missed or late. */
  readonly everyMinute: (run: () => void) => Cancel;
};

// -------------------------------------------------------------------------------------- network

export type Topic = "transaction" | "consensus";
export type Protocol = "votes" | "blocks" | "transactions" | "snapshot";

/** What a gossiped message deserves: pass it on, drop it, or drop it and punish who sent it. */
export type Reception = "accept" | "ignore" | "reject";

export type NetworkHandlers = {
  /** A gossiped message; `from` is the neighbour that passed it on, not necessarily its author. */
  readonly received: (topic: Topic, message: Uint8Array, from: MemberId) => Reception;
  /** A neighbour asks; null is "no answer". */
  readonly requested: (protocol: Protocol, body: Uint8Array, from: MemberId) => Uint8Array | null;
  /** A certified neighbour is connected. */
  readonly joined: (peer: MemberId) => void;
  readonly left: (peer: MemberId) => void;
  /** The id on the certificate if the CA issued it for this key and it is not revoked, else null. */
  readonly admit: (certificate: Uint8Array, publicKey: Uint8Array) => MemberId | null;
};

export type Network = {
  readonly start: (handlers: NetworkHandlers) => void;
  /** To everyone by gossip, and a consensus message also straight to each connected validator. */
  readonly publish: (topic: Topic, message: Uint8Array) => void;
  /** Calls back once, with null when there is no answer in time. */
  readonly request: (request: NetworkRequest) => void;
  readonly peers: () => readonly MemberId[];
};

export type NetworkRequest = {
  readonly to: MemberId;
  readonly protocol: Protocol;
  readonly body: Uint8Array;
  readonly answered: (reply: Uint8Array | null) => void;
};

// ---------------------------------------------------------------------------------------- store

/** One line of the sign log: for one (height, round, type) there is one, ever. */
export type SignedRecord = {
  readonly height: number;
  readonly round: number;
  readonly type: "proposal" | "prevote" | "precommit";
  readonly signBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: UnsignedMessage;
};

export type CommittedBlock = {
  readonly height: number;
  readonly blockId: BlockId;
  readonly time: UnixMs;
  readonly proposer: MemberId;
  readonly round: number;
  readonly block: Uint8Array;
  readonly certificate: Uint8Array;
  readonly transactions: readonly CommittedTransaction[];
  readonly events: readonly LedgerEvent[];
  readonly stateRoot: string;
  /** The state after this block, now and then, so that a start replays few blocks. */
  readonly checkpoint: Uint8Array | null;
  /** Who voted on the block, canonical bytes: the checkpoint is then a snapshot too, for homes that join. */
  readonly snapshotValidators?: Uint8Array;
};

export type CommittedTransaction = {
  readonly id: TransactionId;
  readonly type: string;
  readonly author: MemberId | null;
  readonly bytes: Uint8Array;
};

export type StoredBlock = Pick<CommittedBlock, "height" | "block" | "certificate">;

/** A block with the state after it, and who voted on it. */
export type StoredSnapshot = StoredBlock & {
  readonly validators: Uint8Array;
  readonly state: Uint8Array;
};

/** A transaction of our own that is not on the ledger yet. */
export type OwnTransaction = { readonly id: TransactionId; readonly bytes: Uint8Array };

/** Counters at a full minute, Wh; null where no device could say. */
export type RegisterSample = {
  readonly at: UnixMs;
  readonly produced: Wh | null;
  readonly imported: Wh | null;
  readonly exported: Wh | null;
};

/** Every method returns when its data is on the disk, or throws a StoreError. */
export type Store = {
  /** The newest checkpoint; replay the blocks above it. */
  readonly checkpoint: () => { readonly height: number; readonly state: Uint8Array } | null;
  readonly blocks: (from: number, count: number) => readonly StoredBlock[];
  readonly commit: (block: CommittedBlock) => void;

  /** The last two, and the one with which the ledger begins if it has no first block; newest first. */
  readonly snapshots: () => readonly BlockReference[];
  /** null: not kept (any more). */
  readonly snapshot: (height: number) => StoredSnapshot | null;
  /**
   * Begins an empty ledger with a snapshot: its block, its state as checkpoint, as events what the state
   * says, and the transactions that it names (`named`), those of its own block or earlier. All of it or
   * nothing.
   */
  readonly install: (block: CommittedBlock, named: readonly TransactionId[]) => void;

  readonly durable: () => Durable | null;
  readonly signed: (height: number) => readonly SignedRecord[];
  /** The signed message and the state it belongs to, in one transaction. */
  readonly saveSigned: (durable: Durable, record: SignedRecord) => void;

  /** The newest restart that this home was given, in its bytes. */
  readonly restart: () => Uint8Array | null;
  /** Keeps it, and in the same transaction forgets what was signed above `height`, for another chain. */
  readonly saveRestart: (restart: Uint8Array, height: number) => void;

  readonly ownTransactions: () => readonly OwnTransaction[];
  readonly saveOwnTransaction: (transaction: OwnTransaction) => void;
  readonly dropOwnTransactions: (ids: readonly TransactionId[]) => void;

  readonly samples: (from: UnixMs, to: UnixMs) => readonly RegisterSample[];
  readonly saveSamples: (samples: readonly RegisterSample[]) => void;
};

// --------------------------------------------------------------------------------------- signer

/** A card: who signs and with what. The key stays behind it. */
export type Signer = {
  readonly memberId: MemberId;
  readonly publicKey: Uint8Array;
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
};

/** How far the card may have signed: kept beside its key, so that it outlives the database. */
export type SigningMarkFile = {
  readonly read: () => FoundMark;
  /** On the disk when it returns; throws what the disk says. */
  readonly write: (mark: SigningMark) => void;
};

// -------------------------------------------------------------------------------------- devices

export type DeviceRefusal = Refusal<
  /** No answer, or none in time: asleep, unplugged, or the network. */
  | "unreachable"
  /** It answered with an error of its own; `detail` says which. */
  | "deviceError"
  /** It answered something that is not its protocol. */
  | "unintelligible"
  /** The interface is switched off in the device's menu. */
  | "disabled"
>;

/** Power in W, counters in Wh since installation. null: the device did not say; never 0 instead. */
export type DeviceReading =
  | {
      readonly kind: "inverter";
      /** Make, model and serial number as far as known. */
      readonly source: string;
      readonly state: "producing" | "asleep" | "starting" | "fault" | "unknown";
      /** AC power, positive is production. */
      readonly power: Watts | null;
      readonly produced: Wh | null;
      readonly deviceTime: UnixMs | null;
    }
  | {
      readonly kind: "meter";
      readonly source: string;
      /** At the grid connection, positive is import. */
      readonly power: Watts | null;
      readonly imported: Wh | null;
      readonly exported: Wh | null;
      readonly deviceTime: UnixMs | null;
    };

export type Device = {
  /** As configured: "inverter roof" */
  readonly name: string;
  readonly kind: DeviceReading["kind"];
  /** Calls back once; never while an earlier read is under way. */
  readonly read: (done: (outcome: Result<DeviceReading, DeviceRefusal>) => void) => void;
};

// ------------------------------------------------------------------------------------ publisher

/** What people and dashboards are told. Numbers in ledger units; doors convert. */
export type AgentEvent =
  | {
      readonly type: "started";
      readonly home: MemberId;
      readonly height: number;
      readonly stateRoot: string;
    }
  | {
      readonly type: "block";
      readonly height: number;
      readonly round: number;
      readonly time: UnixMs;
      readonly blockId: BlockId;
      readonly stateRoot: string;
      readonly transactions: number;
    }
  | { readonly type: "ledger"; readonly height: number; readonly event: LedgerEvent }
  | {
      readonly type: "reading";
      readonly device: string;
      readonly at: UnixMs;
      readonly reading: DeviceReading;
    }
  | { readonly type: "device"; readonly device: string; readonly refusal: DeviceRefusal | null }
  | {
      readonly type: "forecast";
      readonly listingId: ListingId;
      readonly production: Wh | null;
      readonly consumption: Wh | null;
      /** Each is in it with four chances of five; left out: not known. */
      readonly productionBand?: Band;
      readonly consumptionBand?: Band;
    }
  | {
      readonly type: "decision";
      readonly listingId: ListingId;
      readonly action: "sell" | "buy" | "none";
      readonly energy: Wh;
      /** Reserve or bid; null: action none. */
      readonly price: MilliTokensPerKwh | null;
      readonly reason: string;
    }
  | { readonly type: "refused"; readonly transactionId: TransactionId; readonly refusal: Refusal }
  | { readonly type: "peers"; readonly peers: readonly MemberId[] }
  /** The card signs nothing in the agreement, for now or for good; `text` says why and what to do. */
  | {
      readonly type: "quarantined";
      readonly reason: QuarantineReason;
      readonly isForGood: boolean;
      readonly text: string;
    }
  /** The card signs again, from this height on. */
  | { readonly type: "released"; readonly height: number }
  /** The database was damaged: it is kept under another name, and the ledger fetched again. */
  | { readonly type: "ledgerSetAside"; readonly keptAs: string }
  | { readonly type: "halted"; readonly reason: string };

export type Publisher = { readonly publish: (event: AgentEvent) => void };

// ----------------------------------------------------------------------------------------- door

type Unnumbered<P> = P extends { readonly sequence: number } ? Omit<P, "sequence"> : P;

/**
 * What a person wants said: a payload that has no number yet. Not what the agreement's cards and the CA say,
 * which number it themselves.
 */
export type Intent = Unnumbered<
  Exclude<Payload, { readonly type: "receipt" | "grant" | "validatorChange" | "restart" }>
>;

/** What a door (REST, a page, the command line) may see and ask of a running agent. */
export type AgentDoor = {
  readonly rules: Rules;
  /** Whose home it is. */
  readonly self: MemberId;
  /** The newest committed state. */
  readonly ledger: () => LedgerState;
  /** The market's time. */
  readonly now: () => UnixMs;
  /**
   * Numbers, signs as `signer`, stores, says. Calls `done` once: on the ledger, or refused for good; and
   * before that `signed`, each time that it is under way under an id. The same offer or bid again, while the
   * first is under way, is the first.
   */
  readonly submit: (
    intent: Intent,
    signer: Signer,
    done: (outcome: Result<TransactionId, Refusal>) => void,
    signed?: (id: TransactionId) => void,
  ) => void;
  /**
   * The first of these that the ledger at hand would refuse of `author`, each tried on top of those before it;
   * null: it would take them all. Signs nothing.
   */
  readonly firstRefused: (intents: readonly Intent[], author: MemberId) => RefusedOne | null;
  readonly history: LedgerHistory;
  /** Neighbours that are connected. */
  readonly peers: () => readonly MemberId[];
  /** Whether the ledger at hand is the community's newest, as far as can be known; see caughtUp.ts. */
  readonly isCaughtUp: () => boolean;
};

/** A transaction on the ledger. */
export type HistoryEntry = {
  readonly id: TransactionId;
  /** null: the CA. */
  readonly author: MemberId | null;
  readonly payload: Payload;
  readonly height: number;
  /** Of its block. */
  readonly time: UnixMs;
};

/** `time`: of the block that has its transaction. */
export type Timed<T> = T & { readonly time: UnixMs };

export type ListingRecord = Pick<
  Listing,
  "listingId" | "deliveryStart" | "state" | "mcp" | "resultHash"
>;

export type HistoryQuery = {
  /** null: all. */
  readonly types: ReadonlySet<Payload["type"]> | null;
  readonly count: number;
  /** Of the newest blocks no more are looked at. */
  readonly blocksMax: number;
};

/** What the ledger's state does not hold (any more). Every method reads whole blocks, or throws a StoreError. */
export type LedgerHistory = {
  /** The newest delivery hours first. */
  readonly listings: (count: number) => readonly ListingRecord[];
  readonly listing: (id: ListingId) => ListingRecord | null;
  /** The live ones, cancelled ones (0 Wh) included, by stamp, without one by the time of their block. */
  readonly pvOffers: (id: ListingId) => readonly Timed<PlacedOffer>[];
  readonly buyOffers: (id: ListingId) => readonly Timed<PlacedBid>[];
  /** In the order in which they were made. */
  readonly fills: (id: ListingId) => readonly Fill[];
  /** The newest first; `isWhole` is false if it stopped at `blocksMax` and there are older blocks. */
  readonly transactions: (query: HistoryQuery) => {
    readonly entries: readonly HistoryEntry[];
    readonly isWhole: boolean;
  };
  /** null: the ledger here has none of this id. */
  readonly transaction: (id: TransactionId) => HistoryEntry | null;
  readonly archive: LedgerArchive;
};

/** Who votes on a block, and what for: not the community's id but its last restart's (restart.ts), if there was one. */
export type Voters = {
  readonly validators: readonly Validator[];
  readonly chain: CommunityId;
  /** The restart that `chain` follows from; null: there was none, or it is not in this ledger. */
  readonly restart: TransactionId | null;
};

/** A card that signed twice, as a block says. */
export type EvidenceRecord = Omit<Extract<LedgerEvent, { readonly type: "evidence" }>, "type">;

/** Blocks as they were agreed on, and what somebody needs who checks them. Throws as LedgerHistory. */
export type LedgerArchive = {
  /** The first block here and the last one; both 0: there is none. */
  readonly span: () => { readonly first: number; readonly last: number };
  /** Those of from..from+count-1 that are here, ascending. */
  readonly blocks: (from: number, count: number) => readonly StoredBlock[];
  /** null: a ledger that begins with a snapshot cannot tell. */
  readonly votersOf: (header: Header) => Voters | null;
  /** `position` counts from 0. */
  readonly placeOf: (
    id: TransactionId,
  ) => { readonly height: number; readonly position: number } | null;
  /** Certificates, X.509 DER, that the member was given, the last first: as far as this ledger has them. */
  readonly cards: (member: MemberId) => readonly Uint8Array[];
  /** The newest first. */
  readonly evidence: (count: number) => readonly EvidenceRecord[];
};

// ------------------------------------------------------------------------------------------ log

export type Facts = { readonly [name: string]: unknown };

/** Constant message, facts as fields. `error`: a person must act; `warn`: we recovered. */
export type Log = {
  readonly debug: (message: string, facts?: Facts) => void;
  readonly info: (message: string, facts?: Facts) => void;
  readonly warn: (message: string, facts?: Facts) => void;
  readonly error: (message: string, facts?: Facts) => void;
};

export type Ports = {
  readonly clock: Clock;
  readonly network: Network;
  readonly store: Store;
  readonly signer: Signer;
  /** Without it a lost database is not noticed: only where there is no card's folder, as in tests. */
  readonly mark?: SigningMarkFile;
  readonly devices: readonly Device[];
  readonly publisher: Publisher;
  readonly log: Log;
  /** For the doors; without it they find nothing. */
  readonly history?: LedgerHistory;
};
