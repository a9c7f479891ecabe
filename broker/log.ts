// What the broker tells its operator: constant messages, facts as fields, one line each.

export type Level = "debug" | "info" | "warn" | "error";
export type Facts = { readonly [name: string]: unknown };
/** `error`: a person must act; `warn`: somebody was refused; `info`: a handful an hour; `debug`: the rest. */
export type Log = (level: Level, message: string, facts: Facts) => void;

const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

/** Lines from `least` on: "12:00:00 info  broker listens port=1883", or with `json` one object a line. */
export function lineLog(
  least: Level,
  { json, write, now }: { json: boolean; write: (line: string) => void; now: () => Date },
): Log {
  return (level, message, facts) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    const time = now().toISOString();
    if (json) {
      // After the facts, for none of them may stand in its place.
      write(`${JSON.stringify({ ...facts, level, time, message })}\n`);
      return;
    }
    const shown = Object.entries(facts).map(([name, value]) => `${name}=${short(value)}`);
    write(`${[time.slice(11, 19), level.padEnd(5), message, ...shown].join(" ")}\n`);
  };
}

/** Quoted where it could be taken for something else: names and topics are others' words. */
function short(value: unknown): string {
  return typeof value === "string" && /^[\w.:@/$+#-]+$/.test(value)
    ? value
    : (JSON.stringify(value) ?? "undefined");
}
