// One thing at a time: inverters answer overlapping requests wrongly, late, or not at all.

export type Queue = <T>(job: () => Promise<T>) => Promise<T>;

/** Runs jobs in the order in which they came, each when the one before has settled. */
export function createQueue(): Queue {
  let tail: Promise<unknown> = Promise.resolve();
  return (job) => {
    const result = tail.then(job);
    // The next job does not care how this one ended; its caller is told through `result`.
    tail = result.catch(() => undefined);
    return result;
  };
}
