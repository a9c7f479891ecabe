// The page's reader against the agents', over anything that they can write: each kind of transaction, at the edges of
// what its fields may be. Neither has code of the other.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainOf } from "../../../../../../agent/core/codec/plain.ts";
import { ACCUSATION_KINDS } from "../../../../../../agent/core/ledger/accusation.ts";
import { BLOCK_BYTES_MAX, VALIDATORS_MAX } from "../../../../../../agent/core/ledger/rules.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
  signTransaction,
  transactionSignBytes,
} from "../../../../../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../../../../../agent/core/result.ts";
import type { CommunityId } from "../../../../../../agent/core/units/ids.ts";
import { BYTES_MAX, bytesOf, hexOf } from "../../../../../../broker/dashboard/page/ledger/bytes.ts";
import { readEntry } from "../../../../../../broker/dashboard/page/ledger/entry.ts";
import { PAYLOADS } from "../../../../../../broker/dashboard/page/ledger/layouts.ts";
import { VOTERS_MAX } from "../../../../../../broker/dashboard/page/ledger/verify.ts";

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const hash = bytes(32).map(hexOf);
const whole = (max: number, min = 0) =>
  fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max), fc.integer({ min, max: min + 30 }));
const safe = whole(Number.MAX_SAFE_INTEGER);
const time = whole(4_000_000_000_000, 1);
const wide = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 0n),
);
const words = (max: number) =>
  fc.oneof(
    fc.string({ maxLength: Math.floor(max / 4), unit: "binary" }),
    fc.constantFrom("", "x".repeat(max), "ü\u0000\ufeff\u202e", "__proto__"),
  );
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const member = fc.constantFrom("a@vt.edu", `${"m".repeat(20)}@example.org`);
const listingId = fc.constantFrom("21Mar18-13:00", "28Oct18-02:00");
const pvId = fc.constantFrom("pv1", "PV-9");
const sequence = whole(0xffff_ffff);
const [energy, price] = [whole(1000), whole(1000, 1)];
const pair = fc.record({ start: safe, end: safe });
const validator = fc.record({ memberId: member, publicKey: bytes(32) });
const certificate = fc.uint8Array({ minLength: 1, maxLength: 2048 });
const names = { firstName: words(64), lastName: words(64) };
const signature = bytes(64);

/** Two of the same form beside what they share. */
function twice(type: string, shared: object, own: object) {
  const one = fc.record({ ...own, signature });
  return fc.record({ type: fc.constant(type), offender: member, ...shared, a: one, b: one });
}

const round = whole(1000);
const accusations = {
  doubleVote: twice(
    "doubleVote",
    { vote: fc.constantFrom("prevote", "precommit"), height: whole(1e9, 1), round },
    { blockId: maybe(hash) },
  ),
  doubleProposal: twice(
    "doubleProposal",
    { height: whole(1e9, 1), round },
    { polRound: whole(1000, -1), blockId: hash, time },
  ),
  doubleReceipt: twice(
    "doubleReceipt",
    { sequence },
    { previous: maybe(hash), from: time, to: time, entriesHash: hash },
  ),
  doublePvOffer: twice(
    "doublePvOffer",
    { listingId, pvId, sequence },
    { energy, reservePrice: price },
  ),
  doubleBuyOffer: twice("doubleBuyOffer", { listingId, sequence }, { energy, bidPrice: price }),
};

