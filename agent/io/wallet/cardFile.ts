// Composer's .card: a zip of metadata.json, connection.json, credentials/certificate and
// credentials/privateKey. It comes from strangers, so every size in it is bounded before it is unpacked, and
// nothing is ever written under a name that stands in it. The refusals are Composer's words.

import { strFromU8, strToU8, type UnzipFileInfo, unzipSync, type Zippable, zipSync } from "fflate";
import {
  CARD_VERSION,
  type CardContents,
  type CardMetadata,
  type ConnectionProfile,
  connectionSchema,
  KeyError,
  metadataSchema,
  openCard,
  parsePemCertificate,
  parsePrivateKey,
  privateKeyPem,
} from "../keys.ts";
import { toPem } from "../pem.ts";

/** A .card never has more bytes; ours have about 2,000, one of Fabric's with its endpoints 20,000. */
export const CARD_FILE_BYTES_MAX = 131_072;
const ENTRIES_MAX = 64;
/** Of one file in it, packed and unpacked. */
const ENTRY_BYTES_MAX = 24_576;
const PROBLEMS_MAX = 3;
/** Of objects and lists in each other: what is nested deeper, JSON.parse reads and JSON.stringify does not write. */
const NESTING_MAX = 32;

const METADATA = "metadata.json";
const CONNECTION = "connection.json";
const CERTIFICATE = "credentials/certificate";
const PRIVATE_KEY = "credentials/privateKey";
const WANTED: ReadonlySet<string> = new Set([METADATA, CONNECTION, CERTIFICATE, PRIVATE_KEY]);

const UNIX = 3;
/** Regular file, rw for its owner: what `unzip` makes of it is no more open than our own folders. */
const OWNER_ALONE = 0o100600 * 0x1_0000;

/**
 * Reads a .card. Throws KeyError: no zip, too large, something missing or malformed, a version that is not
 * known, an enrolment secret in place of a key, or a key that is not the certificate's.
 */
export function readCardFile(zip: Uint8Array, where = "card"): CardContents {
  const files = unpack(zip, where);
  const connection = files.get(CONNECTION);
  const metadata = files.get(METADATA);
  if (connection === undefined) return wrong(where, `Required file not found: ${CONNECTION}`);
  if (metadata === undefined) return wrong(where, `Required file not found: ${METADATA}`);
  const read = {
    metadata: readMetadata(parse(metadata, { name: METADATA, where }), where),
    connection: readConnection(parse(connection, { name: CONNECTION, where }), where),
  };
  const certificate = files.get(CERTIFICATE);
  const privateKey = files.get(PRIVATE_KEY);
  if (certificate === undefined || privateKey === undefined) {
    return wrong(where, withoutCredentials(read.metadata, certificate !== undefined));
  }
  const contents = {
    ...read,
    certificate: parsePemCertificate(certificate, `${where}, ${CERTIFICATE}`),
    privateKey: parsePrivateKey(privateKey, `${where}, ${PRIVATE_KEY}`),
  };
  openCard(contents, where);
  return contents;
}

/** The bytes of a .card, private key and all: whoever has them is the member. */
export function writeCardFile(contents: CardContents): Uint8Array {
  const texts = {
    [METADATA]: JSON.stringify(contents.metadata),
    [CONNECTION]: JSON.stringify(contents.connection),
    [CERTIFICATE]: toPem("CERTIFICATE", contents.certificate),
    [PRIVATE_KEY]: privateKeyPem(contents.privateKey),
  };
  const files: Zippable = {};
  for (const [name, text] of Object.entries(texts)) files[name] = strToU8(text);
  return zipSync(files, { os: UNIX, attrs: OWNER_ALONE });
}

/** What Composer calls a card that no one has named. */
export function cardName({ metadata, connection }: CardContents): string {
  return `${metadata.userName}@${metadata.businessNetwork ?? connection.name}`;
}

