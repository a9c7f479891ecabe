// How a person gets a token with a browser, as Composer's users did at /auth/github: to the provider and back,
// then a token in a cookie and on a page to copy. Any OAuth2 or OpenID provider by configuration.
//
//   GET /auth/<name>           302 to the provider; ?returnTo= one of the paths below
//   GET /auth/<name>/callback  302 back to that path with a new token in the cookie `access_token`
//   GET /auth/token            the token of the cookie, and what it is for
//   GET /auth/logout           ends that token, 302 to /
//
// Who has logged in is a user "<name>:<subject>" with a wallet of its own, empty at first. Acting for a member
// takes that member's card; the login alone gives nobody anything.

import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../../core/assert.ts";
import { type UnixMs, unixMs } from "../../core/units/time.ts";
import type { Log } from "../../ports.ts";
import { KeyError } from "../privateFiles.ts";
import type { Scope, Tokens } from "../wallet/tokens.ts";
import type { Wallet } from "../wallet/wallet.ts";
import { html, PAGE_HEADERS, type Page } from "./loginPages.ts";
import {
  createProviderClient,
  LoginError,
  type LoginProvider,
  type ProviderClient,
} from "./loginProvider.ts";
import { createPendingLogins, type PendingLogin, type PendingLogins } from "./pendingLogins.ts";

export { GITHUB_ENDPOINTS, type LoginProvider } from "./loginProvider.ts";

/** Two weeks, as LoopBack's tokens lived. */
const TOKEN_VALID_MS = 14 * 86_400_000;
const SCOPES: readonly Scope[] = ["read", "trade", "wallet"];
/** A cookie that is kept no longer than its login. */
const BROWSER_MAX_S = 600;
const PARAMETER_LENGTH_MAX = 2048;
const NAME = /^[a-z0-9-]{1,32}$/;
const TOKEN_PAGE = "/auth/token";
/** Nowhere else does a login lead, whatever the link says. */
const RETURN_PATHS: readonly string[] = [TOKEN_PAGE, "/", "/explorer/", "/explorer"];

const TOKEN_COOKIE = "access_token";
const BROWSER_COOKIE = "login";

export type LoginDependencies = {
  readonly providers: readonly LoginProvider[];
  readonly tokens: Tokens;
  readonly wallet: Wallet;
  readonly now: () => UnixMs;
  /** How browsers reach this server, https://home.example.org; null: as each of them says. */
  readonly publicUrl: string | null;
  readonly log?: Log;
};

/** Adds the routes under /auth. Providers are first asked when somebody comes. */
export async function registerLogin(
  app: FastifyInstance,
  dependencies: LoginDependencies,
): Promise<void> {
  if (!app.hasReplyDecorator("setCookie")) await app.register(fastifyCookie);
  const closing = new AbortController();
  app.addHook("onClose", async () => closing.abort());
  const pending = createPendingLogins(() => performance.now());
  const names = dependencies.providers.map(({ name }) => name);
  assert(new Set(names).size === names.length, "each provider has its own name");
  for (const provider of dependencies.providers) {
    const { name } = provider;
    assert(NAME.test(name) && name !== "token" && name !== "logout", `no provider's name: ${name}`);
    const door = { provider, pending, client: createProviderClient(provider, closing.signal) };
    app.get(`/auth/${name}`, BY_GET, (request, reply) =>
      guarded(dependencies, { reply, name }, () => begin(dependencies, door, { request, reply })),
    );
    app.get(`/auth/${name}/callback`, BY_GET, (request, reply) =>
      guarded(dependencies, { reply, name }, () => finish(dependencies, door, { request, reply })),
    );
  }
  app.get(TOKEN_PAGE, BY_GET, (request, reply) => show(reply, tokenPage(dependencies, request)));
  app.get("/auth/logout", BY_GET, (request, reply) => {
    const token = request.cookies[TOKEN_COOKIE] ?? parameter(request, "access_token");
    if (token !== null) dependencies.tokens.revokeToken(token);
    return away(reply.clearCookie(TOKEN_COOKIE, { path: "/" }), "/");
  });
}

const BY_GET = { exposeHeadRoute: false };

type Door = {
  readonly provider: LoginProvider;
  readonly pending: PendingLogins;
  readonly client: ProviderClient;
};

type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

async function begin(
  { publicUrl }: LoginDependencies,
  { provider, pending, client }: Door,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const returnTo = parameter(request, "returnTo") ?? TOKEN_PAGE;
  if (!RETURN_PATHS.includes(returnTo)) {
    return show(reply, wrongPage("A login leads back to this home's own pages alone."));
  }
  // The provider knows which addresses are ours, so that a browser with another host gets no further.
  const base = (publicUrl ?? `${request.protocol}://${request.host}`).replace(/\/$/, "");
  const redirectUri = `${base}/auth/${provider.name}/callback`;
  const login = pending.begin({ provider: provider.name, redirectUri, returnTo });
  const { state, verifier, browser } = login;
  const address = await client.authorizeUrl({ redirectUri, state, verifier });
  reply.setCookie(browserCookie(state), browser, {
    ...{ path: "/auth", httpOnly: true, sameSite: "lax", maxAge: BROWSER_MAX_S },
    secure: redirectUri.startsWith("https:"),
  });
  return away(reply, address);
}

