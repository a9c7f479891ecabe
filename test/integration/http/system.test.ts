// What is beside the registries: who one is, what was said, cards and their wallet, queries, the explorer.

import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toPem } from "../../../agent/io/pem.ts";
import { readCardFile, writeCardFile } from "../../../agent/io/wallet/cardFile.ts";
import { testCard } from "../../support/cards.ts";
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

const SYSTEM = "org.hyperledger.composer.system";

let home: TestHome;
let admin: string;
let seller: string;
beforeAll(async () => {
  home = await openTestHome();
  admin = home.tokenOf(ADMIN);
  seller = home.tokenOf(SELLERS[0]);
  await startPaper(home);
});
afterAll(() => home.close());

/** A member of the ledger without a card. */
async function newMember(email: string): Promise<void> {
  const body = { balance: 200, email, firstName: "a", lastName: "b" };
  await mustBe(200, home.ask("POST", `/api/${NS}.Member`, { token: admin, body }));
}

async function download(path: string, token: string, body?: object): Promise<Uint8Array> {
  const answer = await fetch(home.rest.address + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { "x-access-token": token, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    200,
    "application/octet-stream",
  ]);
  return new Uint8Array(await answer.arrayBuffer());
}

async function send(
  path: string,
  token: string,
  { zip, part = "card" }: { zip: Uint8Array; part?: string },
) {
  const form = new FormData();
  form.append(part, new Blob([zip]), "x.card");
  const headers = { "x-access-token": token };
  const answer = await fetch(home.rest.address + path, { method: "POST", headers, body: form });
  const text = await answer.text();
  return { status: answer.status, json: text === "" ? null : JSON.parse(text) };
}

