// The agent file's section `rest`: the door that Composer's clients knock at. Left out, there is none.

import { z } from "zod";
import { SECOND_MS } from "../core/units/time.ts";
import { line, list, path, seconds, table, whole } from "./fields.ts";
import { loginsSection } from "./loginSection.ts";

const ORIGINS_MAX = 32;

const namespaceError = "names joined by dots, such as org.acme.pv.auction";
const originError = 'an origin such as https://example.org or http://192.168.1.20:8080, or "*"';

const limits = table("Limits of the door; left out: what suits a small computer", {
  bodyKib: whole("A request's body", { min: 1, max: 10_240 }, "KiB").optional(),
  requestsPerSecond: whole("Requests of one token, on average", {
    min: 1,
    max: 100_000,
  }).optional(),
  requestsBurst: whole("Requests of one token at once", { min: 1, max: 1_000_000 }).optional(),
  connections: whole("Open connections", { min: 1, max: 65_535 }).optional(),
  connectionsPerAddress: whole("Open connections of one address", {
    min: 1,
    max: 65_535,
  }).optional(),
  webSockets: whole("Open WebSockets", { min: 1, max: 65_535 }).optional(),
});

export const restSection = table("The REST door, as Composer's REST server was", {
  port: whole("TCP port; 3000 was Composer's", { min: 0, max: 65_535 }),
  host: line(
    "Listen on this address; left out: 127.0.0.1, for programs of this machine alone",
    253,
  ).default("127.0.0.1"),
  namespace: z
    .string({ error: namespaceError })
    .regex(/^[A-Za-z_]\w{0,63}(?:\.[A-Za-z_]\w{0,63}){0,15}$/, { error: namespaceError })
    .describe(`Of the types in paths and $class; left out: org.acme.pv.auction: ${namespaceError}`)
    .default("org.acme.pv.auction"),
  wallet: path("The folder of the cards that may act here; left out: wallet, in data").optional(),
  walletPassphraseFile: path("A file (0600) with the wallet's passphrase").optional(),
  tokens: path("The folder of access tokens; left out: tokens, in data").optional(),
  ca: path("The community's CA, where this home keeps it, to issue cards by REST").optional(),
  logins: loginsSection,
  cors: list(
    "Pages from here may ask; left out: none",
    z
      .string({ error: originError })
      .refine(isOrigin, { error: originError })
      .describe(`An origin: ${originError}`),
    ORIGINS_MAX,
  ).default([]),
  limits: limits.prefault({}),
  sharedCards: table(
    "Where the wallet's cards sign at several homes, as in a laboratory; left out: here alone",
    {
      homes: whole("So many homes have them", { min: 1, max: 64 }),
      place: whole("This one of them, from 0; each must have another", { min: 0, max: 63 }),
    },
  )
    .refine(({ homes, place }) => place < homes, { path: ["place"], error: "less than homes" })
    .optional(),
  commitWithinSeconds: seconds("Answer 503 where the ledger has it not within; left out: 10", {
    min: SECOND_MS,
    max: 120 * SECOND_MS,
  }).default((10 * SECOND_MS) as typeof SECOND_MS),
});

function isOrigin(text: string): boolean {
  if (text === "*") return true;
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}