/** The texts of the four files; all others are passed over unread. */
function unpack(zip: Uint8Array, where: string): ReadonlyMap<string, string> {
  if (zip.length > CARD_FILE_BYTES_MAX) {
    return wrong(where, `${zip.length} bytes, a card has at most ${CARD_FILE_BYTES_MAX}`);
  }
  const seen = new Set<string>();
  let entries = 0;
  const filter = ({ name, size, originalSize }: UnzipFileInfo): boolean => {
    entries += 1;
    if (entries > ENTRIES_MAX) return wrong(where, `more than ${ENTRIES_MAX} files`);
    if (!WANTED.has(name)) return false;
    // Readers differ in which of two they take, so that one could be shown and the other used.
    if (seen.has(name)) return wrong(where, `${name} is in it twice`);
    seen.add(name);
    if (Math.max(size, originalSize) <= ENTRY_BYTES_MAX) return true;
    return wrong(where, `${name} has more than ${ENTRY_BYTES_MAX} bytes`);
  };
  let unzipped: { readonly [name: string]: Uint8Array };
  try {
    unzipped = unzipSync(zip, { filter });
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    throw new KeyError("malformed", {
      path: where,
      sentence: "not a card: no readable zip",
      cause,
    });
  }
  return new Map(Object.entries(unzipped).map(([name, bytes]) => [name, strFromU8(bytes)]));
}

function parse(text: string, { name, where }: { name: string; where: string }): JsonFields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KeyError("malformed", { path: where, sentence: `${name} is not JSON`, cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return wrong(where, `${name} is no object`);
  }
  if (isNestedDeeper(value, NESTING_MAX)) return wrong(where, `${name} is nested too deeply`);
  return value as JsonFields;
}

function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isNestedDeeper(part, levels - 1));
}

type JsonFields = { readonly [field: string]: unknown };

function readMetadata(fields: JsonFields, where: string): CardMetadata {
  const migrated = migrate(fields);
  const { version, userName } = migrated;
  if (version !== CARD_VERSION) {
    const said = typeof version === "number" ? version : "of another kind";
    return wrong(where, `Incompatible card version ${said}. Current version is ${CARD_VERSION}`);
  }
  if (!userName) return wrong(where, "Required metadata field not found: userName");
  return checked(metadataSchema.safeParse(migrated), { name: METADATA, where });
}

/** Before it had a version, a card called its user `enrollmentId` and itself `name`. */
function migrate(fields: JsonFields): JsonFields {
  const { version, enrollmentId, name: _, ...others } = fields;
  if (version !== undefined && version !== 0) return fields;
  const user = enrollmentId === undefined ? {} : { userName: enrollmentId };
  return { ...others, version: CARD_VERSION, ...user };
}

function readConnection(fields: JsonFields, where: string): ConnectionProfile {
  const { name } = fields;
  if (!name) return wrong(where, "Required connection field not found: name");
  return checked(connectionSchema.safeParse(fields), { name: CONNECTION, where });
}

type Parsed<T> =
  | { readonly success: true; readonly data: T }
  | {
      readonly success: false;
      readonly error: {
        readonly issues: readonly { path: readonly PropertyKey[]; message: string }[];
      };
    };

function checked<T>(parsed: Parsed<T>, { name, where }: { name: string; where: string }): T {
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues
    .slice(0, PROBLEMS_MAX)
    .map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  return wrong(where, `${name}: ${problems.join("; ")}`);
}

function withoutCredentials(metadata: CardMetadata, hasCertificate: boolean): string {
  if (hasCertificate) {
    return "Required file not found: credentials/privateKey (a card whose key is in a security module cannot be used here)";
  }
  return "enrollmentSecret" in metadata
    ? "this card has an enrolment secret and no key; no server hands out keys here: ask the community's CA for a complete card (ca issue)"
    : "Required file not found: credentials/certificate (ask the community's CA for a complete card: ca issue)";
}

function wrong(where: string, sentence: string): never {
  throw new KeyError("malformed", { path: where, sentence });
}
