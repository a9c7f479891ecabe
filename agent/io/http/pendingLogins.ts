// The logins that have begun: a person is away at the provider. Each is good once, for ten minutes, and only
// in the browser that began it, so that nobody is logged in as somebody else by a link.

import { createHash, randomBytes } from "node:crypto";

const KEPT_MS = 600_000;
/** More people are not away at once; the oldest begins again. */
const PENDING_MAX = 1000;

export type PendingLogin = {
  readonly provider: string;
  readonly redirectUri: string;
  /** PKCE's secret: who stole the code has not got it. */
  readonly verifier: string;
  /** Where the person goes afterwards. */
  readonly returnTo: string;
};

export type PendingLogins = {
  /** Its state, and what the browser must show again. */
  readonly begin: (login: Omit<PendingLogin, "verifier">) => {
    readonly state: string;
    readonly browser: string;
    readonly verifier: string;
  };
  /** Null: never begun, finished before, too old, or another browser's. It is over either way. */
  readonly take: (state: string, browser: string) => PendingLogin | null;
};

/** `now` in milliseconds that only grow. */
export function createPendingLogins(now: () => number): PendingLogins {
  const pending = new Map<string, PendingLogin & { readonly browser: string; until: number }>();
  return {
    begin: (login) => {
      const [state, browser, verifier] = [secret(), secret(), secret()];
      const [oldest] = pending.keys();
      if (pending.size >= PENDING_MAX && oldest !== undefined) pending.delete(oldest);
      const until = now() + KEPT_MS;
      pending.set(hashOf(state), { ...login, verifier, browser: hashOf(browser), until });
      return { state, browser, verifier };
    },
    take: (state, browser) => {
      const found = pending.get(hashOf(state));
      if (found === undefined) return null;
      pending.delete(hashOf(state));
      const { browser: begunIn, until, ...login } = found;
      return begunIn === hashOf(browser) && now() < until ? login : null;
    },
  };
}

/** 256 bits, 43 letters: also a verifier of PKCE's. */
function secret(): string {
  return randomBytes(32).toString("base64url");
}

/** Looked up by hash: how long that takes says nothing about any secret. */
function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
