// A map beside the changes that are being made to it; the map itself is never written.

/** Reads fall through to the base. Order: the base's, then what was added. */
export class DraftMap<K, V> {
  readonly #base: ReadonlyMap<K, V>;
  /** undefined: deleted. */
  readonly #changes = new Map<K, V | undefined>();
  #size: number;

  constructor(base: ReadonlyMap<K, V>) {
    this.#base = base;
    this.#size = base.size;
  }

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#base.get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  set(key: K, value: V): void {
    if (!this.has(key)) this.#size += 1;
    this.#changes.set(key, value);
  }

  delete(key: K): void {
    if (!this.has(key)) return;
    this.#size -= 1;
    this.#changes.set(key, undefined);
  }

  *values(): Generator<V, void, undefined> {
    for (const key of this.#base.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield value;
    }
    for (const [key, value] of this.#changes) {
      if (value !== undefined && !this.#base.has(key)) yield value;
    }
  }

  /** Each written key with its value before and now; undefined where there was or is none. */
  *changes(): Generator<{ key: K; before: V | undefined; now: V | undefined }, void, undefined> {
    for (const [key, now] of this.#changes) yield { key, before: this.#base.get(key), now };
  }

  /** The map with its changes: the base itself if there are none. */
  finish(): ReadonlyMap<K, V> {
    if (this.#changes.size === 0) return this.#base;
    const map = new Map(this.#base);
    for (const [key, value] of this.#changes) {
      if (value === undefined) map.delete(key);
      else map.set(key, value);
    }
    return map;
  }
}
