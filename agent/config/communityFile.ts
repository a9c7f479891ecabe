// The community's file, in people's units: the rules that every home must share, and where to find the others.
// The rules' hash is the community's id; `bootstrap` is no rule and may differ from home to home.

import { z } from "zod";
import { hexToBytes } from "../core/codec/hex.ts";
import {
  DEFAULT_AGREEMENT,
  DEFAULT_STAMP_BUCKET,
  ENERGY_MAX,
  PAPER_TIMELINE,
  type Rules,
  VALIDATORS_MAX,
} from "../core/ledger/rules.ts";
import type { Wh } from "../core/units/energy.ts";
import { PRICE_MAX } from "../core/units/money.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../core/units/time.ts";
import {
  address,
  flag,
  kwh,
  line,
  list,
  memberId,
  price,
  publicKey,
  seconds,
  table,
  timeZone,
  tokens,
  whole,
  words,
} from "./fields.ts";

/** Any sum of 10 000 members' initial balances stays far below 64 bits. */
const INITIAL_BALANCE_MAX = 1_000_000 * 1_000_000;
const BOOTSTRAP_MAX = 32;

const validator = table("A member whose agent votes", {
  memberId: memberId("Its id"),
  publicKey: publicKey("Its card's key"),
});

const timeline = table("The listing's hour; every offset counts from the delivery hour X", {
  openBeforeSeconds: seconds("The listing opens this long before X", {
    min: 2 * MINUTE_MS,
    max: 48 * HOUR_MS,
  }).default(PAPER_TIMELINE.openBefore),
  cutoffBeforeSeconds: seconds("Offers count until this long before X", {
    min: SECOND_MS,
    max: HOUR_MS,
  }).default(PAPER_TIMELINE.cutoffBefore),
  receiptsWithinSeconds: seconds("Receipts reach the validators this long after the cut-off", {
    min: 1,
    max: 10 * MINUTE_MS,
  }).default(PAPER_TIMELINE.receiptsWithin),
  sealAfterSeconds: seconds("The listing is closed no earlier than this after the cut-off", {
    min: 1,
    max: 20 * MINUTE_MS,
  }).default(PAPER_TIMELINE.sealAfter),
  closeWithinSeconds: seconds("Not closed by this long after X, the listing is void", {
    min: 0,
    max: 10 * MINUTE_MS,
  }).default(PAPER_TIMELINE.closeWithin),
  readingsWithinSeconds: seconds("Meter readings are taken this long after the hour's end", {
    min: MINUTE_MS,
    max: 72 * HOUR_MS,
  }).default(PAPER_TIMELINE.readingsWithin),
})
  .refine((hour) => hour.cutoffBeforeSeconds < hour.openBeforeSeconds, {
    path: ["cutoffBeforeSeconds"],
    error: "less than openBeforeSeconds: the cut-off comes after the opening",
  })
  .refine((hour) => hour.receiptsWithinSeconds <= hour.sealAfterSeconds, {
    path: ["receiptsWithinSeconds"],
    error: "at most sealAfterSeconds: the seal waits for the receipts",
  })
  .refine((hour) => hour.sealAfterSeconds < hour.cutoffBeforeSeconds + hour.closeWithinSeconds, {
    path: ["sealAfterSeconds"],
    error: "less than cutoffBeforeSeconds + closeWithinSeconds: else every listing is void",
  });

const upTo = (min: number, max: number) => ({ min, max });

const agreement = table("Time-outs of the agreement and bounds of the clocks", {
  proposeSeconds: seconds("Wait for a proposal", upTo(1, HOUR_MS)).default(
    DEFAULT_AGREEMENT.propose,
  ),
  prevoteSeconds: seconds("Wait for late prevotes", upTo(1, HOUR_MS)).default(
    DEFAULT_AGREEMENT.prevote,
  ),
  precommitSeconds: seconds("Wait for late precommits", upTo(1, HOUR_MS)).default(
    DEFAULT_AGREEMENT.precommit,
  ),
  perRoundSeconds: seconds("Added to each wait per further round", upTo(1, HOUR_MS)).default(
    DEFAULT_AGREEMENT.perRound,
  ),
  pauseSeconds: seconds("Pause after a block", upTo(0, MINUTE_MS)).default(DEFAULT_AGREEMENT.pause),
  precisionSeconds: seconds(
    "Honest clocks differ by at most this",
    upTo(1, 10 * MINUTE_MS),
  ).default(DEFAULT_AGREEMENT.precision),
  messageDelaySeconds: seconds("A proposal travels at most this long", upTo(1, HOUR_MS)).default(
    DEFAULT_AGREEMENT.messageDelay,
  ),
});