async function finish(
  dependencies: LoginDependencies,
  { provider, pending, client }: Door,
  { request, reply }: Exchange,
): Promise<FastifyReply> {
  const { name } = provider;
  const state = parameter(request, "state") ?? "";
  const browser = request.cookies[browserCookie(state)] ?? "";
  const login = pending.take(state, browser);
  void reply.clearCookie(browserCookie(state), { path: "/auth" });
  if (login === null || login.provider !== name) {
    return show(reply, {
      ...wrongPage("This login was not begun in this browser, is over already, or took too long."),
      links: [{ href: `/auth/${name}`, label: `Log in with ${name}` }],
    });
  }
  const code = parameter(request, "code");
  const error = parameter(request, "error");
  if (error !== null || code === null) return show(reply, deniedPage(name, error));
  const { redirectUri, verifier } = login;
  const subject = await client.subjectOf({ redirectUri, verifier, code });
  if (provider.subjects !== null && !provider.subjects.includes(subject)) {
    return show(reply, strangerPage(name, subject));
  }
  return welcome(dependencies, { reply, login, user: `${name}:${subject}` });
}

type Welcome = {
  readonly reply: FastifyReply;
  readonly login: PendingLogin;
  readonly user: string;
};

function welcome(
  { tokens, now, log }: LoginDependencies,
  { reply, login, user }: Welcome,
): FastifyReply {
  const expiresAt = unixMs(now() + TOKEN_VALID_MS);
  const token = tokens.issue({ user, isOperator: false, card: null, scopes: SCOPES, expiresAt });
  reply.setCookie(TOKEN_COOKIE, token, {
    ...{ path: "/", httpOnly: true, sameSite: "lax", maxAge: TOKEN_VALID_MS / 1000 },
    secure: login.redirectUri.startsWith("https:"),
  });
  log?.info("a person logged in", { user });
  return away(reply, login.returnTo);
}

/** One for each login: a person may begin two, in two tabs. */
function browserCookie(state: string): string {
  return `${BROWSER_COOKIE}-${state.replace(/[^A-Za-z0-9_-]/g, "").slice(0, 8)}`;
}

function tokenPage(
  { tokens, wallet, now, providers }: LoginDependencies,
  request: FastifyRequest,
): Page {
  const token = request.cookies[TOKEN_COOKIE] ?? "";
  const found = tokens.find(token, now());
  if (found.status !== "valid") {
    const links = providers.map(({ name }) => ({
      href: `/auth/${name}`,
      label: `Log in with ${name}`,
    }));
    return { status: 401, title: "Not logged in", text: ["Nobody is logged in here."], links };
  }
  const { user, expiresAt } = found.record;
  const cards = wallet.list(user).map(({ name, isDefault }) => (isDefault ? `${name} *` : name));
  return {
    status: 200,
    title: "Logged in",
    text: [
      `You are ${user}.`,
      cards.length === 0
        ? "Your wallet is empty: import your card with POST /api/wallet/import before you trade."
        : `Your cards (* acts by default): ${cards.join(", ")}`,
      `Whoever has this token acts as you until ${new Date(expiresAt).toISOString()}.`,
    ],
    copied: [
      { label: "Your token", value: token },
      { label: "In an address", value: `?access_token=${token}` },
      { label: "In a header", value: `X-Access-Token: ${token}` },
    ],
    links: [
      { href: "/explorer/", label: "The API" },
      { href: "/auth/logout", label: "Log out: the token ends" },
    ],
  };
}

function wrongPage(sentence: string): Page {
  return { status: 400, title: "Not logged in", text: [sentence] };
}

function deniedPage(name: string, error: string | null): Page {
  const reason = error === null ? "no code" : error.slice(0, 64);
  return {
    status: 403,
    title: "Not logged in",
    text: [`${name} did not let you in (${reason}). Nothing was changed here.`],
    links: [{ href: `/auth/${name}`, label: `Log in with ${name}` }],
  };
}

function strangerPage(name: string, subject: string): Page {
  const sentence = `${name} knows you as ${subject}, and this home does not let ${subject} in. Ask its operator.`;
  return { status: 403, title: "Not logged in", text: [sentence] };
}

/** A provider's fault is told to the person, and ours to the operator. */
async function guarded(
  { log }: LoginDependencies,
  { reply, name }: { readonly reply: FastifyReply; readonly name: string },
  work: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  try {
    return await work();
  } catch (error) {
    const [status, sentence] = faultOf(error);
    const { cause = null } = error instanceof Error ? error : {};
    log?.warn("a login failed", { provider: name, problem: String(error), cause: String(cause) });
    return show(reply, {
      ...{ status, title: "Not logged in", text: [sentence] },
      links: [{ href: `/auth/${name}`, label: "Try again" }],
    });
  }
}

function faultOf(error: unknown): readonly [number, string] {
  if (error instanceof LoginError) return [STATUS[error.code], `${error.message}.`];
  if (!(error instanceof KeyError)) throw error;
  return [503, "This home cannot keep a login just now; its operator finds the reason in the log."];
}

const STATUS = { providerDown: 502, providerWrong: 502, refused: 403 } as const;

/** Null: it is not there, there twice, empty or endless. */
function parameter(request: FastifyRequest, name: string): string | null {
  const query = request.query as { readonly [name: string]: unknown };
  const value = query[name];
  const isText = typeof value === "string" && value !== "" && value.length <= PARAMETER_LENGTH_MAX;
  return isText ? value : null;
}

function show(reply: FastifyReply, page: Page): FastifyReply {
  return reply.code(page.status).headers(PAGE_HEADERS).send(html(page));
}

/** The address may hold a code: it is kept out of caches and of the next page's Referer. */
function away(reply: FastifyReply, address: string): FastifyReply {
  return reply
    .headers({ "cache-control": "no-store", "referrer-policy": "no-referrer" })
    .redirect(address, 302);
}
