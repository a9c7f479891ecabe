// A browser sends its cookies along with whatever any page asks for. So a cookie counts only where the
// browser says no page of somebody else's is behind it.

import type { IncomingHttpHeaders } from "node:http";

export function mayUseCookie(
  { headers }: { readonly headers: IncomingHttpHeaders },
  cors: readonly string[],
): boolean {
  const { origin, host } = headers;
  // Browsers leave it out only where a page could neither change nor read anything.
  if (origin === undefined) return headers["sec-fetch-site"] !== "cross-site";
  return cors.includes(origin) || hostOf(origin) === host;
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    // "null", or nothing that a browser says.
    return null;
  }
}
