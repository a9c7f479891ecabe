// Where a request says its token, in the order in which LoopBack looked: query `access_token`, header
// X-Access-Token, header Authorization, cookies. The first place that says anything counts.
//
// `Authorization` is the raw token, or "Bearer" with the token, or with its base64, as LoopBack wanted it,
// or "Basic" with the token as user or as password.

import type { IncomingHttpHeaders } from "node:http";

/** Longer than any token of ours, in base64. */
const TOKEN_LENGTH_MAX = 1024;

export type SaidToken = {
  /** What it may be, the likeliest first. */
  readonly candidates: readonly string[];
  /** A browser sends cookies by itself, also for a page of somebody else's. */
  readonly isCookie: boolean;
};

/** null: the request says none. `url` as it stands in the request's first line. */
export function saidToken(url: string, headers: IncomingHttpHeaders): SaidToken | null {
  // An empty one says nothing, and the next place counts.
  const plain = queryToken(url) || single(headers["x-access-token"]) || null;
  if (plain !== null) return said([plain], false);
  const authorization = headers.authorization;
  if (authorization !== undefined && authorization !== "") {
    return said(authorizationTokens(authorization), false);
  }
  const cookies = readCookies(headers.cookie ?? "");
  const cookie = cookies.get("access_token") ?? cookies.get("authorization");
  return cookie === undefined || cookie === "" ? null : said([unsigned(cookie)], true);
}

function said(candidates: readonly string[], isCookie: boolean): SaidToken {
  return { candidates: candidates.filter(({ length }) => length <= TOKEN_LENGTH_MAX), isCookie };
}

function queryToken(url: string): string | undefined {
  const start = url.indexOf("?");
  if (start === -1) return undefined;
  return new URLSearchParams(url.slice(start + 1)).get("access_token") ?? undefined;
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

function authorizationTokens(header: string): readonly string[] {
  const [, scheme, value = ""] = /^(bearer|basic)\s+(\S+)\s*$/i.exec(header) ?? [];
  if (scheme === undefined) return [header.trim()];
  const decoded = Buffer.from(value, "base64").toString("utf8");
  if (scheme.toLowerCase() === "bearer") return [value, decoded];
  const [user = "", password = ""] = decoded.split(":", 2);
  return [user.length >= password.length ? user : password];
}

/** Composer's cookies are "s:token.signature"; the token itself is the secret, so the rest says nothing. */
function unsigned(cookie: string): string {
  const match = /^s:(.*)\.[^.]*$/.exec(cookie);
  return match?.[1] ?? cookie;
}

function readCookies(header: string): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>();
  for (const part of header.split(";")) {
    const [name = "", ...value] = part.split("=");
    if (!cookies.has(name.trim())) cookies.set(name.trim(), percentDecoded(value.join("=").trim()));
  }
  return cookies;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded at all: as it stands.
    return text;
  }
}
