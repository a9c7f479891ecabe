// The log: pino on stderr, for stdout belongs to results. Constant messages, facts as fields.

import { Writable } from "node:stream";
import { type DestinationStream, destination, type Level, pino } from "pino";
import { plain } from "./plain.ts";
import type { Facts, Log } from "./ports.ts";

export type LogSettings = {
  readonly level: "debug" | "info" | "warn" | "error";
  /** "json": one object a line; "text": for people. */
  readonly form: "json" | "text";
  /** On every line: who speaks. */
  readonly home: string | null;
  /** Where to; stderr if left out. */
  readonly to?: DestinationStream;
};

/** Facts of these names never appear, wherever they stand. */
const SECRETS = ["privateKey", "password", "secret", "token"];
const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export function openLog({ level, form, home, to }: LogSettings): Log {
  const sink = to ?? destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: home === null ? {} : { home },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
      redact: { paths: REDACTED, censor: "(secret)" },
    },
    form === "json" ? sink : readable(sink),
  );
  const at =
    (name: Level) =>
    (message: string, facts: Facts = {}): void =>
      logger[name](plain(facts) as object, message);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Turns pino's lines into "12:00:00 info  hour metered  listingId=21Mar18-13:00". */
function readable(sink: DestinationStream): DestinationStream {
  return new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      sink.write(readableLine(JSON.parse(line) as { [name: string]: unknown }));
      done();
    },
  });
}

function readableLine(line: { readonly [name: string]: unknown }): string {
  const { time, level, message, ...facts } = line;
  const shown = Object.entries(facts).map(([name, value]) => `${name}=${short(value)}`);
  const clock = String(time).slice(11, 19);
  return `${[clock, String(level).padEnd(5), message, ...shown].join(" ")}\n`;
}

function short(value: unknown): string {
  return typeof value === "string" && !/[\s="]/.test(value) ? value : JSON.stringify(value);
}
