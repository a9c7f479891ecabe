// Public vectors of Ed25519, read in their publishers' own form from a folder beside the project. They are
// other people's files, so they are not in it: test/vectors/ed25519/README.md says where they come from.

import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { EdgeSignature } from "./edgeSignatures.ts";

const { ED25519_VECTORS } = process.env;
const FOLDER = ED25519_VECTORS ?? path.join("..", "shared", "vectors", "ed25519");

const FILES = {
  "ed25519-speccheck": { file: "speccheck.json", read: speccheck },
  Wycheproof: { file: "wycheproof.json", read: wycheproof },
  ZIP215: { file: "zip215.json", read: zip215Set },
  CCTV: { file: "cctv.json", read: cctv },
} as const;

export type PublicSet = keyof typeof FILES;

/** The vectors of a set, null where its file is not here. */
export function publicSignatures(set: PublicSet): EdgeSignature[] | null {
  const { file, read } = FILES[set];
  const where = path.join(FOLDER, file);
  if (!fs.existsSync(where)) return null;
  return read(JSON.parse(fs.readFileSync(where, "utf8")));
}

/** Where the file of a set is looked for. */
export function placeOf(set: PublicSet): string {
  return path.join(FOLDER, FILES[set].file);
}

function speccheck(json: unknown): EdgeSignature[] {
  const cases = z.array(
    z.object({ message: z.string(), pub_key: z.string(), signature: z.string() }),
  );
  return cases.parse(json).map(({ message, pub_key, signature }, i) => {
    return vector(`case ${i}`, { key: pub_key, message: hex(message), signature });
  });
}

function cctv(json: unknown): EdgeSignature[] {
  const cases = z.array(
    z.object({ number: z.number(), key: z.string(), sig: z.string(), msg: z.string() }),
  );
  return cases.parse(json).map(({ number, key, sig, msg }) => {
    const message = new TextEncoder().encode(msg);
    return vector(`number ${number}`, { key, message, signature: sig });
  });
}

function wycheproof(json: unknown): EdgeSignature[] {
  const test = z.object({ tcId: z.number(), msg: z.string(), sig: z.string() });
  const group = z.object({ publicKey: z.object({ pk: z.string() }), tests: z.array(test) });
  const { testGroups } = z.object({ testGroups: z.array(group) }).parse(json);
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, msg, sig }) =>
      vector(`tcId ${tcId}`, { key: publicKey.pk, message: hex(msg), signature: sig }),
    ),
  );
}

function zip215Set(json: unknown): EdgeSignature[] {
  const cases = z.array(z.object({ vk_bytes: z.string(), sig_bytes: z.string() }));
  const message = new TextEncoder().encode("Zcash");
  return cases.parse(json).map(({ vk_bytes, sig_bytes }, i) => {
    return vector(`case ${i}`, { key: vk_bytes, message, signature: sig_bytes });
  });
}

type Texts = { readonly key: string; readonly message: Uint8Array; readonly signature: string };

function vector(name: string, { key, message, signature }: Texts): EdgeSignature {
  return { name, publicKey: hex(key), message, signature: hex(signature) };
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}