const entries = fc.array(fc.record({ offer: bytes(16).map(hexOf), after: whole(0xffff_ffff) }), {
  maxLength: 60,
});
const step = { sequence, listingId };
const payloads: { readonly [K in Payload["type"]]: object } = {
  registerMember: {
    ...{ memberId: member, ...names },
    ...{ certificate: maybe(certificate), balance: maybe(wide) },
  },
  registerPv: { sequence, pvId, owner: member, capacity: price },
  pvOffer: { listingId, pvId, sequence, energy, reservePrice: price },
  buyOffer: { listingId, sequence, energy, bidPrice: price },
  meterReading: {
    ...{ listingId, gridImport: pair, gridExport: pair, production: maybe(pair) },
    quality: fc.constantFrom("measured", "interpolated", "estimated"),
    source: words(96),
  },
  grant: { sequence, memberId: member, amount: wide, reason: words(96) },
  revoke: { sequence, memberId: member, reason: words(96) },
  createListing: step,
  acceptOfferBroadcast: step,
  closeBidding: step,
  receipt: { sequence, previous: maybe(hash), from: time, to: time, entries },
  evidence: { accusation: fc.oneof(...ACCUSATION_KINDS.map((kind) => accusations[kind])) },
  validatorChange: {
    ...{ sequence, add: fc.array(validator, { maxLength: 21 }) },
    remove: fc.array(member, { maxLength: 21 }),
  },
  restart: {
    ...{ sequence, height: whole(Number.MAX_SAFE_INTEGER, 1), blockId: hash },
    validators: fc.array(validator, { maxLength: 21 }),
  },
  bindIdentity: { sequence, memberId: member, certificate },
  changeMember: { sequence, memberId: member, ...names, balance: maybe(wide) },
  removePv: { sequence, pvId },
};

const COMMUNITY = "5c".repeat(32) as CommunityId;

test("there is a story of each kind that the agents know, and no other", () => {
  expect(PAYLOADS.map(([name]) => name)).toEqual(Object.keys(payloads));
});

test("what the page takes for too much is what no ledger can have", () => {
  expect([BYTES_MAX, VOTERS_MAX]).toEqual([BLOCK_BYTES_MAX, VALIDATORS_MAX]);
  expect(bytesOf("00".repeat(BYTES_MAX))).toHaveLength(BYTES_MAX);
  expect(bytesOf("00".repeat(BYTES_MAX + 1))).toBeNull();
});

describe("the page reads what the agents write", () => {
  test.each(Object.keys(payloads) as Payload["type"][])("%s", (type) => {
    const said = fc.record({ type: fc.constant(type), ...payloads[type] });
    fc.assert(
      fc.property(maybe(member), said, signature, (author, payload, signed) => {
        const unsigned = { author, payload } as never;
        const written = encodeTransaction(
          COMMUNITY,
          signTransaction(COMMUNITY, unsigned, () => signed),
        );
        const theirs = mustBeAccepted(decodeTransaction(COMMUNITY, written), "it decodes");
        const ours = readEntry(written);
        const { type: _, ...fields } = theirs.payload;
        expect([ours.type, ours.author, hexOf(ours.signature)]).toEqual([
          ...[type, author, hexOf(signed)],
        ]);
        expect(ours.payload).toEqual(plainOf(fields));
        const community = bytesOf(COMMUNITY) ?? new Uint8Array();
        expect(hexOf(ours.signedBytes(community))).toBe(
          hexOf(transactionSignBytes(COMMUNITY, theirs)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("bytes that the agents refuse as no canonical form are refused by the page, too", () => {
    const unsigned = {
      author: "a@vt.edu",
      payload: { type: "removePv", sequence: 5, pvId: "pv1" },
    };
    const sign = () => new Uint8Array(64);
    const good = encodeTransaction(COMMUNITY, signTransaction(COMMUNITY, unsigned as never, sign));
    let refused = 0;
    for (let at = 0; at < good.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const bad = Uint8Array.from(good);
        bad[at] = (bad[at] ?? 0) ^ (1 << bit);
        const theirs = decodeTransaction(COMMUNITY, bad);
        // Where both read it, it is read as the same; what the page cannot read, the agents do not.
        const ours = attempt(bad);
        if (theirs.ok) expect(ours?.payload).toEqual(withoutType(theirs.value.payload));
        if (ours === null) {
          refused += 1;
          expect(theirs.ok, `bit ${bit} of byte ${at}`).toBe(false);
        }
      }
    }
    expect(refused).toBeGreaterThan(50);
    // 5 written as 24 05: more bytes than it needs.
    const at = good.indexOf(0x05, 20);
    const long = Uint8Array.from([...good.subarray(0, at), 0x18, ...good.subarray(at)]);
    expect(decodeTransaction(COMMUNITY, long).ok).toBe(false);
    expect(attempt(long)).toBeNull();
  });
});

function attempt(written: Uint8Array) {
  try {
    return readEntry(written);
  } catch {
    return null;
  }
}

function withoutType({ type: _, ...fields }: Payload) {
  return plainOf(fields);
}
