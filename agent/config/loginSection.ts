// A provider with which people log in to the REST door, as the paper's users did with GitHub.

import { z } from "zod";
import { line, list, path, table, words } from "./fields.ts";

const LOGINS_MAX = 8;
const SUBJECTS_MAX = 256;
const SCOPES_MAX = 16;

const nameError = "1 to 32 of a-z 0-9 -, such as github; not token or logout";
const urlError = "an https URL, or http on this machine";

const url = (meaning: string) =>
  z.string({ error: urlError }).refine(isTrusted, { error: urlError }).describe(meaning);

const login = table("A provider of logins (OAuth2 or OpenID Connect)", {
  name: z
    .string({ error: nameError })
    .regex(/^(?!(?:token|logout)$)[a-z0-9-]{1,32}$/, { error: nameError })
    .describe(`In /auth/<name> and in users' names: ${nameError}`),
  clientId: line("What the provider knows this door by", 256),
  clientSecretFile: path(
    "A file (0600) with the secret that the provider gave; left out: none",
  ).optional(),
  provider: words("Whose addresses are known; else issuer, or the three URLs", [
    "github",
  ]).optional(),
  issuer: url("It tells the three URLs (OpenID Connect Discovery)").optional(),
  authorizeUrl: url("Where people are sent").optional(),
  tokenUrl: url("Where codes become tokens").optional(),
  userInfoUrl: url("Where it says who somebody is").optional(),
  scopes: list("What is asked for; left out: nothing", line("A scope", 64), SCOPES_MAX).default([]),
  subjects: list(
    "Who may log in, as the provider numbers them; left out: whoever it knows",
    line("A subject", 200),
    SUBJECTS_MAX,
  ).optional(),
}).refine(hasOneWay, {
  path: ["issuer"],
  error: "provider, or issuer, or authorizeUrl with tokenUrl and userInfoUrl",
});

export const loginsSection = list(
  "Who may log in with a browser; left out: nobody",
  login,
  LOGINS_MAX,
)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    error: "each name once",
  })
  .default([]);

export type LoginEntry = z.output<typeof login>;

function hasOneWay({
  provider,
  issuer,
  authorizeUrl,
  tokenUrl,
  userInfoUrl,
}: {
  readonly [key in "provider" | "issuer" | "authorizeUrl" | "tokenUrl" | "userInfoUrl"]?:
    | string
    | undefined;
}): boolean {
  const urls = [authorizeUrl, tokenUrl, userInfoUrl].filter((one) => one !== undefined).length;
  const ways = [provider !== undefined, issuer !== undefined, urls > 0];
  return ways.filter(Boolean).length === 1 && (urls === 0 || urls === 3);
}

function isTrusted(text: string): boolean {
  const address = URL.parse(text);
  if (address === null || text.length > 2048) return false;
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(address.hostname);
  return address.protocol === "https:" || (address.protocol === "http:" && isHere);
}
