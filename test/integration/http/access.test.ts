// Who is let in: where a token may stand, what it is for, which card it acts as, and what the ledger says of
// that card.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ADMIN,
  BUYERS,
  LISTING,
  mustBe,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";

const MEMBERS = `/api/${NS}.Member`;
const PING = "/api/system/ping";

let home: TestHome;
let admin: string;
let seller: string;
beforeAll(async () => {
  home = await openTestHome({ options: { cors: ["https://page.example"] } });
  admin = home.tokenOf(ADMIN);
  seller = home.tokenOf(SELLERS[0]);
  await startPaper(home);
});
afterAll(() => home.close());

async function pinged(path: string, headers: { [name: string]: string }): Promise<unknown> {
  const { status, json } = await home.ask("GET", path, { headers });
  return status === 200 ? json.participant : [status, json.error.code];
}
const ME = `${NS}.Member#${SELLERS[0]}`;
const NOBODY = [401, "AUTHORIZATION_REQUIRED"];

describe("a token", () => {
  test("may stand wherever LoopBack looked for one", async () => {
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    expect(await pinged(`${PING}?access_token=${seller}`, {})).toBe(ME);
    for (const headers of [
      { "x-access-token": seller },
      { authorization: seller },
      { authorization: `Bearer ${seller}` },
      { authorization: `Bearer ${base64(seller)}` },
      { authorization: `Basic ${base64(`${seller}:x`)}` },
      { authorization: `Basic ${base64(`:${seller}`)}` },
      { cookie: `a=b; access_token=${seller}` },
      { cookie: `access_token=${encodeURIComponent(`s:${seller}.abc/def`)}` },
    ]) {
      expect(await pinged(PING, headers), JSON.stringify(Object.keys(headers))).toBe(ME);
    }
  });

  test("is needed, known, and not over", async () => {
    expect(await pinged(PING, {})).toEqual(NOBODY);
    expect(await pinged(PING, { "x-access-token": "a".repeat(64) })).toEqual(NOBODY);
    expect(await pinged(PING, { "x-access-token": "'; --" })).toEqual(NOBODY);
    const over = home.tokenOf(SELLERS[0], { expiresAt: Date.now() - 1 });
    expect(await pinged(PING, { "x-access-token": over })).toEqual([401, "INVALID_TOKEN"]);
    const { json } = await home.ask("GET", PING);
    expect(json).toEqual({
      error: {
        ...{ statusCode: 401, name: "Error", message: "Authorization Required" },
        code: "AUTHORIZATION_REQUIRED",
      },
    });
  });

  test("that is revoked opens nothing from then on", async () => {
    const token = home.tokenOf(SELLERS[0]);
    expect(await pinged(PING, { "x-access-token": token })).toBe(ME);
    home.tokens.revokeToken(token);
    expect(await pinged(PING, { "x-access-token": token })).toEqual(NOBODY);
  });

  test("in a cookie counts only for pages of this door's own", async () => {
    const cookie = `access_token=${seller}`;
    const host = new URL(home.rest.address).host;
    const from = (origin: string) => pinged(PING, { cookie, origin });
    expect(await from(`http://${host}`)).toBe(ME);
    expect(await from("https://page.example")).toBe(ME);
    expect(await from("https://evil.example")).toEqual(NOBODY);
    expect(await from("null")).toEqual(NOBODY);
    expect(await pinged(PING, { cookie, "sec-fetch-site": "cross-site" })).toEqual(NOBODY);
    // What is said on purpose is no cookie.
    expect(await pinged(PING, { "x-access-token": seller, origin: "https://evil.example" })).toBe(
      ME,
    );
  });

  test("is looked at before the body is", async () => {
    const { status } = await home.ask("POST", MEMBERS, { body: "{not JSON" });
    expect(status).toBe(401);
  });

  test("is for what its scopes say", async () => {
    const reader = home.tokenOf(ADMIN, { scopes: ["read"] });
    expect((await home.ask("GET", MEMBERS, { token: reader })).status).toBe(200);
    for (const [method, path] of [
      ["POST", MEMBERS],
      ["PUT", `${MEMBERS}/${SELLERS[0]}`],
      ["DELETE", `/api/${NS}.PV/seller1house`],
      ["GET", "/api/wallet"],
      ["POST", "/api/system/identities/issue"],
    ] as const) {
      const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
      const { status, json } = await home.ask(method, path, { token: reader, ...body });
      expect([method, status, json.error.code]).toEqual([method, 403, "INSUFFICIENT_SCOPE"]);
    }
    const trader = home.tokenOf(SELLERS[0], { scopes: ["trade"] });
    expect((await home.ask("GET", MEMBERS, { token: trader })).status).toBe(403);
  });
});

