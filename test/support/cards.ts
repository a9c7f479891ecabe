// Cards of a CA made for one test file.

import { memberId } from "../../agent/core/units/ids.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";
import type { Ca } from "../../agent/io/ca.ts";
import { createCa, issueCertificate } from "../../agent/io/ca.ts";
import { type CardContents, createKey, publicKeyOf } from "../../agent/io/keys.ts";

export const CARDS_AT: UnixMs = unixMs(Date.UTC(2026, 2, 21));

export function testCa(): Promise<Ca> {
  return createCa({ name: "Neighbourhood CA", at: CARDS_AT });
}

/** A complete card of a new key; its network is pv-auction. */
export async function testCard(
  ca: Ca,
  member: string,
  notBefore: UnixMs = CARDS_AT,
): Promise<CardContents> {
  const privateKey = createKey();
  const certificate = await issueCertificate(ca, {
    memberId: memberId(member),
    publicKey: publicKeyOf(privateKey),
    firstName: "Ada",
    lastName: "Lovelace",
    notBefore,
    notAfter: unixMs(notBefore + 86_400_000),
  });
  return {
    metadata: { version: 1, userName: member, businessNetwork: "pv-auction" },
    connection: { name: "pv-auction", "x-type": "pvtrading" },
    certificate,
    privateKey,
  };
}
