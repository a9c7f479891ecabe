// What ends a laboratory from outside: a signal, or that nobody reads its output any more.

/** A person or a supervisor ended the run: no failure. */
export class Stopped extends Error {
  constructor() {
    super("stopped");
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Every wait of the laboratory rejects with `Stopped` from then on. Returns what undoes the listening. */
export function stopOnSignals(lab: { readonly fail: (reason: Error) => void }): () => void {
  const stop = (): void => lab.fail(new Stopped());
  const outputs = [process.stdout, process.stderr];
  for (const signal of SIGNALS) process.on(signal, stop);
  for (const output of outputs) output.on("error", stop);
  return () => {
    for (const signal of SIGNALS) process.off(signal, stop);
    for (const output of outputs) output.off("error", stop);
  };
}