describe("a card", () => {
  test("is the user's default, or the one that X-Composer-Card names, of that user's wallet", async () => {
    const other = "seller2@vt.edu@pv-auction";
    const zip = home.wallet.export(other, SELLERS[1]);
    expect(await pinged(PING, { "x-access-token": seller, "x-composer-card": other })).toEqual([
      403,
      undefined,
    ]);
    home.wallet.import(zip, { user: SELLERS[0] });
    expect(await pinged(PING, { "x-access-token": seller, "x-composer-card": other })).toBe(
      `${NS}.Member#${SELLERS[1]}`,
    );
    expect(await pinged(PING, { "x-access-token": seller })).toBe(ME);
    home.wallet.delete(other, SELLERS[0]);
  });

  test("must be there: a user without one is told so", async () => {
    const token = home.tokenOf("github:1234");
    const { status, json } = await home.ask("GET", MEMBERS, { token });
    expect([status, json.error.message]).toEqual([
      403,
      "A business network card has not been specified",
    ]);
    expect((await home.ask("GET", "/api/wallet", { token })).json).toEqual([]);
  });

  test("of the operator is one of its own wallet, too", async () => {
    const token = home.tokenOf("operator", { isOperator: true });
    const name = "buyer1@vt.edu@pv-auction";
    const named = { "x-access-token": token, "x-composer-card": name };
    expect(await pinged(PING, named)).toEqual([403, undefined]);
    expect((await home.ask("GET", "/api/wallet", { token })).json).toEqual([]);
    const path = `/api/wallet/${encodeURIComponent(name)}`;
    expect((await home.ask("GET", `${path}/export`, { token })).status).toBe(404);
    expect((await home.ask("DELETE", path, { token })).status).toBe(404);
    home.wallet.import(home.wallet.export(name, BUYERS[0]), { user: "operator" });
    expect(await pinged(PING, named)).toBe(`${NS}.Member#${BUYERS[0]}`);
    const cards = await home.ask("GET", "/api/wallet", { token });
    expect(cards.json).toEqual([{ name, default: true }]);
    expect((await home.ask("DELETE", path, { token })).status).toBe(204);
    expect(home.wallet.get(name, BUYERS[0])).not.toBe(null);
  });
});

