import { crc32, deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { encodeCertificate } from "../../../../agent/core/consensus/message.ts";
import { encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { encodeRules } from "../../../../agent/core/ledger/rules.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { blockPacking, hasItsCheck } from "../../../../agent/io/store/blockBytes.ts";
import { certificateFor } from "../../../support/certificate.ts";
import { kwh, makeRules, perKwh, registration, say, TestChain } from "../../../support/ledger.ts";

const VALIDATORS = ["ann@vt.edu", "ben@vt.edu", "cyd@vt.edu", "dot@vt.edu"];
const HOMES = ["ann@vt.edu", "buyer1@vt.edu", "buyer2@vt.edu"];

function traded() {
  const chain = new TestChain(makeRules({ validators: VALIDATORS }));
  chain.add("2018-03-21T16:10:00Z", ...HOMES.map((name) => [name, registration(name)] as const));
  const bid = say.buyOffer("21Mar18-13:00", { energy: kwh(1), price: perKwh(3) });
  chain.add("2018-03-21T16:11:00Z", ...HOMES.map((name) => [name, bid] as const));
  const blocks = chain.blocks.map(encodeBlock);
  const certificates = chain.blocks.map(({ header }) =>
    encodeCertificate(certificateFor(chain.rules, header.height, chain.last.blockId)),
  );
  const { height } = chain.state;
  const certificate = encodeCertificate(certificateFor(chain.rules, height, chain.last.blockId));
  const [first, last] = [blocks[0] as Uint8Array, blocks.at(-1) as Uint8Array];
  return { rules: encodeRules(chain.rules), blocks, certificates, certificate, first, last };
}

const { rules, blocks, certificate, certificates, first, last } = traded();
const packing = blockPacking(rules);

it("gives a block and its certificate back to the byte, and smaller", () => {
  for (const block of blocks) {
    expect(packing.unpack(packing.pack(block))).toEqual({ ok: true, value: block });
  }
  const packed = packing.packCertificate(certificate, last);
  expect(packing.unpackCertificate(packed, last)).toEqual({ ok: true, value: certificate });
  // Four signatures of 64 bytes; form, round, count and check are 11. The rest is who signed.
  expect(packed.length).toBeLessThan(4 * 64 + 11 + 12);
  // Three bids: of each little but its signature is left.
  expect(packing.pack(last).length).toBeLessThan(last.length - 200);
});

it("gives back whatever it was given, be it no block, or another one's certificate", () => {
  const strange = [
    new Uint8Array(),
    Uint8Array.of(0),
    new Uint8Array(5000).fill(7),
    last.slice(0, -1),
    ...certificates,
  ];
  for (const bytes of strange) {
    expect(packing.unpack(packing.pack(bytes))).toEqual({ ok: true, value: bytes });
    const beside = packing.packCertificate(bytes, first);
    expect(packing.unpackCertificate(beside, first)).toEqual({ ok: true, value: bytes });
  }
  const bare = blockPacking(new Uint8Array());
  expect(bare.unpack(bare.pack(last))).toEqual({ ok: true, value: last });
});

it("notices each flipped bit, even where it would change nothing", () => {
  for (const packed of [packing.pack(last), packing.packCertificate(certificate, last)]) {
    expect(hasItsCheck(packed)).toBe(true);
    for (let bit = 0; bit < 8 * packed.length; bit += 1) {
      const flipped = packed.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(hasItsCheck(flipped)).toBe(false);
    }
    const problem = "its check value does not fit: it was changed";
    expect(packing.unpack(packed.slice(1))).toMatchObject({ ok: false, refusal: { problem } });
  }
});

it("refuses what is forged with its check: other forms, missing signatures, a bomb, strange names", () => {
  const forged = (...parts: readonly (Uint8Array | readonly number[])[]) => {
    const body = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return new Uint8Array(Buffer.concat([body, check]));
  };
  const bomb = deflateRawSync(new Uint8Array(1_000_000));
  const problem = "it cannot be unpacked";
  for (const packed of [
    forged([2]),
    forged([1, 0, 9]),
    forged([1, 0, 0], [0xff, 0xff]),
    forged([0], bomb),
    forged([1, 0, 0], bomb),
  ]) {
    expect(packing.unpack(packed)).toMatchObject({ ok: false, refusal: { problem } });
  }
  const bare = blockPacking(new Uint8Array());
  const names = (text: string) => deflateRawSync(new TextEncoder().encode(text));
  const one = new Uint8Array(64);
  for (const packed of [
    forged([1, 0, 0, 0, 0, 0, 1], one, names("no address")),
    forged([1, 0xff, 0, 0, 0, 0, 1], one, names(memberId("ann@vt.edu"))),
    forged([1, 0, 0, 0, 0, 0, 2], one, names(memberId("ann@vt.edu"))),
  ]) {
    expect(bare.unpackCertificate(packed, last)).toMatchObject({ ok: false, refusal: { problem } });
  }
});
