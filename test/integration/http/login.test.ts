import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type FastifyInstance, fastify } from "fastify";
import {
  type MutableRedirectUri,
  type MutableResponse,
  OAuth2Server,
  type TokenRequestIncomingMessage,
} from "oauth2-mock-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unixMs } from "../../../agent/core/units/time.ts";
import { type LoginProvider, registerLogin } from "../../../agent/io/http/login.ts";
import type { LoginEndpoints } from "../../../agent/io/http/loginProvider.ts";
import { openTokens, type Tokens } from "../../../agent/io/wallet/tokens.ts";
import { openWallet, type Wallet } from "../../../agent/io/wallet/wallet.ts";
import { testCa, testCard } from "../../support/cards.ts";

const NOW = unixMs(Date.UTC(2026, 2, 21));
const TWO_WEEKS_MS = 14 * 86_400_000;

let root = "";
let tokens: Tokens;
let wallet: Wallet;
let mock: OAuth2Server;
let issuer = "";
let app: FastifyInstance;
let home = "";
const logged: string[] = [];

beforeEach(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "login-"));
  fs.writeFileSync(path.join(root, "secret"), "hush/hush\n", { mode: 0o600 });
  tokens = openTokens(path.join(root, "tokens"), () => NOW);
  wallet = openWallet(path.join(root, "wallet"));
  mock = new OAuth2Server();
  await mock.issuer.keys.generate("ES256");
  await mock.start(0, "localhost");
  issuer = mock.issuer.url ?? "";
  logged.length = 0;
});

afterEach(async () => {
  await app.close();
  if (mock.listening) await mock.stop();
  fs.rmSync(root, { recursive: true });
});

function endpoints(): LoginEndpoints {
  return {
    authorizeUrl: `${issuer}/authorize`,
    tokenUrl: `${issuer}/token`,
    userInfoUrl: `${issuer}/userinfo`,
  };
}

async function openHome(
  changes: Partial<LoginProvider> = {},
  publicUrl: string | null = null,
): Promise<void> {
  const provider: LoginProvider = {
    ...{ name: "mock", clientId: "home", clientSecretFile: path.join(root, "secret") },
    ...{ endpoints: { issuer }, scopes: ["openid", "email"], subjects: null },
    ...changes,
  };
  const note = (message: string, facts?: object): void => {
    logged.push(`${message} ${JSON.stringify(facts)}`);
  };
  const log = { debug: note, info: note, warn: note, error: note };
  app = fastify();
  await registerLogin(app, {
    ...{
      providers: [provider, { ...provider, name: "second" }],
      tokens,
      wallet,
      now: () => NOW,
      publicUrl,
      log,
    },
  });
  home = await app.listen({ host: "127.0.0.1", port: 0 });
}

/** Keeps cookies as a browser does, and follows no redirect by itself. */
class Browser {
  readonly cookies = new Map<string, string>();
  readonly attributes = new Map<string, string>();

  async get(address: string): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const url = new URL(address, home);
    const isHome = url.origin === home;
    const headers = isHome && cookie !== "" ? { cookie } : {};
    const response = await fetch(url, { redirect: "manual", headers });
    for (const line of isHome ? response.headers.getSetCookie() : []) {
      const [, name = "", value = "", attributes = ""] = /^([^=]+)=([^;]*);?(.*)$/.exec(line) ?? [];
      if (/Max-Age=0|Expires=Thu, 01 Jan 1970/.test(attributes)) this.cookies.delete(name);
      else this.cookies.set(name, value);
      this.attributes.set(name, attributes);
    }
    return response;
  }

  /** Where it is sent. */
  async next(address: string): Promise<string> {
    const response = await this.get(address);
    expect(response.status).toBe(302);
    return response.headers.get("location") ?? "";
  }

  /** Through the provider and back: the address that the provider sends it to. */
  async toCallback(start = "/auth/mock"): Promise<string> {
    return this.next(await this.next(start));
  }
}

async function pageOf(response: Response): Promise<string> {
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  return response.text();
}

const noTokens = (): void => expect(tokens.list()).toEqual([]);

