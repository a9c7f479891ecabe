// `ca init`, `ca issue`, `card request`, `card complete`: what a community needs before its first block.

import { Buffer } from "node:buffer";
import path from "node:path";
import { bytesToHex } from "../core/codec/hex.ts";
import { isMemberId, type MemberId } from "../core/units/ids.ts";
import { HOUR_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import { createCa, issueCertificate, readCa, writeCa } from "../io/ca.ts";
import { makeRequest, readRequest } from "../io/certificateRequest.ts";
import {
  type CardContents,
  createKey,
  openCard,
  privateKeyPem,
  publicKeyOf,
  readPemCertificate,
  readPrivateKey,
  writeCard,
} from "../io/keys.ts";
import { toPem } from "../io/pem.ts";
import { writePrivateFile, writePrivateFolder } from "../io/privateFiles.ts";
import { writeCardFile } from "../io/wallet/cardFile.ts";
import { guarded, type Printed, wrong } from "./printed.ts";

const DAY_MS = 24 * HOUR_MS;
const NAME_BYTES_MAX = 64;
const DAYS_MAX = 7300;
/** What a card calls its community where nobody says. */
const NETWORK = "pvtrading";

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
  /** A new folder; ending in .card, a new file; with a request, the certificate's new file. */
  readonly out: string;
  readonly days: string;
  readonly now: UnixMs;
  /** The community's name on the card. */
  readonly network?: string;
  /** A request that the member made at home. */
  readonly request?: string;
};

/**
 * Makes a complete card, as the paper's CA does: key, certificate and profile; or, for a key that was made at
 * home, its certificate alone. Prints what the community's file needs of a validator.
 */
export async function createCardFolder(order: CardOrder): Promise<Printed> {
  const { member, out, request, network } = order;
  const problems = orderProblems(order);
  if (problems.length > 0) return wrong(...problems);
  return guarded(async () => {
    if (request !== undefined) {
      const publicKey = await readRequest(request, member);
      const certificate = await certify(order, publicKey);
      writePrivateFile(out, toPem("CERTIFICATE", certificate), true);
      return [`memberId: ${member}`, `publicKey: ${bytesToHex(publicKey)}`];
    }
    const privateKey = createKey();
    const publicKey = publicKeyOf(privateKey);
    const certificate = await certify(order, publicKey);
    writeCardTo(out, cardOf({ member, network, certificate, privateKey }));
    return [`memberId: ${member}`, `publicKey: ${bytesToHex(publicKey)}`];
  });
}

/** At home: a new key, which never leaves this folder, and the request for its certificate. */
export async function createRequestFolder(dir: string, member: string): Promise<Printed> {
  if (!isMemberId(member)) return wrong(memberProblem(member));
  return guarded(async () => {
    const privateKey = createKey();
    const request = await makeRequest(privateKey, member);
    const files = new Map([
      ["privateKey", privateKeyPem(privateKey)],
      ["request.pem", request],
    ]);
    writePrivateFolder(dir, files);
    return [
      `publicKey: ${bytesToHex(publicKeyOf(privateKey))}`,
      `request: ${path.join(dir, "request.pem")}`,
      "Give the request to the CA, and let it read the public key out to you.",
    ];
  });
}

export type CompleteOrder = {
  readonly certificate: string;
  readonly out: string;
  readonly network?: string;
};

/** At home: the card from the folder of `card request` and the CA's certificate. */
export async function completeCard(dir: string, order: CompleteOrder): Promise<Printed> {
  return guarded(() => {
    const certificate = readPemCertificate(order.certificate);
    const privateKey = readPrivateKey(path.join(dir, "privateKey"));
    const { network } = order;
    // The member's name is what the certificate says; openCard compares the keys.
    const { memberId } = openCard(
      cardOf({ member: "?", network, certificate, privateKey }),
      order.certificate,
    );
    writeCardTo(order.out, cardOf({ member: memberId, network, certificate, privateKey }));
    return [`memberId: ${memberId}`, `card: ${order.out}`];
  });
}

function orderProblems(order: CardOrder): readonly string[] {
  const days = Number(order.days);
  const names = [order.firstName, order.lastName, order.network ?? NETWORK];
  return [
    ...(isMemberId(order.member) ? [] : [memberProblem(order.member)]),
    ...(Number.isInteger(days) && days >= 1 && days <= DAYS_MAX
      ? []
      : [`--days ${order.days}: a whole number from 1 to ${DAYS_MAX}`]),
    ...names
      .filter((name) => name === "" || Buffer.byteLength(name) > NAME_BYTES_MAX)
      .map((name) => `name "${name}": 1 to ${NAME_BYTES_MAX} bytes`),
  ];
}

function memberProblem(member: string): string {
  return `--member ${member}: an e-mail address in lower case`;
}

function certify(order: CardOrder, publicKey: Uint8Array): Promise<Uint8Array> {
  const { member, firstName, lastName, now, days } = order;
  return issueCertificate(readCa(order.ca), {
    ...{ memberId: member as MemberId, publicKey, firstName, lastName },
    ...{ notBefore: now, notAfter: unixMs(now + Number(days) * DAY_MS) },
  });
}

type CardParts = Pick<CardContents, "certificate" | "privateKey"> & {
  readonly member: string;
  readonly network: string | undefined;
};

function cardOf({ member, network = NETWORK, certificate, privateKey }: CardParts): CardContents {
  return {
    metadata: { version: 1, userName: member, businessNetwork: network },
    connection: { name: network, "x-type": "pvtrading" },
    ...{ certificate, privateKey },
  };
}

function writeCardTo(out: string, contents: CardContents): void {
  if (out.endsWith(".card")) writePrivateFile(out, writeCardFile(contents), true);
  else writeCard(out, contents);
}
