// An OAuth2 or OpenID provider, seen from a home that sends people there: where they go (RFC 6749 section
// 4.1.1, with PKCE, RFC 7636), and who they are when they come back. It is somebody else's machine: what it
// answers is bounded in bytes and time, and it is asked only over TLS, or on this machine.

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { readPrivateFile } from "../privateFiles.ts";

export type LoginEndpoints = {
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  /** Says who holds a token: `sub` as OpenID has it, or `id` as GitHub has it. */
  readonly userInfoUrl: string;
};

export type LoginProvider = {
  /** In /auth/<name> and in users' names, at most 32 of a-z, 0-9 and -. */
  readonly name: string;
  readonly clientId: string;
  /** Mode 0600, read at each login; null: a public client, which PKCE alone protects. */
  readonly clientSecretFile: string | null;
  /** Or the issuer that tells them (OpenID Connect Discovery). */
  readonly endpoints: LoginEndpoints | { readonly issuer: string };
  readonly scopes: readonly string[];
  /** Who may log in; null: whoever the provider knows. */
  readonly subjects: readonly string[] | null;
};

/** GitHub tells no endpoints by itself; its subject is the account's number. */
export const GITHUB_ENDPOINTS: LoginEndpoints = {
  authorizeUrl: "https://github.com/login/oauth/authorize",
  tokenUrl: "https://github.com/login/oauth/access_token",
  userInfoUrl: "https://api.github.com/user",
};

export type LoginErrorCode =
  /** It does not answer, or with an error of its own: the person tries later, the operator looks. */
  | "providerDown"
  /** It answers what no provider should: the operator looks at the configuration. */
  | "providerWrong"
  /** It refuses this login: the person begins again. */
  | "refused";

export class LoginError extends Error {
  readonly code: LoginErrorCode;
  readonly isRetryable: boolean;
  constructor(code: LoginErrorCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause });
    this.name = "LoginError";
    this.code = code;
    this.isRetryable = code === "providerDown";
  }
}

export type Departure = {
  readonly redirectUri: string;
  readonly state: string;
  /** 43 to 128 letters (RFC 7636 section 4.1). */
  readonly verifier: string;
};

export type Arrival = Omit<Departure, "state"> & { readonly code: string };

/** Every call throws LoginError, and KeyError where the secret's file is not as it must be. */
export type ProviderClient = {
  /** Where the person's browser goes. */
  readonly authorizeUrl: (departure: Departure) => Promise<string>;
  /** Trades the code for the person's lasting name with the provider. */
  readonly subjectOf: (arrival: Arrival) => Promise<string>;
};

const ANSWER_MAX_MS = 10_000;
const ANSWER_BYTES_MAX = 65_536;
const DISCOVERY_KEPT_MS = 3_600_000;
const SUBJECT = /^[\x21-\x7e]{1,200}$/;
const ERROR_CODE = /^[a-z_]{1,64}$/;

const url = z.string().max(2048).refine(isTrusted);
const discovered = z.looseObject({
  issuer: z.string(),
  authorization_endpoint: url,
  token_endpoint: url,
  userinfo_endpoint: url,
  token_endpoint_auth_methods_supported: z.array(z.string()).max(32).optional(),
});
const tokenAnswer = z.looseObject({ access_token: z.string().min(1).max(16_384) });
const errorAnswer = z.looseObject({ error: z.string().regex(ERROR_CODE) });
const userAnswer = z.looseObject({
  sub: z.string().optional(),
  id: z.union([z.string(), z.int()]).optional(),
});

type Known = LoginEndpoints & { readonly isBasic: boolean };

/** `signal` ends what is under way when the server closes. */
export function createProviderClient(provider: LoginProvider, signal: AbortSignal): ProviderClient {
  const ask = (address: string, init: RequestInit): Promise<Answer> =>
    askProvider(provider.name, { address, init, signal });
  const known = endpointsOf(provider, ask);
  return {
    authorizeUrl: async ({ redirectUri, state, verifier }) => {
      const address = new URL((await known()).authorizeUrl);
      const challenge = createHash("sha256").update(verifier).digest("base64url");
      const parameters = {
        ...{ response_type: "code", client_id: provider.clientId, redirect_uri: redirectUri },
        ...(provider.scopes.length === 0 ? {} : { scope: provider.scopes.join(" ") }),
        ...{ state, code_challenge: challenge, code_challenge_method: "S256" },
      };
      for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
      return address.href;
    },
    subjectOf: async (arrival) => {
      const endpoints = await known();
      const traded = await ask(endpoints.tokenUrl, tokenRequest(provider, endpoints, arrival));
      const token = readToken(provider.name, traded);
      const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
      return readSubject(provider.name, await ask(endpoints.userInfoUrl, { headers }));
    },
  };
}

