// Counts what somebody does within a minute, for as many as may be remembered.

const MINUTE_MS = 60_000;
/** Beyond it nobody new is counted until the minute is over: who has filled it must not fill the memory. */
const KEYS_MAX = 10_000;

export class PerMinute {
  readonly #max: number;
  readonly #now: () => number;
  #minute = 0;
  #counts = new Map<string, number>();

  /** More than `max` within one minute of the clock is over. */
  constructor(max: number, now: () => number) {
    this.#max = max;
    this.#now = now;
  }

  /** Counts once more. */
  count(key: string): void {
    this.#turn();
    const before = this.#counts.get(key);
    if (before === undefined && this.#counts.size >= KEYS_MAX) return;
    this.#counts.set(key, (before ?? 0) + 1);
  }

  /** As many as may be have been counted, or more. */
  isFull(key: string): boolean {
    this.#turn();
    return (this.#counts.get(key) ?? 0) >= this.#max;
  }

  #turn(): void {
    const minute = Math.floor(this.#now() / MINUTE_MS);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#counts = new Map();
  }
}