describe("a login", () => {
  it("ends with a token of the person's own, in a cookie and on a page", async () => {
    await openHome();
    const browser = new Browser();
    const departure = new URL(await browser.next("/auth/mock"));
    expect(departure.origin + departure.pathname).toBe(`${issuer}/authorize`);
    expect(Object.fromEntries(departure.searchParams)).toEqual({
      ...{ response_type: "code", client_id: "home", scope: "openid email" },
      redirect_uri: `${home}/auth/mock/callback`,
      state: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      code_challenge: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      code_challenge_method: "S256",
    });
    const arrival = await browser.next(departure.href);
    expect(arrival.startsWith(`${home}/auth/mock/callback?code=`)).toBe(true);
    expect(await browser.next(arrival)).toBe("/auth/token");
    const token = browser.cookies.get("access_token") ?? "";
    const attributes = browser.attributes.get("access_token");
    expect(attributes).toBe(" Max-Age=1209600; Path=/; HttpOnly; SameSite=Lax");
    expect(tokens.find(token, NOW)).toMatchObject({
      status: "valid",
      record: {
        ...{ user: "mock:johndoe", isOperator: false, card: null },
        ...{ scopes: ["read", "trade", "wallet"], expiresAt: NOW + TWO_WEEKS_MS },
      },
    });
    const page = await pageOf(await browser.get("/auth/token"));
    expect(page).toContain(`<code>${token}</code>`);
    expect(page).toContain("You are mock:johndoe.");
    expect(page).toContain("Your wallet is empty");
    wallet.add(await testCard(await testCa(), "seller1@vt.edu"), { user: "mock:johndoe" });
    const later = await pageOf(await browser.get("/auth/token"));
    expect(later).toContain("seller1@vt.edu@pv-auction *");
    expect([...browser.cookies.keys()]).toEqual(["access_token"]);
    expect(logged).toEqual(['a person logged in {"user":"mock:johndoe"}']);
  });

  it("of a home behind TLS comes back there, and its cookies stay there", async () => {
    await openHome({}, "https://home.example.org/");
    const browser = new Browser();
    const arrival = await browser.toCallback();
    expect(arrival.startsWith("https://home.example.org/auth/mock/callback?code=")).toBe(true);
    const [begun = ""] = browser.attributes.values();
    expect(begun).toBe(" Max-Age=600; Path=/auth; HttpOnly; Secure; SameSite=Lax");
    const { pathname, search } = new URL(arrival);
    expect(await browser.next(`${pathname}${search}`)).toBe("/auth/token");
    expect(browser.attributes.get("access_token")).toContain("HttpOnly; Secure; SameSite=Lax");
  });

  it("proves with PKCE and the secret that the home asks, as the provider wants it", async () => {
    for (const [methods, isBasic] of [
      [["client_secret_basic"], true],
      [["client_secret_post"], false],
      [undefined, true],
    ] as const) {
      mock.service.once("beforeWellKnownOpenIdConfiguration", (answer: MutableResponse) => {
        const { token_endpoint_auth_methods_supported: _, ...body } = answer.body as object & {
          token_endpoint_auth_methods_supported: unknown;
        };
        answer.body =
          methods === undefined
            ? body
            : { ...body, token_endpoint_auth_methods_supported: [...methods] };
      });
      const asked: TokenRequestIncomingMessage[] = [];
      mock.service.once("beforeResponse", (_answer: unknown, req: TokenRequestIncomingMessage) => {
        asked.push(req);
      });
      await openHome();
      const browser = new Browser();
      expect(await browser.next(await browser.toCallback())).toBe("/auth/token");
      const body = asked[0]?.body as object;
      expect(body).toMatchObject({
        ...{ grant_type: "authorization_code", redirect_uri: `${home}/auth/mock/callback` },
        code_verifier: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      });
      // home:hush%2Fhush
      const basic = "Basic aG9tZTpodXNoJTJGaHVzaA==";
      expect(asked[0]?.headers.authorization).toBe(isBasic ? basic : undefined);
      const inBody = { client_id: "home", client_secret: "hush/hush" };
      if (isBasic) expect(body).not.toHaveProperty("client_secret");
      else expect(body).toMatchObject(inBody);
      await app.close();
    }
    await openHome();
  });

  it("goes back to the home's own pages alone", async () => {
    await openHome();
    const browser = new Browser();
    const explorer = await browser.toCallback("/auth/mock?returnTo=/explorer/");
    expect(await browser.next(explorer)).toBe("/explorer/");
    for (const elsewhere of [
      "https://evil.example",
      "//evil.example",
      "/\\evil",
      "/api",
      "javascript:x",
    ]) {
      const asked = await browser.get(`/auth/mock?returnTo=${encodeURIComponent(elsewhere)}`);
      expect(asked.status).toBe(400);
      expect(asked.headers.get("location")).toBe(null);
    }
  });

  it("is good once: the same code and state again are refused unasked", async () => {
    await openHome();
    const browser = new Browser();
    const arrival = await browser.toCallback();
    const cookies = new Map(browser.cookies);
    expect(await browser.next(arrival)).toBe("/auth/token");
    for (const [name, value] of cookies) browser.cookies.set(name, value);
    let asked = 0;
    mock.service.on("beforeResponse", () => {
      asked += 1;
    });
    const again = await browser.get(arrival);
    expect(again.status).toBe(400);
    expect(await pageOf(again)).toContain("is over already");
    expect(asked).toBe(0);
    expect(tokens.list()).toHaveLength(1);
  });

  it("with a wrong state is refused, and so is one from another browser", async () => {
    await openHome();
    const [browser, victim] = [new Browser(), new Browser()];
    const arrival = new URL(await browser.toCallback());
    // The attacker's own arrival, sent to somebody else as a link, would log that person in as the attacker.
    expect((await victim.get(arrival.href)).status).toBe(400);
    expect(victim.cookies.size).toBe(0);
    expect((await browser.get(arrival.href)).status).toBe(400);
    const second = new URL(await browser.toCallback());
    const state = second.searchParams.get("state") ?? "";
    for (const wrong of [null, "", `${state.slice(0, -1)}_`, "x".repeat(3000)]) {
      const address = new URL(second);
      if (wrong === null) address.searchParams.delete("state");
      else address.searchParams.set("state", wrong);
      expect((await browser.get(address.href)).status).toBe(400);
    }
    const twice = new URL(second);
    twice.searchParams.append("state", state);
    expect((await browser.get(twice.href)).status).toBe(400);
    noTokens();
  });

  it("that one provider began does not end at another", async () => {
    await openHome();
    const browser = new Browser();
    const arrival = await browser.toCallback();
    expect((await browser.get(arrival.replace("/auth/mock/", "/auth/second/"))).status).toBe(400);
    noTokens();
  });

  it("that is denied is a clear page, with nothing in it that a stranger wrote", async () => {
    await openHome();
    mock.service.once("beforeAuthorizeRedirect", ({ url }: MutableRedirectUri) => {
      url.searchParams.set("error", "access_denied<script>");
    });
    const browser = new Browser();
    const denied = await browser.get(await browser.toCallback());
    expect(denied.status).toBe(403);
    const page = await pageOf(denied);
    expect(page).toContain("mock did not let you in (access_denied&lt;script&gt;)");
    expect(page).not.toContain("<script>");
    expect(browser.cookies.size).toBe(0);
    noTokens();
  });

  it("of somebody whom this home does not let in is refused", async () => {
    await openHome({ subjects: ["ada"] });
    const browser = new Browser();
    const refused = await browser.get(await browser.toCallback());
    expect(refused.status).toBe(403);
    expect(await pageOf(refused)).toContain("does not let johndoe in");
    noTokens();
    mock.service.once("beforeUserinfo", (answer: MutableResponse) => {
      answer.body = { sub: "ada" };
    });
    expect(await browser.next(await browser.toCallback())).toBe("/auth/token");
  });

  it("at a provider like GitHub, without discovery, goes by the account's number", async () => {
    await openHome({ name: "github", endpoints: endpoints(), scopes: [] });
    mock.service.once("beforeUserinfo", (answer: MutableResponse) => {
      answer.body = { login: "octocat", id: 583_231 };
    });
    const browser = new Browser();
    const departure = new URL(await browser.next("/auth/github"));
    expect(departure.searchParams.has("scope")).toBe(false);
    expect(await browser.next(await browser.next(departure.href))).toBe("/auth/token");
    expect(tokens.list()).toMatchObject([{ user: "github:583231" }]);
  });

  it("ends by logging out: the token opens nothing more", async () => {
    await openHome();
    const browser = new Browser();
    await browser.get(await browser.toCallback());
    const token = browser.cookies.get("access_token") ?? "";
    expect(tokens.find(token, NOW).status).toBe("valid");
    expect(await browser.next("/auth/logout")).toBe("/");
    expect(browser.cookies.size).toBe(0);
    expect(tokens.find(token, NOW).status).toBe("unknown");
    browser.cookies.set("access_token", token);
    const page = await browser.get("/auth/token");
    expect(page.status).toBe(401);
    expect(await pageOf(page)).toContain('href="/auth/mock"');
    expect(await new Browser().next("/auth/logout")).toBe("/");
  });
});

