import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { checkCertificate } from "../../../../agent/core/consensus/certificate.ts";
import { type Certificate, voteSignBytes } from "../../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import type { BlockId, CommunityId } from "../../../../agent/core/units/ids.ts";
import { id } from "./harness.ts";

const chain = "11".repeat(32) as CommunityId;
const blockId = "22".repeat(32) as BlockId;

const cards = new Map(
  [..."abcdefz"].map((letter) => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    return [letter, { memberId: id(letter), publicKey: new Uint8Array(raw), privateKey }] as const;
  }),
);

function context(letters: string) {
  const validators = [...letters].map((letter) => cards.get(letter)!);
  return { community: chain, validators, verifier: new Verifier() };
}

function certificate(signers: string, over: Partial<Certificate> = {}): Certificate {
  const subject = { height: 7, round: 2, blockId, ...over };
  const message = voteSignBytes(chain, { vote: "precommit", ...subject });
  const signatures = [...signers].map((letter) => {
    const card = cards.get(letter)!;
    return {
      validator: card.memberId,
      signature: new Uint8Array(sign(null, message, card.privateKey)),
    };
  });
  return { height: 7, round: 2, blockId, signatures };
}

describe("four validators", () => {
  test("three of them suffice, and all four", () => {
    expect(checkCertificate(certificate("abd"), context("abcd")).ok).toBe(true);
    expect(checkCertificate(certificate("abcd"), context("abcd")).ok).toBe(true);
  });

  test("two do not, nor none", () => {
    // 3 x 2 = 6 is not > 8; 3 x 3 = 9 is
    const refusal = { code: "notEnough", have: 2, need: 3 };
    expect(checkCertificate(certificate("ad"), context("abcd"))).toEqual({ ok: false, refusal });
    expect(checkCertificate(certificate(""), context("abcd")).ok).toBe(false);
  });

  test("a stranger's signature is refused even where the others suffice", () => {
    const refusal = { code: "notAMember", validator: "z@vt.edu" };
    expect(checkCertificate(certificate("abcz"), context("abcd"))).toEqual({ ok: false, refusal });
  });

  test("nobody counts twice", () => {
    const refusal = { code: "duplicateSigner", validator: "b@vt.edu" };
    expect(checkCertificate(certificate("abb"), context("abcd"))).toEqual({ ok: false, refusal });
    expect(checkCertificate(certificate("babc"), context("abcd"))).toEqual({
      ok: false,
      refusal: { code: "notSorted", validator: "a@vt.edu" },
    });
    expect(checkCertificate(certificate("abcb"), context("abcd"))).toEqual({ ok: false, refusal });
  });

  test("there is one order", () => {
    const refusal = { code: "notSorted", validator: "b@vt.edu" };
    expect(checkCertificate(certificate("acb"), context("abcd"))).toEqual({ ok: false, refusal });
  });

  test("a signature for anything else is none", () => {
    const refusal = { code: "badSignature", validator: "a@vt.edu" };
    for (const over of [{ height: 8 }, { round: 1 }, { blockId: "33".repeat(32) as BlockId }]) {
      const found = checkCertificate(certificate("abc", over), context("abcd"));
      expect(found).toEqual({ ok: false, refusal });
    }
    const elsewhere = { ...context("abcd"), community: "44".repeat(32) as CommunityId };
    expect(checkCertificate(certificate("abc"), elsewhere)).toEqual({ ok: false, refusal });
  });

  test("prevotes are no precommits", () => {
    const message = voteSignBytes(chain, { vote: "prevote", height: 7, round: 2, blockId });
    const good = certificate("abc");
    const last = sign(null, message, cards.get("c")!.privateKey);
    const signatures = [...good.signatures.slice(0, 2), { validator: id("c"), signature: last }];
    expect(checkCertificate({ ...good, signatures }, context("abcd"))).toEqual({
      ok: false,
      refusal: { code: "badSignature", validator: "c@vt.edu" },
    });
  });
});

test("six validators need five: four are exactly two thirds", () => {
  const refusal = { code: "notEnough", have: 4, need: 5 };
  expect(checkCertificate(certificate("abcd"), context("abcdef"))).toEqual({ ok: false, refusal });
  expect(checkCertificate(certificate("abcde"), context("abcdef")).ok).toBe(true);
});
