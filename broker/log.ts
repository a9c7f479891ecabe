// What the broker tells its operator: constant messages, facts as fields, one line each.

export type Level = "debug" | "info" | "warn" | "error";
export type Facts = { readonly [name: string]: unknown };
/** `error`: a person must act; `warn`: somebody was refused; `info`: a handful an hour; `debug`: the rest. */
export type Log = (level: Level, message: string, facts: Facts) => void;

/** Of one fact: names and topics are others' words, and a stranger could fill a disk with them. */
const FACT_CHARS_MAX = 200;
/** What JSON leaves as it is, and a terminal obeys or an eye misreads: C1 controls, marks of direction, separators. */
const UNSEEN = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

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
      write(`${seen({ ...cut(facts), level, time, message })}\n`);
      return;
    }
    const shown = Object.entries(cut(facts)).map(([name, value]) => `${name}=${short(value)}`);
    write(`${[time.slice(11, 19), level.padEnd(5), message, ...shown].join(" ")}\n`);
  };
}

/** Quoted where it could be taken for something else. */
function short(value: unknown): string {
  return typeof value === "string" && /^[\w.:@/$+#-]+$/.test(value) ? value : seen(value);
}

function seen(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function cut(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > FACT_CHARS_MAX
        ? `${value.slice(0, FACT_CHARS_MAX)}...`
        : value,
    ]),
  );
}
