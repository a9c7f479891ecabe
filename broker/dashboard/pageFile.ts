// page.json: which broker and homes the page is for, and where it is served. Unknown keys are refused and every
// problem is told at once.

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";

const port = z.int().min(0).max(65_535);

const webSocketUrl = z.url({ protocol: /^wss?$/, error: "ws://host:port or wss://host:port" });
const brokerUrl = z.url({
  ...{ protocol: /^(?:mqtts?|wss?)$/, error: "mqtt://host:port, mqtts://, ws:// or wss://" },
});
const doorUrl = z
  .url({ protocol: /^https?$/, error: "http://host:port of the home's REST door" })
  .transform((url) => url.replace(/\/$/, ""));
const timeZone = z.string().refine(isTimeZone, { error: "an IANA name such as Europe/Berlin" });

const pageFile = z.strictObject({
  /** For editors. */
  $schema: z.string().optional(),
  title: z.string().min(1).max(64).default("PV trading"),
  /** Left out: this machine alone; 0.0.0.0: the whole network. */
  host: z.string().min(1).max(253).default("127.0.0.1"),
  port: port.default(8080),
  timeZone: timeZone.default("UTC"),
  /** The broker as browsers reach it; null: they listen to a home's REST door, with a token. */
  mqtt: webSocketUrl.nullable(),
  /** The broker as this server reaches it: then charts begin before the page was opened. */
  record: z
    .strictObject({
      url: brokerUrl,
      username: z.string().min(1).max(128).optional(),
      /** Relative to this file; its first line is the password. */
      passwordFile: z.string().min(1).optional(),
    })
    .nullable()
    .default(null),
  homes: z
    .array(
      z.strictObject({
        /** As in the broker's topics. */
        name: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "letters, digits, _ and -"),
        memberId: z.string().min(1).max(128).nullable().default(null),
        rest: doorUrl.nullable().default(null),
      }),
    )
    .max(500)
    .default([]),
});

export type PageFile = Readonly<z.infer<typeof pageFile>>;

export type PageFileResult =
  | { readonly ok: true; readonly value: PageFile }
  /** A sentence each, for the person who wrote the file. */
  | { readonly ok: false; readonly problems: readonly string[] };

export function readPageFile(file: string): PageFileResult {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch (error) {
    return { ok: false, problems: [`${file}: ${error instanceof Error ? error.message : ""}`] };
  }
  const parsed = pageFile.safeParse(json);
  if (parsed.success) return { ok: true, value: withPath(parsed.data, dirname(resolve(file))) };
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${file}: ${path.join(".")}: ${message}`,
  );
  return { ok: false, problems };
}

function withPath(page: PageFile, folder: string): PageFile {
  const { record } = page;
  if (record?.passwordFile === undefined) return page;
  return { ...page, record: { ...record, passwordFile: resolve(folder, record.passwordFile) } };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    // RangeError: there is no such zone.
    return false;
  }
}
