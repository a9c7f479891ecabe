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
  $schema: z.string().optional().describe("For editors"),
  title: z.string().min(1).max(64).default("PV trading"),
  host: z
    .string()
    .min(1)
    .max(253)
    .default("127.0.0.1")
    .describe("Where to listen; left out: this machine alone, 0.0.0.0: the whole network"),
  port: port.default(8080),
  timeZone: timeZone.default("UTC").describe("In which hours are shown, such as Europe/Berlin"),
  mqtt: webSocketUrl
    .nullable()
    .describe(
      "The broker as browsers reach it: ws://host:port, or over TLS wss://host:port by the name in its " +
        "certificate. localhost: on the machine that serves the page, by whatever name it was opened. " +
        "null: the page listens to a home's REST door, with a token",
    ),
  record: z
    .strictObject({
      url: brokerUrl,
      username: z.string().min(1).max(128).optional(),
      passwordFile: z
        .string()
        .min(1)
        .optional()
        .describe("Relative to this file; its first line is the password"),
      history: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe(
          "Relative to this file: what is recorded is kept there, over restarts. Left out: it is not",
        ),
    })
    .nullable()
    .default(null)
    .describe("The broker as this server reaches it: then charts begin before the page was opened"),
  homes: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,128}$/, "letters, digits, _ and -")
          .describe("As in the topics: seller1_vt_edu, unless the home's file has mqtt.home"),
        memberId: z.string().min(1).max(128).nullable().default(null),
        rest: doorUrl
          .nullable()
          .default(null)
          .describe("Its REST door as browsers reach it; its file names this page under cors"),
      }),
    )
    .max(500)
    .default([]),
});

/** The JSON Schema of config/page.schema.json. */
export function pageSchema(): object {
  return z.toJSONSchema(pageFile, { io: "input", unrepresentable: "any" });
}

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
  if (record === null) return page;
  const { passwordFile, history } = record;
  return {
    ...page,
    record: {
      ...record,
      ...(passwordFile === undefined ? {} : { passwordFile: resolve(folder, passwordFile) }),
      ...(history === undefined ? {} : { history: resolve(folder, history) }),
    },
  };
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