describe("nobody", () => {
  const denied = async (token: string, type: string, body: object): Promise<void> => {
    const signed = home.door.signed.length;
    const { status, json } = await home.ask("POST", `/api/${NS}.${type}`, { token, body });
    expect([type, status, json.error.code]).toEqual([type, 403, "ACCESS_DENIED"]);
    expect(json.error.message).toMatch(
      /^Participant 'org\.acme\.pv\.auction\.Member#\S+' does not have 'CREATE' access to resource 'org\.acme\.pv\.auction\./,
    );
    expect(home.door.signed.length).toBe(signed);
  };

  test("offers from another's PV or bids in another's name, the administrator included", async () => {
    const offer = { reservePrice: 0, kWhavailable: 1, listingid: LISTING, pv: "seller2house" };
    const bid = { BidPrice: 1, kWhQuantity: 1, listingid: LISTING, member: BUYERS[0] };
    for (const token of [seller, admin]) {
      await denied(token, "PVOffer", offer);
      await denied(token, "BUYOffer", bid);
    }
  });

  test("but the administrator registers others, creates listings, broadcasts and closes", async () => {
    const member = { balance: 200, email: "new@vt.edu", firstName: "a", lastName: "b" };
    await denied(seller, "Member", member);
    await denied(seller, "PV", { PVid: "roof", owner: SELLERS[1] });
    await denied(seller, "kWhlisting", { listingid: "21Mar18-14:00", state: "ACCEPT_OFFERS" });
    await denied(seller, "AcceptOfferBroadcast", { listingid: LISTING });
    await denied(seller, "CloseBidding", { listingid: LISTING });
  });

  test("is told about a body that it may not send", async () => {
    await denied(seller, "CloseBidding", { nonsense: [] });
  });
});

test("a member whose card is revoked neither reads nor trades", async () => {
  const [token, other] = [home.tokenOf(BUYERS[2]), home.tokenOf(BUYERS[1])];
  const { json } = await home.ask("GET", "/api/system/identities", { token });
  expect(json).toHaveLength(1);
  const path = `/api/system/identities/${json[0].identityId}`;
  expect((await home.ask("GET", path, { token: other })).status).toBe(404);
  expect((await home.ask("POST", `${path}/revoke`, { token, body: {} })).status).toBe(403);
  await mustBe(204, home.ask("POST", `${path}/revoke`, { token: admin, body: {} }));
  const read = await home.ask("GET", MEMBERS, { token });
  expect([read.status, read.json.error.message]).toEqual([
    403,
    expect.stringMatching(
      /^The current identity, with the name 'buyer3@vt\.edu' .* has been revoked$/,
    ),
  ]);
  const bid = { BidPrice: 1, kWhQuantity: 1, listingid: LISTING, member: BUYERS[2] };
  expect((await home.ask("POST", `/api/${NS}.BUYOffer`, { token, body: bid })).status).toBe(403);
});

test("a page of a configured origin may ask, of another not", async () => {
  const preflight = (origin: string) =>
    home.ask("OPTIONS", MEMBERS, {
      headers: { origin, "access-control-request-method": "POST" },
    });
  const good = await preflight("https://page.example");
  expect(good.headers.get("access-control-allow-origin")).toBe("https://page.example");
  expect(good.headers.get("access-control-allow-credentials")).toBe("true");
  const bad = await preflight("https://evil.example");
  expect(bad.headers.get("access-control-allow-origin")).toBe(null);
});

test("no token is logged, wherever it stands, and nothing that fails shows how", async () => {
  const lines: string[] = [];
  const note = (message: string, facts?: object): void => {
    lines.push(message + JSON.stringify(facts));
  };
  const log = { debug: note, info: note, warn: note, error: note };
  const noisy = await openTestHome({ log });
  try {
    const token = noisy.tokenOf(ADMIN);
    await noisy.ask("GET", `${MEMBERS}?access_token=${token}`);
    await noisy.ask("GET", `/nothing?access_token=${token}`, { headers: { authorization: token } });
    await noisy.ask("POST", `${MEMBERS}?access_token=${token}`, { body: "{" });
    const { door } = noisy;
    Object.defineProperty(door, "state", {
      get: () => {
        throw new Error(`a disk failed at /srv/secret ${token.slice(0, 3)}`);
      },
    });
    const failed = await noisy.ask("GET", `${MEMBERS}?access_token=${token}`);
    expect([failed.status, failed.json]).toEqual([
      500,
      { error: { statusCode: 500, name: "Error", message: "Internal Server Error" } },
    ]);
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.join("\n")).not.toContain(token);
    expect(lines.join("\n")).toContain("a disk failed");
  } finally {
    await noisy.close();
  }
});
