// Reads a JSON body, and nothing that would hurt later: a million brackets are no JSON for us, for whoever
// echoes them walks down each.

import type { IncomingHttpHeaders } from "node:http";

/** Without the mark at its beginning that some systems put there. null: no UTF-8; never another text instead. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

const CHARSETS: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii"]);

/** Why a body is not as we read bodies, a sentence; null: it is. */
export function unreadEncoding(headers: IncomingHttpHeaders): string | null {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") return "The body must not be compressed";
  const type = headers["content-type"] ?? "";
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(type)?.[1]?.toLowerCase() ?? "utf-8";
  return CHARSETS.has(charset) ? null : "The body must be UTF-8";
}

/** A form's fields; null: what is percent-encoded in it is no UTF-8. */
export function parseForm(text: string): { readonly [name: string]: string } | null {
  try {
    decodeURIComponent(text);
  } catch {
    return null;
  }
  return Object.fromEntries(new URLSearchParams(text));
}

/** null: within the limit. `what`: why it is no body for us, a sentence. */
export function parseJson(
  text: string,
  depthMax: number,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly what: string } {
  // An empty body is an empty object, as in Composer: what is missing is then told field by field.
  if (text.trim() === "") return { ok: true, value: {} };
  if (isDeeperThan(text, depthMax)) {
    return { ok: false, what: `More than ${depthMax} levels of brackets in the body` };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, what: error instanceof Error ? error.message : "Not JSON" };
  }
  if (typeof value !== "object" || value === null) {
    return { ok: false, what: "The body must be a JSON object or an array of them" };
  }
  return { ok: true, value };
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Counts brackets outside of texts; of what is no JSON it may say anything, for that is refused anyway. */
function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let isText = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (isText) {
      if (code === BACKSLASH) i += 1;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    else if (OPENING.has(code)) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (CLOSING.has(code)) depth -= 1;
  }
  return false;
}