/** A provider's address: over TLS, or on this machine. */
export function isTrusted(text: string): boolean {
  const address = URL.parse(text);
  if (address === null || address.username !== "" || address.password !== "") return false;
  const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(address.hostname);
  return address.protocol === "https:" || (address.protocol === "http:" && isHere);
}

/** Asks for them when the first person comes: a home starts while the provider is away. */
function endpointsOf(
  { name, endpoints }: LoginProvider,
  ask: (address: string, init: RequestInit) => Promise<Answer>,
): () => Promise<Known> {
  if (!("issuer" in endpoints)) return () => Promise.resolve({ ...endpoints, isBasic: false });
  const { issuer } = endpoints;
  let kept: { readonly known: Known; readonly until: number } | null = null;
  return async () => {
    if (kept !== null && performance.now() < kept.until) return kept.known;
    const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const { json } = succeeded(name, await ask(address, { headers: JSON_WANTED }));
    const read = discovered.safeParse(json);
    // Another's addresses would send people, and their codes, elsewhere (Discovery, section 4.3).
    if (!read.success || read.data.issuer !== issuer) {
      throw new LoginError("providerWrong", `${name} does not describe itself as ${issuer}`);
    }
    const methods = read.data.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    const known = {
      authorizeUrl: read.data.authorization_endpoint,
      tokenUrl: read.data.token_endpoint,
      userInfoUrl: read.data.userinfo_endpoint,
      isBasic: methods.includes("client_secret_basic"),
    };
    kept = { known, until: performance.now() + DISCOVERY_KEPT_MS };
    return known;
  };
}

function tokenRequest(provider: LoginProvider, { isBasic }: Known, arrival: Arrival): RequestInit {
  const { clientId, clientSecretFile } = provider;
  const { code, redirectUri, verifier } = arrival;
  const secret = clientSecretFile === null ? null : readPrivateFile(clientSecretFile).trim();
  const body = new URLSearchParams({
    ...{ grant_type: "authorization_code", code, redirect_uri: redirectUri },
    code_verifier: verifier,
  });
  if (secret !== null && isBasic) {
    // RFC 6749 section 2.3.1: each percent-encoded before they are joined.
    const pair = [clientId, secret].map(encodeURIComponent).join(":");
    const authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    return { method: "POST", headers: { ...JSON_WANTED, authorization }, body };
  }
  body.set("client_id", clientId);
  if (secret !== null) body.set("client_secret", secret);
  return { method: "POST", headers: JSON_WANTED, body };
}

function readToken(name: string, answer: Answer): string {
  // GitHub refuses with 200 and `error`, others with 400 and `error`.
  const refusal = errorAnswer.safeParse(answer.json);
  if (refusal.success && answer.status < 500) {
    throw new LoginError("refused", `${name} refuses this login (${refusal.data.error})`);
  }
  if (answer.status >= 400 && answer.status < 500) {
    throw new LoginError("refused", `${name} refuses this login (status ${answer.status})`);
  }
  const read = tokenAnswer.safeParse(succeeded(name, answer).json);
  if (read.success) return read.data.access_token;
  throw new LoginError("providerWrong", `${name} answers without a token`);
}

function readSubject(name: string, answer: Answer): string {
  const read = userAnswer.safeParse(succeeded(name, answer).json);
  const subject = read.success ? String(read.data.sub ?? read.data.id ?? "") : "";
  if (SUBJECT.test(subject)) return subject;
  throw new LoginError("providerWrong", `${name} does not say who this is`);
}

const JSON_WANTED = { accept: "application/json" };

type Answer = { readonly status: number; readonly json: unknown };

function succeeded(name: string, answer: Answer): Answer {
  if (answer.status === 200 && answer.json !== undefined) return answer;
  const code = answer.status >= 500 ? "providerDown" : "providerWrong";
  throw new LoginError(code, `${name} answers with status ${answer.status}, which is no help`);
}

type Question = {
  readonly address: string;
  readonly init: RequestInit;
  readonly signal: AbortSignal;
};

async function askProvider(name: string, { address, init, signal }: Question): Promise<Answer> {
  if (!isTrusted(address)) {
    throw new LoginError(
      "providerWrong",
      `${name}: ${address} is neither https nor on this machine`,
    );
  }
  try {
    const response = await fetch(address, {
      ...init,
      headers: { "user-agent": "pvtrading", ...init.headers },
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MAX_MS)]),
    });
    return { status: response.status, json: parsed(await boundedText(response)) };
  } catch (cause) {
    throw new LoginError("providerDown", `${name} does not answer`, cause);
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`more than ${ANSWER_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** undefined: not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A page for people, with a status that says the rest.
    return undefined;
  }
}