describe("a provider that fails", () => {
  it("is told apart from the person's fault, and the next login works", async () => {
    await mock.stop();
    await openHome();
    const browser = new Browser();
    const down = await browser.get("/auth/mock");
    expect(down.status).toBe(502);
    expect(await pageOf(down)).toContain("mock does not answer.");
    expect(logged.join()).toContain("a login failed");
    await mock.start(Number(new URL(issuer).port), "localhost");
    const arrival = await browser.toCallback();
    await mock.stop();
    const away = await browser.get(arrival);
    expect(away.status).toBe(502);
    expect(await pageOf(away)).toContain("Try again");
    noTokens();
    await mock.start(Number(new URL(issuer).port), "localhost");
    expect(await browser.next(await browser.toCallback())).toBe("/auth/token");
  });

  const token = "beforeResponse";
  const user = "beforeUserinfo";
  it.each([
    [token, 400, { error: "invalid_grant" }, 403, "refuses this login (invalid_grant)"],
    [token, 200, { error: "bad_verification_code" }, 403, "(bad_verification_code)"],
    [token, 401, {}, 403, "refuses this login (status 401)"],
    [token, 500, { error: "server_error" }, 502, "status 500"],
    [token, 200, {}, 502, "answers without a token"],
    [token, 200, { access_token: "x".repeat(70_000) }, 502, "does not answer"],
    [user, 200, {}, 502, "does not say who this is"],
    [user, 200, { sub: "a b" }, 502, "does not say who this is"],
    [user, 200, { sub: "" }, 502, "does not say who this is"],
    [user, 200, { sub: "x".repeat(201) }, 502, "does not say who this is"],
    [user, 401, {}, 502, "status 401"],
  ])("answers %s with %i %j", async (event, statusCode, body, status, sentence) => {
    await openHome();
    const browser = new Browser();
    const arrival = await browser.toCallback();
    mock.service.once(event, (answer: MutableResponse) => {
      Object.assign(answer, { statusCode, body });
    });
    const answer = await browser.get(arrival);
    expect(answer.status).toBe(status);
    expect(await pageOf(answer)).toContain(sentence);
    expect(browser.cookies.size).toBe(0);
    noTokens();
  });

  it.each([
    ["issuer", "https://evil.example"],
    ["token_endpoint", "http://evil.example/token"],
    ["authorization_endpoint", "javascript:alert(1)"],
    ["userinfo_endpoint", undefined],
  ])("describes itself with %s %j", async (field, value) => {
    mock.service.once("beforeWellKnownOpenIdConfiguration", (answer: MutableResponse) => {
      answer.body = { ...(answer.body as object), [field]: value };
    });
    await openHome();
    const answer = await new Browser().get("/auth/mock");
    expect(answer.status).toBe(502);
    expect(await pageOf(answer)).toContain(`mock does not describe itself as ${issuer}`);
  });

  it("redirects elsewhere instead of answering: it is not followed", async () => {
    const elsewhere = fastify();
    elsewhere.get("/.well-known/openid-configuration", (_request, reply) => reply.redirect("/it"));
    elsewhere.get("/it", () => ({
      issuer: address,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
    }));
    const address = await elsewhere.listen({ host: "127.0.0.1", port: 0 });
    await openHome({ endpoints: { issuer: address } });
    expect((await new Browser().get("/auth/mock")).status).toBe(502);
    await elsewhere.close();
  });
});

describe("the home's own faults", () => {
  it("are a page without any secret", async () => {
    await openHome();
    fs.chmodSync(path.join(root, "secret"), 0o644);
    const browser = new Browser();
    const answer = await browser.get(await browser.toCallback());
    expect(answer.status).toBe(503);
    const page = await pageOf(answer);
    expect(page).not.toContain(root);
    expect(page).not.toContain("hush");
    expect(logged.join()).toContain("others may read this key");
    expect(logged.join()).not.toContain("hush");
  });

  it("with names of providers show at the start", async () => {
    await openHome();
    for (const name of ["", "GitHub", "a/b", "token", "logout"]) {
      const again = fastify();
      const provider = { name, clientId: "x", clientSecretFile: null, endpoints: endpoints() };
      const deps = { tokens, wallet, now: () => NOW, publicUrl: null };
      await expect(
        registerLogin(again, { ...deps, providers: [{ ...provider, scopes: [], subjects: null }] }),
      ).rejects.toThrow("no provider's name");
    }
  });
});