const validators = list("The validators", validator, VALIDATORS_MAX)
  .min(1, { error: `a list of 1 to ${VALIDATORS_MAX}` })
  .refine((all) => new Set(all.map((one) => one.memberId)).size === all.length, {
    error: "each member once",
    abort: true,
  })
  .refine((all) => new Set(all.map((one) => one.publicKey)).size === all.length, {
    error: "each key once: a card votes for one member",
  });

export const communityFile = table("A community: one market and one ledger", {
  $schema: z.string().optional(),
  version: z.literal(1, { error: "1" }).describe("Version of this file's form: 1"),
  name: line("The community's name", 64),
  timeZone: timeZone("Listing ids are written in it"),
  schedule: words("Who opens and closes listings: block time, or the administrator", [
    "hourly",
    "manual",
  ]).default("hourly"),
  timeline: timeline.prefault({}),
  agreement: agreement.prefault({}),
  stampBucketSeconds: seconds(
    "Offers received within such a span are equally early; 0.001 is the paper's letter",
    upTo(1, MINUTE_MS),
  ).default(DEFAULT_STAMP_BUCKET),
  mechanism: words("How a listing is cleared", ["paper-average"]).default("paper-average"),
  guard: flag("Buyers below the clearing price do not trade; false is the paper's letter").default(
    true,
  ),
  initialBalance: tokens("What a new member starts with", upTo(0, INITIAL_BALANCE_MAX)).default(
    () => 200_000_000n as Rules["initialBalance"],
  ),
  bidMaxKwh: kwh("The most a member may bid for in an hour", upTo(1, ENERGY_MAX)),
  // Watts for one hour are as many watt-hours: the ledger's rule caps an offer.
  pvCapacityMaxW: whole("The largest PV that may join", upTo(1, ENERGY_MAX), "W").transform(
    (value) => value as Wh,
  ),
  priceMax: price("No offer or bid may be above it", upTo(1, PRICE_MAX)),
  membersMax: whole("The most members", upTo(1, 10_000)).default(1000),
  pvsPerMemberMax: whole("The most PVs of one member", upTo(1, 16)).default(4),
  caPublicKey: publicKey("The key of the CA that issues the cards"),
  administrator: validator
    .nullable()
    .default(null)
    .describe("The card that does the system's steps in a manual community"),
  validators,
  bootstrap: list("Addresses to dial first", address("An address"), BOOTSTRAP_MAX).default([]),
}).refine((file) => file.schedule !== "manual" || file.administrator !== null, {
  path: ["administrator"],
  error: "a memberId and a publicKey, for with schedule: manual somebody must close the bidding",
  // Also when other fields are wrong: all errors at once.
  when: ({ value }) => z.looseObject({ schedule: z.string() }).safeParse(value).success,
});

/** What a community's file may hold before it is read. */
export type CommunityFileInput = z.input<typeof communityFile>;

/** Rules as the ledger wants them: validators sorted by id. */
export function toRules(file: z.output<typeof communityFile>): Rules {
  const { timeline, agreement } = file;
  const toValidator = (one: z.output<typeof validator>) => ({
    memberId: one.memberId,
    publicKey: hexToBytes(one.publicKey),
  });
  return {
    name: file.name,
    timeZone: file.timeZone,
    schedule: file.schedule,
    timeline: {
      openBefore: timeline.openBeforeSeconds,
      cutoffBefore: timeline.cutoffBeforeSeconds,
      receiptsWithin: timeline.receiptsWithinSeconds,
      sealAfter: timeline.sealAfterSeconds,
      closeWithin: timeline.closeWithinSeconds,
      readingsWithin: timeline.readingsWithinSeconds,
    },
    agreement: {
      propose: agreement.proposeSeconds,
      prevote: agreement.prevoteSeconds,
      precommit: agreement.precommitSeconds,
      perRound: agreement.perRoundSeconds,
      pause: agreement.pauseSeconds,
      precision: agreement.precisionSeconds,
      messageDelay: agreement.messageDelaySeconds,
    },
    stampBucket: file.stampBucketSeconds,
    mechanism: file.mechanism,
    guard: file.guard,
    initialBalance: file.initialBalance,
    bidMax: file.bidMaxKwh,
    pvCapacityMax: file.pvCapacityMaxW,
    priceMax: file.priceMax,
    membersMax: file.membersMax,
    pvsPerMemberMax: file.pvsPerMemberMax,
    caPublicKey: hexToBytes(file.caPublicKey),
    administrator: file.administrator === null ? null : toValidator(file.administrator),
    validators: file.validators.map(toValidator).sort((a, b) => (a.memberId < b.memberId ? -1 : 1)),
  };
}
