// What one client has asked for of the retained messages: one after the other, as fast as the client takes them.
// However often it asks, each of its filters waits once; a client that asks and does not read costs nothing more.

import type { Kept } from "./retained.ts";

export type RetainedLineParts = {
  readonly matching: (filter: string) => Iterator<Kept>;
  /** `done` when there is room for the next, never before it returns. */
  readonly deliver: (message: Kept, filter: string, done: () => void) => void;
  /** The client still has this filter. */
  readonly isWanted: (filter: string) => boolean;
};

export class RetainedLine {
  readonly #parts: RetainedLineParts;
  readonly #waiting = new Set<string>();
  #isUnderWay = false;

  constructor(parts: RetainedLineParts) {
    this.#parts = parts;
  }

  ask(filters: readonly string[]): void {
    for (const filter of filters) this.#waiting.add(filter);
    // What it has unsubscribed meanwhile: so never more wait than it may have.
    for (const filter of this.#waiting) {
      if (!this.#parts.isWanted(filter)) this.#waiting.delete(filter);
    }
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#later();
  }

  /** Other clients have their turn before each filter, for it looks at all that is retained. */
  #later(): void {
    setImmediate(() => {
      const [filter] = this.#waiting;
      if (filter === undefined) {
        this.#isUnderWay = false;
        return;
      }
      this.#waiting.delete(filter);
      this.#next(filter, this.#parts.matching(filter));
    });
  }

  #next(filter: string, rest: Iterator<Kept>): void {
    const { deliver, isWanted } = this.#parts;
    const { done, value } = isWanted(filter) ? rest.next() : { done: true, value: undefined };
    if (done === true || value === undefined) this.#later();
    else deliver(value, filter, () => this.#next(filter, rest));
  }
}
