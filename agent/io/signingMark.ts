// The mark beside a card's key: how far the card may have signed in the agreement of one community. It is no
// part of the database, so that it is still there when the database is lost or an old copy of it comes back.
// One small file, replaced as a whole: written under another name, brought to the disk, renamed.

import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { FoundMark, SigningMark } from "../core/consensus/quarantine.ts";
import { sha256Hex } from "../core/crypto.ts";
import type { CommunityId, MemberId } from "../core/units/ids.ts";
import type { Log, SigningMarkFile } from "../ports.ts";
import { KeyError } from "./privateFiles.ts";
import { syncFolder } from "./syncFolder.ts";

const FILE_MODE = 0o600;
const FILE_BYTES_MAX = 4096;
/** Of the community's id, in the file's name: a card may serve a second community after a restart. */
const ID_DIGITS = 16;

const height = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const shape = z.strictObject({
  community: z.string(),
  member: z.string(),
  height,
  freeAbove: height.nullable(),
  stopped: z.literal("cardUsedElsewhere").nullable(),
  checksum: z.string(),
});

type Contents = Omit<z.infer<typeof shape>, "checksum">;

export type SigningMarkOptions = {
  /** The card's folder. */
  readonly card: string;
  readonly communityId: CommunityId;
  readonly memberId: MemberId;
  /** A home with a seat must be able to write the mark; another may have a card on a read-only disk. */
  readonly hasSeat: boolean;
  readonly log: Log;
};

/**
 * The mark of one card in one community. Throws KeyError "unwritable" if a validator's folder cannot be
 * written: who cannot keep the mark must not sign. Writing it throws the same.
 */
export function openSigningMark({
  card,
  log,
  hasSeat,
  ...of
}: SigningMarkOptions): SigningMarkFile {
  const file = path.join(card, `signed-${of.communityId.slice(0, ID_DIGITS)}.json`);
  const owner = { community: of.communityId, member: of.memberId };
  if (hasSeat) mayWrite(card);
  return {
    read: () => read(file, owner, log),
    write: (mark) => write(file, { ...owner, ...mark }),
  };
}

function read(file: string, owner: Pick<Contents, "community" | "member">, log: Log): FoundMark {
  try {
    if (!fs.existsSync(file)) return "absent";
    if (fs.statSync(file).size > FILE_BYTES_MAX) throw new Error("it is too large");
    const { checksum, ...contents } = shape.parse(JSON.parse(fs.readFileSync(file, "utf8")));
    if (checksum !== checksumOf(contents)) throw new Error("its checksum is wrong");
    const { community, member, ...mark } = contents;
    if (community !== owner.community || member !== owner.member)
      throw new Error("it is another's");
    return mark;
  } catch (error) {
    log.error("the file that says how far this card has signed is unreadable", {
      path: file,
      problem: String(error),
    });
    return "unreadable";
  }
}

function write(file: string, contents: Contents & SigningMark): void {
  const filled = `${file}.tmp`;
  try {
    const handle = fs.openSync(filled, "w", FILE_MODE);
    try {
      const text = { ...contents, checksum: checksumOf(contents) };
      fs.writeFileSync(handle, `${JSON.stringify(text, null, 2)}\n`);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
    fs.renameSync(filled, file);
    syncFolder(path.dirname(file));
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** Of the values in a fixed order. */
function checksumOf({ community, member, height, freeAbove, stopped }: Contents): string {
  const text = JSON.stringify([community, member, height, freeAbove, stopped]);
  return sha256Hex(new TextEncoder().encode(text));
}

function mayWrite(card: string): void {
  try {
    fs.accessSync(card, fs.constants.W_OK);
  } catch (cause) {
    throw unwritable(card, cause);
  }
}

function unwritable(where: string, cause: unknown): KeyError {
  const said = cause instanceof Error ? cause.message : String(cause);
  const sentence = `cannot be written (${said}). A validator notes beside its key how far it has signed: give the card a folder that this user may write, with some space left`;
  return new KeyError("unwritable", { path: where, sentence, cause });
}
