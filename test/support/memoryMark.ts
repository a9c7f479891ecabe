// The mark beside a card's key, in memory: hand the same one to the next "start" to restart with the same card.

import type { FoundMark, SigningMark } from "../../agent/core/consensus/quarantine.ts";
import type { SigningMarkFile } from "../../agent/ports.ts";

export type MemoryMark = SigningMarkFile & {
  /** What a restart finds. */
  readonly found: () => FoundMark;
  /** Every write so far, oldest first. */
  readonly writes: readonly SigningMark[];
  /** Called before each write; may throw, as a full disk does. */
  onWrite: (mark: SigningMark) => void;
};

export function createMemoryMark(first: FoundMark = "absent"): MemoryMark {
  let found = first;
  const writes: SigningMark[] = [];
  const mark: MemoryMark = {
    onWrite: () => {},
    writes,
    found: () => found,
    read: () => found,
    write: (next) => {
      mark.onWrite(next);
      writes.push(next);
      found = next;
    },
  };
  return mark;
}
