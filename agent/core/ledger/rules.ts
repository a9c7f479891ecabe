// The community's rules: what every home must agree on before it can agree on anything else.
// Their hash is the community's id; everything signed carries it.

import {
  array,
  boolean,
  bytes,
  decode,
  encode,
  int64,
  integer,
  type Malformed,
  nullable,
  oneOf,
  type Shape,
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import type { Result } from "../result.ts";
import type { Wh } from "../units/energy.ts";
import { type CommunityId, isMemberId, MEMBER_ID_MAX, type MemberId } from "../units/ids.ts";
import { type MicroTokens, type MilliTokensPerKwh, PRICE_MAX } from "../units/money.ts";
import { type DurationMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "../units/time.ts";

/** More validators than this can be stalled into VOID hours (docs/decisions/0003-agreement.md). */
export const VALIDATORS_MAX = 21;

/** A block never has more bytes: gossip and the direct streams carry it whole. */
export const BLOCK_BYTES_MAX = 131_072;

/** A transaction never has more bytes; the largest is a registration with its certificate. */
export const TRANSACTION_BYTES_MAX = 4096;

/** 1 MWh in an hour is more than any home trades. */
export const ENERGY_MAX = 1_000_000;

const duration = (min: number, max: number): Shape<DurationMs> => integer<DurationMs>(min, max);

export const validatorShape = struct({
  memberId: text<MemberId>(MEMBER_ID_MAX, isMemberId),
  publicKey: bytes(32),
});

/** Offsets from the start of the delivery hour X. */
const timelineShape = struct({
  /** The listing opens this long before X. */
  openBefore: duration(2 * MINUTE_MS, 48 * HOUR_MS),
  /** Offers with a stamp from this long before X on do not count. */
  cutoffBefore: duration(SECOND_MS, HOUR_MS),
  /** By this long after the cut-off receipts have reached the validators: blocks from then on seal. */
  receiptsWithin: duration(1, 10 * MINUTE_MS),
  /** The bidding is closed this long after the cut-off at the earliest. */
  sealAfter: duration(1, 20 * MINUTE_MS),
  /** Not closed by this long after X: VOID. */
  closeWithin: duration(0, 10 * MINUTE_MS),
  /** Meter readings are taken until this long after the end of the delivery hour. */
  readingsWithin: duration(MINUTE_MS, 72 * HOUR_MS),
});

/** Timeouts and clock bounds of the agreement, in milliseconds (reference: CometBFT's defaults). */
const agreementShape = struct({
  propose: duration(1, HOUR_MS),
  prevote: duration(1, HOUR_MS),
  precommit: duration(1, HOUR_MS),
  /** Added to each of the three for every further round. */
  perRound: duration(1, HOUR_MS),
  /** Pause after a commit, so that a block gathers what arrives together. */
  pause: duration(0, MINUTE_MS),
  /** How far honest clocks are apart at most, market time. */
  precision: duration(1, 10 * MINUTE_MS),
  /** How long a proposal travels at most in round 0, market time; grows by a tenth each round. */
  messageDelay: duration(1, HOUR_MS),
});

export const rulesShape = struct({
  name: text(64),
  /** IANA name; listing ids are written in it. */
  timeZone: text(64),
  schedule: oneOf(["hourly", "manual"]),
  timeline: timelineShape,
  agreement: agreementShape,
  /** Stamps in one such span count as equal: clocks are no finer. 1 is the strict letter of the paper. */
  stampBucket: duration(1, MINUTE_MS),
  mechanism: oneOf(["paper-average"]),
  /** Buyers below the MCP do not trade; off reproduces the letter of the paper. */
  guard: boolean,
  initialBalance: int64<MicroTokens>(),
  /** Connection size: the most a member may bid for in an hour. */
  bidMax: integer<Wh>(1, ENERGY_MAX),
  /** The most a PV may be registered with, W (and so Wh in an hour). */
  pvCapacityMax: integer<Wh>(1, ENERGY_MAX),
  priceMax: integer<MilliTokensPerKwh>(1, PRICE_MAX),
  membersMax: integer(1, 10_000),
  pvsPerMemberMax: integer(1, 16),
  caPublicKey: bytes(32),
  /** The card that does the system's steps in a manual community. */
  administrator: nullable(validatorShape),
  /** Sorted by member id, each once. */
  validators: array(validatorShape, VALIDATORS_MAX),
});

export type Rules = ShapeOf<typeof rulesShape>;
export type Validator = ShapeOf<typeof validatorShape>;

/** A full set of validators has some 4 kB. */
export const RULES_BYTES_MAX = 16_384;

/** The rules' canonical bytes, whose SHA-256 is the community's id. */
export function encodeRules(rules: Rules): Uint8Array {
  return encode(rulesShape, rules);
}

/** Reads rules; whether they are the community's shows their hash. */
export function decodeRules(encoded: Uint8Array): Result<Rules, Malformed> {
  return decode(rulesShape, encoded, RULES_BYTES_MAX);
}

/** Rules never change, and everything that is checked asks for their id. */
const ids = new WeakMap<Rules, CommunityId>();

/** SHA-256 of the rules' canonical bytes. */
export function communityId(rules: Rules): CommunityId {
  const known = ids.get(rules);
  if (known !== undefined) return known;
  const id = sha256Hex(encodeRules(rules)) as CommunityId;
  ids.set(rules, id);
  return id;
}

/** The paper's hour: open at X-59 min, cut off at X-1 min, sealed 15 s later, readings until X+1 h 15 min. */
export const PAPER_TIMELINE: Rules["timeline"] = {
  openBefore: (59 * MINUTE_MS) as DurationMs,
  cutoffBefore: MINUTE_MS,
  receiptsWithin: (5 * SECOND_MS) as DurationMs,
  sealAfter: (15 * SECOND_MS) as DurationMs,
  closeWithin: 0 as DurationMs,
  readingsWithin: (15 * MINUTE_MS) as DurationMs,
};

/** Half of what NTP promises a Pi: a home 3 ms nearer earns nothing by it. */
export const DEFAULT_STAMP_BUCKET = 500 as DurationMs;

/** CometBFT's timeouts, and clock bounds for Pis that NTP keeps within a second. */
export const DEFAULT_AGREEMENT: Rules["agreement"] = {
  propose: (3 * SECOND_MS) as DurationMs,
  prevote: SECOND_MS,
  precommit: SECOND_MS,
  perRound: 500 as DurationMs,
  pause: SECOND_MS,
  precision: SECOND_MS,
  messageDelay: (4 * SECOND_MS) as DurationMs,
};
