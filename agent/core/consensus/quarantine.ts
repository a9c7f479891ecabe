// Whether a card may sign after a start. What it has signed is in the database; a lost database, or an older
// copy, makes it forget, and a validator that forgets signs twice. So a mark beside the key, which is not
// part of the database, says up to which height the card may have signed. It is raised before the first
// signature of each height, when the ledger is at the height before: a database that belongs to it is never
// more than one height behind.
//
// | the mark       | the database                   | then                                                   |
// | -------------- | ------------------------------ | ------------------------------------------------------ |
// | <= head + 1    | whole                          | the card signs                                         |
// | > head + 1     | lost, or an older copy         | nothing up to the mark and 2 further heights           |
// | unreadable     | any                            | nothing until a block that is newer than the start     |
// | absent         | has signed                     | the mark is written again from it                      |
// | absent         | never signed                   | a newcomer: it may sign the first height of its seat;  |
// |                |                                | after that as unreadable: the card may be an old one   |
//
// A block is newer than the start if its time is later by more than honest clocks can differ: honest
// validators prevoted for it after the start, so nobody can have signed for the heights above it before.

import type { DurationMs, UnixMs } from "../units/time.ts";

/** Further heights that others commit before a card in quarantine signs again; design: "Durability". */
export const QUARANTINE_HEIGHTS = 2;

export type SigningMark = {
  /** The card may have signed up to this height; 0: it has signed nothing. */
  readonly height: number;
  /**
   * In quarantine: the card signs only above this height; null: above the first block newer than the
   * start. 0: it is free.
   */
  readonly freeAbove: number | null;
  /** Why this card never signs again; null: it may. */
  readonly stopped: "cardUsedElsewhere" | null;
};

/** What the file beside the key says. */
export type FoundMark = SigningMark | "absent" | "unreadable";

export type QuarantineReason =
  /** The database was lost or is an older copy; ends by itself. */
  | "databaseBehind"
  /** The file beside the key is damaged; ends by itself. A person looks at the card. */
  | "markUnreadable"
  /** Nobody knows what this card has signed: a newcomer, or a card from a backup; ends by itself. */
  | "pastUnknown"
  /** The neighbours know messages of ours that the database does not; ends by itself. */
  | "earlierMessages"
  /** The card signs on another machine too: never ends. A person fetches a new card from the CA. */
  | "cardUsedElsewhere";

export type MarkAtStart = {
  readonly mark: SigningMark;
  /** Why the card is held back; null: it is not. */
  readonly reason: QuarantineReason | null;
  /** Neither the mark nor the database: the card may begin its seat with the others, who may need it. */
  readonly isNewcomer: boolean;
};

/** What a card knows of itself; `head`: the database's last block, `signed`: its last signed height, or null. */
export type Database = { readonly head: number; readonly signed: number | null };

/** The mark to go on with, by the table above. */
export function markAtStart(found: FoundMark, { head, signed }: Database): MarkAtStart {
  const isNewcomer = found === "absent" && signed === null;
  const held = (mark: SigningMark, reason: QuarantineReason | null): MarkAtStart => ({
    ...{ mark, reason, isNewcomer },
  });
  const height = signed ?? 0;
  if (found === "unreadable") {
    return held({ height, freeAbove: null, stopped: null }, "markUnreadable");
  }
  if (found === "absent") {
    const isKnown = signed !== null;
    const mark: SigningMark = { height, freeAbove: isKnown ? 0 : null, stopped: null };
    return held(mark, isKnown || head === 0 ? null : "pastUnknown");
  }
  const mark = { ...found, height: Math.max(found.height, height) };
  if (mark.stopped !== null) return held(mark, mark.stopped);
  if (mark.freeAbove === null) return held(mark, "pastUnknown");
  const isBehind = found.height > head + 1;
  const least = isBehind ? found.height + QUARANTINE_HEIGHTS : 0;
  const freeAbove = Math.max(mark.freeAbove, least);
  if (head >= freeAbove) return held({ ...mark, freeAbove: 0 }, null);
  return held({ ...mark, freeAbove }, "databaseBehind");
}

/** Whether a block of this time was made after `start`; clocks, Unix ms. */
export function isNewerThan(
  start: UnixMs,
  block: { readonly time: UnixMs; readonly precision: DurationMs },
): boolean {
  // The proposer's clock may be ahead of a voter's, and that voter's of ours.
  return block.time > start + 2 * block.precision;
}