test("ping tells who one is", async () => {
  const { json } = await mustBe(200, home.ask("GET", "/api/system/ping", { token: seller }));
  expect(json).toEqual({
    version: expect.any(String),
    participant: `${NS}.Member#${SELLERS[0]}`,
    identity: expect.stringMatching(/^org\.hyperledger\.composer\.system\.Identity#[0-9a-f]{64}$/),
  });
});

test("the historian tells all that was said, in order, and each by its id", async () => {
  const { json } = await mustBe(200, home.ask("GET", "/api/system/historian", { token: seller }));
  expect(json.map((one: { transactionType: string }) => one.transactionType)).toEqual([
    ...Array.from({ length: 5 }, () => `${SYSTEM}.AddParticipant`),
    ...Array.from({ length: 3 }, () => `${SYSTEM}.AddAsset`),
  ]);
  const path = `/api/system/historian/${json[3].transactionId}`;
  expect((await home.ask("GET", path, { token: seller })).json).toEqual(json[3]);
  const { identity } = (await home.ask("GET", "/api/system/ping", { token: admin })).json;
  expect(json[0].identityUsed).toBe(`resource:${identity}`);
  const none = await home.ask("GET", `/api/system/historian/${"0".repeat(64)}`, { token: seller });
  expect(none.status).toBe(404);
  const last = `/api/system/historian?filter=${encodeURIComponent('{"limit":2,"skip":6}')}`;
  expect((await home.ask("GET", last, { token: seller })).json).toEqual(json.slice(6));
});

describe("an identity", () => {
  test("is seen by its owner and the administrator", async () => {
    const all = await home.ask("GET", "/api/system/identities", { token: admin });
    expect(all.json.length).toBe(5);
    const own = await home.ask("GET", "/api/system/identities", { token: seller });
    expect(own.json.map((one: { name: string }) => one.name)).toEqual([SELLERS[0]]);
    const path = `/api/system/identities/${own.json[0].identityId}`;
    expect((await home.ask("GET", path, { token: seller })).json).toEqual(own.json[0]);
    expect((await home.ask("GET", path, { token: home.tokenOf(BUYERS[0]) })).status).toBe(404);
  });

  test("is issued as a card that trades after its import", async () => {
    await newMember("late@vt.edu");
    const body = { participant: `${NS}.Member#late@vt.edu`, userID: "late" };
    const zip = await download("/api/system/identities/issue", admin, body);
    const card = readCardFile(zip);
    expect(card.metadata.userName).toBe("late");
    expect(new X509Certificate(card.certificate).checkPrivateKey(card.privateKey)).toBe(true);
    const token = home.tokenOf("late");
    expect((await send("/api/wallet/import", token, { zip })).status).toBe(204);
    const bid = { BidPrice: 1, kWhQuantity: 1, listingid: LISTING, member: "late@vt.edu" };
    const posted = await home.ask("POST", `/api/${NS}.BUYOffer`, { token, body: bid });
    expect(posted.status).toBe(200);
    const again = await home.ask("POST", "/api/system/identities/issue", { token: admin, body });
    expect(again.status).toBe(409);
  });

  test("is issued by the administrator alone, to members alone", async () => {
    const issue = (token: string, body: object) =>
      home.ask("POST", "/api/system/identities/issue", { token, body });
    const body = { participant: SELLERS[1], userID: "x" };
    expect((await issue(seller, body)).status).toBe(403);
    expect((await issue(admin, { ...body, participant: "no@vt.edu" })).status).toBe(404);
    expect((await issue(admin, { userID: "x" })).json.error.message).toBe(
      "participant is a required argument",
    );
    expect((await issue(admin, { ...body, userID: "../x" })).status).toBe(422);
    expect((await issue(admin, { ...body, participant: `${NS}.PV#x` })).status).toBe(422);
  });

  test("is bound by a certificate of the community's CA alone", async () => {
    await newMember("bound@vt.edu");
    const card = await testCard(home.ca, "bound@vt.edu");
    const bind = (certificate: string) =>
      home.ask("POST", "/api/system/identities/bind", {
        token: admin,
        body: { participant: `resource:${NS}.Member#bound@vt.edu`, certificate },
      });
    expect((await bind("nonsense")).status).toBe(422);
    const other = await testCard(home.ca, "other@vt.edu");
    expect((await bind(toPem("CERTIFICATE", other.certificate))).status).toBe(422);
    expect((await bind(toPem("CERTIFICATE", card.certificate))).status).toBe(204);
    expect((await bind(toPem("CERTIFICATE", card.certificate))).status).toBe(409);
  });

  test("is revoked once, and then replaced: the old card is nobody's", async () => {
    await newMember("twice@vt.edu");
    const card = await testCard(home.ca, "twice@vt.edu");
    home.wallet.add(card, { user: "twice" });
    const participant = "twice@vt.edu";
    const post = (path: string, body: object) =>
      home.ask("POST", `/api/system/identities/${path}`, { token: admin, body });
    const certificate = toPem("CERTIFICATE", card.certificate);
    await mustBe(204, post("bind", { participant, certificate }));
    const token = home.tokenOf("twice");
    const rename = async (lastName: string): Promise<void> => {
      const body = { balance: 200, firstName: "a", lastName };
      const path = `/api/${NS}.Member/${participant}`;
      await mustBe(200, home.ask("PUT", path, { token, body }));
    };
    await rename("first");
    const { json } = await home.ask("GET", "/api/system/identities", { token });
    await mustBe(204, post(`${json[0].identityId}/revoke`, {}));
    expect((await post(`${json[0].identityId}/revoke`, {})).status).toBe(409);
    expect((await post(`${"0".repeat(64)}/revoke`, {})).status).toBe(404);
    const next = await testCard(home.ca, "twice@vt.edu");
    const bound = { participant, certificate: toPem("CERTIFICATE", next.certificate) };
    await mustBe(204, post("bind", bound));
    const old = await home.ask("GET", "/api/system/ping", { token });
    expect([old.status, old.json.error.message]).toEqual([
      403,
      expect.stringContaining("has been revoked"),
    ]);
    home.wallet.import(writeCardFile(next), { user: "twice" });
    const ping = await mustBe(200, home.ask("GET", "/api/system/ping", { token }));
    await rename("second");
    // What the old key signed is not told to be the new one's.
    const told = await home.ask("GET", "/api/system/historian", { token });
    const mine = told.json.filter((one: { participantInvoking: string }) =>
      one.participantInvoking.endsWith(participant),
    );
    const used = `resource:${ping.json.identity}`;
    expect(mine.map((one: { identityUsed?: string }) => one.identityUsed)).toEqual([
      ...[undefined, used],
    ]);
    for (const one of mine) {
      const path = `/api/system/historian/${one.transactionId}`;
      expect((await home.ask("GET", path, { token })).json).toEqual(one);
    }
  });
});

test("without the CA on this agent a card is issued elsewhere", async () => {
  const other = await openTestHome({ hasCa: false });
  try {
    await startPaper(other);
    const body = { participant: SELLERS[0], userID: "x" };
    const token = other.tokenOf(ADMIN);
    const issued = await other.ask("POST", "/api/system/identities/issue", { token, body });
    expect(issued.status).toBe(501);
  } finally {
    await other.close();
  }
});

describe("the wallet", () => {
  test("is Composer's: import, export, default, delete", async () => {
    const token = home.tokenOf("github:42");
    const name = "walter@vt.edu@pv-auction";
    const path = `/api/wallet/${encodeURIComponent(name)}`;
    const zip = writeCardFile(await testCard(home.ca, "walter@vt.edu"));
    expect((await home.ask("GET", "/api/wallet", { token })).json).toEqual([]);
    expect(await send("/api/wallet/import", token, { zip })).toEqual({ status: 204, json: null });
    expect((await home.ask("GET", "/api/wallet", { token })).json).toEqual([
      { name, default: true },
    ]);
    expect((await send("/api/wallet/import?name=second", token, { zip })).status).toBe(204);
    expect((await home.ask("GET", "/api/wallet/second", { token })).json).toEqual({
      name: "second",
      default: false,
    });
    expect((await home.ask("HEAD", path, { token })).status).toBe(204);
    expect(
      (await home.ask("POST", "/api/wallet/second/setDefault", { token, body: {} })).status,
    ).toBe(204);
    expect((await home.ask("GET", path, { token })).json).toEqual({ name, default: false });
    const exported = await download(`${path}/export`, token);
    expect(readCardFile(exported).metadata.userName).toBe("walter@vt.edu");
    expect((await home.ask("DELETE", "/api/wallet/second", { token })).status).toBe(204);
    const none = await home.ask("GET", "/api/system/ping", { token });
    expect(none.json.error.message).toBe("A business network card has not been specified");
  });

  test("shows no user another's cards", async () => {
    const token = home.tokenOf("github:43");
    for (const [method, suffix] of [
      ["GET", ""],
      ["HEAD", ""],
      ["DELETE", ""],
      ["GET", "/export"],
      ["POST", "/setDefault"],
    ] as const) {
      const path = `/api/wallet/${encodeURIComponent("admin@vt.edu@pv-auction")}${suffix}`;
      const body = method === "POST" ? { body: {} } : {};
      const { status, json } = await home.ask(method, path, { token, ...body });
      expect([method, suffix, status]).toEqual([method, suffix, 404]);
      if (json !== null) {
        expect(json.error.message).toBe(
          'The business network card "admin@vt.edu@pv-auction" does not exist',
        );
      }
    }
  });

  test("refuses what is no card", async () => {
    const token = home.tokenOf("github:44");
    const zip = new TextEncoder().encode("no zip at all");
    const told = await send("/api/wallet/import", token, { zip });
    expect(told.status).toBe(422);
    expect(told.json.error.message).not.toMatch(/\/tmp\//);
    expect((await send("/api/wallet/import", token, { zip, part: "file" })).status).toBe(400);
    const large = new Uint8Array(200_000);
    expect((await send("/api/wallet/import", token, { zip: large })).status).toBe(413);
    const json = await home.ask("POST", "/api/wallet/import", { token, body: {} });
    expect(json.status).toBe(415);
    expect((await home.ask("GET", "/api/wallet", { token })).json).toEqual([]);
  });

  test("takes another CA's card, which is nobody here", async () => {
    const { testCa } = await import("../../support/cards.ts");
    const forged = writeCardFile(await testCard(await testCa(), SELLERS[0]));
    const token = home.tokenOf("mallory");
    expect((await send("/api/wallet/import", token, { zip: forged })).status).toBe(204);
    const ping = await home.ask("GET", "/api/system/ping", { token });
    expect(ping.status).toBe(403);
    const offer = { kWhavailable: 1, listingid: LISTING, pv: "seller1house" };
    const asked = await home.ask("POST", `/api/${NS}.PVOffer`, { token, body: offer });
    expect(asked.status).toBe(403);
    const stranger = writeCardFile(await testCard(await testCa(), "stranger@vt.edu"));
    const other = home.tokenOf("stranger");
    expect((await send("/api/wallet/import", other, { zip: stranger })).status).toBe(204);
    const { status, json } = await home.ask("GET", `/api/${NS}.Member`, { token: other });
    expect([status, json.error.message]).toEqual([
      403,
      expect.stringContaining("not been registered"),
    ]);
  });
});

test("queries answer by name", async () => {
  const query = (path: string) => home.ask("GET", `/api/queries/${path}`, { token: seller });
  const open = await query("selectOpenListings");
  expect(open.json.map((one: { listingid: string }) => one.listingid)).toEqual([LISTING]);
  expect((await query("selectListingsByState?state=FOR_SALE")).json).toEqual(open.json);
  expect((await query("selectListingsByState?state=VOID")).json).toEqual([]);
  const pvs = await query(`selectPVsByOwner?owner=${encodeURIComponent(SELLERS[1])}`);
  expect(pvs.json.map((one: { PVid: string }) => one.PVid)).toEqual(["seller2house"]);
  expect((await query("selectPVOffersByPV?pv=seller1house")).json).toEqual([]);
  const missing = await query("selectPVsByOwner");
  expect([missing.status, missing.json.error.message]).toEqual([
    400,
    "owner is a required argument",
  ]);
  expect((await query("selectNothing")).status).toBe(404);
});

describe("the explorer", () => {
  test("needs no token and nothing from elsewhere", async () => {
    const root = await home.ask("GET", "/");
    expect([root.status, root.headers.get("location")]).toEqual([302, "/explorer/"]);
    const page = await home.ask("GET", "/explorer/");
    expect(page.status).toBe(200);
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      expect(file).toMatch(/^\/explorer\//);
      expect([file, (await home.ask("GET", file)).status]).toEqual([file, 200]);
    }
    expect((await home.ask("GET", "/explorer/config.json")).json).toEqual({
      url: "/explorer/swagger.json",
    });
    expect((await home.ask("GET", "/status")).json).toEqual({
      started: expect.any(String),
      uptime: expect.any(Number),
    });
  });

  test("describes each route, in Swagger 2.0 and OpenAPI 3", async () => {
    const { json: swagger } = await home.ask("GET", "/explorer/swagger.json");
    expect([swagger.swagger, swagger.basePath]).toEqual(["2.0", "/api"]);
    const path = swagger.paths[`/${NS}.kWhlisting/{id}`];
    expect(Object.keys(path).sort()).toEqual(["delete", "get", "head", "put"]);
    const sent = swagger.paths[`/${NS}.PVOffer`].post.parameters[0].schema.$ref;
    expect(sent).toBe(`#/definitions/${NS}.PVOffer`);
    expect(swagger.definitions[`${NS}.PVOffer`].required).toContain("kWhavailable");
    const names = Object.keys(swagger.paths);
    expect(names).toContain("/system/identities/{id}/revoke");
    expect(names).toContain("/wallet/{name}/setDefault");
    const { json: openapi } = await home.ask("GET", "/explorer/openapi.json");
    expect(openapi.openapi).toMatch(/^3\./);
    expect(Object.keys(openapi.paths).sort()).toEqual(names.sort());
    expect(openapi.components.schemas[`${NS}.Member`].properties.balance.type).toBe("number");
  });
});
