// Virtual time: events in order of time, then of arrival. Nothing here waits for real.

/** Something that will happen; `owner` dies with the home that scheduled it. */
type Planned = {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
};

/** A binary heap of planned events. */
export class Timeline {
  #heap: Planned[] = [];
  #order = 0;
  #now = 0;

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now;
  }

  plan(delay: number, run: () => void): () => void {
    const planned = {
      at: this.#now + Math.max(0, delay),
      order: this.#order++,
      run,
      isCancelled: false,
    };
    this.#heap.push(planned);
    this.#up(this.#heap.length - 1);
    return () => {
      planned.isCancelled = true;
    };
  }

  /** Runs the next event if it is due by `until`; false when there is none, and time is then `until`. */
  step(until: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#take();
      if (next.isCancelled) continue;
      this.#now = next.at;
      next.run();
      return true;
    }
  }

  #take(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#down(0);
  }

  #up(start: number): void {
    let i = start;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #down(start: number): void {
    let i = start;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #isBefore(i: number, j: number): boolean {
    const a = this.#heap[i] as Planned;
    const b = this.#heap[j] as Planned;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(i: number, j: number): void {
    const a = this.#heap[i] as Planned;
    this.#heap[i] = this.#heap[j] as Planned;
    this.#heap[j] = a;
  }
}
