// Who may listen on the WebSocket: anybody to what is public, and a token's holder to what its card may see.
// A token that ends while its holder listens ends that, too.

import type { IncomingMessage } from "node:http";
import { permits, type Role } from "../../core/access/permissions.ts";
import { expiredToken, unauthorized } from "../../core/composer/errors.ts";
import { mayUseCookie } from "./browser.ts";
import { authenticate, findActor } from "./principal.ts";
import type { RestContext } from "./restContext.ts";
import type { Admitted, Hearing } from "./sockets.ts";
import { saidToken } from "./token.ts";

export function admitReader(
  context: RestContext,
  request: IncomingMessage,
  cors: readonly string[],
): Admitted {
  const { headers, url = "/" } = request;
  const mayCookie = mayUseCookie(request, cors);
  const said = saidToken(url, headers);
  if (said === null || (said.isCookie && !mayCookie)) {
    return { ok: true, value: () => hearingOf(context, "anonymous") };
  }
  const found = lookUp(context, request, mayCookie);
  if (found.status === "expired") return { ok: false, refusal: expiredToken() };
  if (found.status === "none") return { ok: false, refusal: unauthorized() };
  const header = headers["x-composer-card"];
  const named = typeof header === "string" ? header : undefined;
  return {
    ok: true,
    value: () => {
      const now = lookUp(context, request, mayCookie);
      if (now.status !== "valid") return "nothing";
      if (!now.record.scopes.includes("read")) return hearingOf(context, "anonymous");
      const actor = findActor(context, now.record, named);
      if (actor.status !== "found") return hearingOf(context, "anonymous");
      const { role } = actor.actor;
      return role === "revoked" ? "nothing" : hearingOf(context, role);
    },
  };
}

function lookUp(context: RestContext, { url = "/", headers }: IncomingMessage, may: boolean) {
  const { tokens, now } = context;
  return authenticate({ url, headers }, { tokens, now: now(), mayUseCookie: may });
}

function hearingOf({ door }: RestContext, role: Role): Hearing {
  const { schedule } = door.rules;
  if (permits(schedule, role, "read", "AllEvents")) return "all";
  return permits(schedule, role, "read", "PublicEvents") ? "public" : "nothing";
}
