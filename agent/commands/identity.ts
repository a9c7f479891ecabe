// `ca create` and `card create`: what a community needs before its first block.

import { Buffer } from "node:buffer";
import { bytesToHex } from "../core/codec/hex.ts";
import { isMemberId, type MemberId } from "../core/units/ids.ts";
import { HOUR_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import { createCa, issueCertificate, readCa, writeCa } from "../io/ca.ts";
import { createKey, KeyError, publicKeyOf, writeCard } from "../io/keys.ts";

const DAY_MS = 24 * HOUR_MS;
const NAME_BYTES_MAX = 64;

export type Printed = { readonly code: number; readonly lines: readonly string[] };

/** Makes a CA's folder. The key in it can make members and tokens: keep it off line. */
export async function createCaFolder(dir: string, name: string, now: UnixMs): Promise<Printed> {
  if (name === "" || name.length > NAME_BYTES_MAX) return wrong("--name: 1 to 64 characters");
  const ca = await createCa({ name, at: now });
  return guarded(() => {
    writeCa(dir, ca);
    return [`caPublicKey: ${bytesToHex(ca.publicKey)}`];
  });
}

export type CardOrder = {
  readonly ca: string;
  readonly member: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly out: string;
  readonly days: string;
  readonly now: UnixMs;
};

const DAYS_MAX = 7300;

/** Makes a complete card, as the paper's CA does: key, certificate and profile. */
export async function createCardFolder(order: CardOrder): Promise<Printed> {
  const { member, firstName, lastName, out, now } = order;
  const days = Number(order.days);
  const problems = [
    ...(isMemberId(member) ? [] : [`--member ${member}: an e-mail address in lower case`]),
    ...(Number.isInteger(days) && days >= 1 && days <= DAYS_MAX
      ? []
      : [`--days ${order.days}: a whole number from 1 to ${DAYS_MAX}`]),
    ...[firstName, lastName]
      .filter((name) => name === "" || Buffer.byteLength(name) > NAME_BYTES_MAX)
      .map((name) => `name "${name}": 1 to ${NAME_BYTES_MAX} bytes`),
  ];
  if (problems.length > 0) return wrong(...problems);
  return guarded(async () => {
    const ca = readCa(order.ca);
    const privateKey = createKey();
    const publicKey = publicKeyOf(privateKey);
    const certificate = await issueCertificate(ca, {
      ...{ memberId: member as MemberId, publicKey, firstName, lastName },
      ...{ notBefore: now, notAfter: unixMs(now + days * DAY_MS) },
    });
    writeCard(out, {
      metadata: { version: 1, userName: member },
      connection: { name: "pvtrading" },
      ...{ certificate, privateKey },
    });
    return [`memberId: ${member}`, `publicKey: ${bytesToHex(publicKey)}`];
  });
}

function wrong(...problems: readonly string[]): Printed {
  return { code: 2, lines: problems };
}

/** What a person can mend is one sentence; bugs keep their stack. */
async function guarded(
  work: () => readonly string[] | Promise<readonly string[]>,
): Promise<Printed> {
  try {
    return { code: 0, lines: await work() };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return { code: 1, lines: [error.message] };
  }
}
