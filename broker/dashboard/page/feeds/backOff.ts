// Waiting before the next try: longer each time, never the same for two browsers, soon again when the network or
// the reader comes back.

const FIRST_MS = 500;
const LAST_MS = 15_000;

export type BackOff = {
  /** Calls once, after a while or when the page is looked at again. */
  readonly wait: (run: () => void) => void;
  /** It worked: the next wait is short again. */
  readonly reset: () => void;
};

export function createBackOff(): BackOff {
  let next = FIRST_MS;
  return {
    wait: (run) => {
      const delay = next * (0.5 + Math.random() / 2);
      next = Math.min(LAST_MS, next * 2);
      const end = new AbortController();
      const go = (): void => {
        if (end.signal.aborted) return;
        end.abort();
        clearTimeout(timer);
        run();
      };
      const timer = setTimeout(go, delay);
      window.addEventListener("online", go, { signal: end.signal });
      // A browser hardly counts the time of a tab that nobody sees.
      document.addEventListener(
        "visibilitychange",
        () => {
          if (document.visibilityState === "visible") go();
        },
        { signal: end.signal },
      );
    },
    reset: () => {
      next = FIRST_MS;
    },
  };
}
