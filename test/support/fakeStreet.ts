// A street that the page can be shown without any agent: a bare broker and a REST door with a small, known market.

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";
import { waitForNoReader } from "../../broker/aedesInside.ts";
import type { PageConfig } from "../../broker/dashboard/page/pageConfig.ts";
import { type OpenPage, openPage } from "../../broker/dashboard/server.ts";

const NS = "org.acme.pv.auction";
const HOUR = 3_600_000;
/** 13:20 in New York. */
export const STREET_NOW = Date.parse("2018-03-21T17:20:00Z");
/** The first delivery; hours of ten closed listings follow. */
const FIRST = Date.parse("2018-03-21T08:00:00Z");
export const STREET_TOKEN = "street-token";

export type FakeStreet = {
  readonly wsUrl: string;
  readonly rest: string;
  readonly say: (topic: string, value: unknown) => Promise<void>;
  /** What REST answers; the street's own otherwise. */
  listings: readonly object[];
  /** What REST answers to Member and PV; the street's own otherwise. */
  members: readonly object[] | null;
  pvs: readonly object[] | null;
  /** Says the whole story as the homes would when the broker is new. */
  readonly tell: () => Promise<void>;
  /** The broker goes, and comes back on the same port with nothing retained. */
  readonly restartBroker: (whileAway: () => Promise<void>) => Promise<void>;
  readonly close: () => Promise<void>;
};

export const MEMBERS = [
  { id: "seller1@vt.edu", first: "Ann", last: "Miller", balance: 218.25 },
  { id: "seller2@vt.edu", first: "Bo", last: "Chen", balance: 209 },
  { id: "buyer1@vt.edu", first: "Cleo", last: "Diaz", balance: 185 },
  { id: "buyer2@vt.edu", first: "Dan", last: "Evans", balance: 191.75 },
  { id: "buyer3@vt.edu", first: "Eve", last: "Fox", balance: 196 },
] as const;

export function street(): {
  readonly listings: readonly object[];
  readonly open: ReturnType<typeof listingRow>;
  readonly closed: readonly ReturnType<typeof listingRow>[];
} {
  const closed = Array.from({ length: 10 }, (_, i) => listingRow(i, true));
  const open = listingRow(10, false);
  return { listings: [...closed, open], closed, open };
}

function idOf(at: number): string {
  const hours = new Date(at - 4 * HOUR).getUTCHours();
  return `21Mar18-${String(hours).padStart(2, "0")}:00`;
}

const relation = (type: string, id: string) => `resource:${NS}.${type}#${id}`;

/** Prices of the i-th hour are 3 and a little; seller2 asks more than anybody pays. */
function listingRow(i: number, isClosed: boolean) {
  const start = FIRST + i * HOUR;
  const listingid = idOf(start);
  const at = (second: number) => new Date(start - HOUR + second * 1000).toISOString();
  const price = 3 + (i % 4) / 4;
  const listing = relation("kWhlisting", listingid);
  const id = (n: number) => `${i}${n}`.padStart(64, "0");
  const offers = [
    { pv: "seller1house", kWh: 4 + (i % 3), reserve: 2, second: 60 },
    { pv: "seller2house", kWh: 3, reserve: 2.5, second: 62 },
  ];
  const bids = [
    { member: "buyer1@vt.edu", kWh: 4, price },
    { member: "buyer2@vt.edu", kWh: 2.5, price },
    { member: "buyer3@vt.edu", kWh: 1, price },
  ];
  const sold1 = Math.min(offers[0]!.kWh, 7.5);
  const fill = (seller: string, buyer: string, kWh: number) => ({
    ...{ seller: relation("Member", `${seller}@vt.edu`), pv: relation("PV", `${seller}house`) },
    ...{ buyer: relation("Member", `${buyer}@vt.edu`), kWh, price },
  });
  const rest1 = Math.min(sold1 - 4, 2.5);
  const fills = [
    fill("seller1", "buyer1", 4),
    ...(rest1 > 0 ? [fill("seller1", "buyer2", rest1)] : []),
    ...(rest1 < 2.5 ? [fill("seller2", "buyer2", 2.5 - Math.max(0, rest1))] : []),
    fill("seller2", "buyer3", Math.min(1, 3 - (2.5 - Math.max(0, rest1)))),
  ];
  return {
    $class: `${NS}.kWhlisting`,
    ...{ listingid, state: isClosed ? "AUCTION_CLOSED" : "ACCEPT_OFFERS" },
    pvoffers: offers.map(({ pv, kWh, reserve, second }, n) => ({
      ...{ $class: `${NS}.PVOffer`, reservePrice: reserve, kWhavailable: kWh, listingid: listing },
      ...{ pv: relation("PV", pv), transactionId: id(n), timestamp: at(second) },
    })),
    buyoffers: bids.map((bid, n) => ({
      ...{
        $class: `${NS}.BUYOffer`,
        BidPrice: bid.price,
        kWhQuantity: bid.kWh,
        listingid: listing,
      },
      ...{ member: relation("Member", bid.member), transactionId: id(n + 5) },
      timestamp: at(70 + n),
    })),
    ...(isClosed ? { mcp: price, fills } : {}),
  };
}

export async function openFakeStreet(): Promise<FakeStreet> {
  const market: Market = { listings: street().listings, members: null, pvs: null };
  const rest = await listen(createServer(answerRest(market)));
  let broker = await openFakeBroker(0);
  const { port } = broker;
  const say = (topic: string, value: unknown) => broker.say(`pvtrading/${topic}`, value);
  return Object.assign(market, {
    wsUrl: `ws://127.0.0.1:${port}`,
    rest: addressOf(rest),
    say,
    tell: () => tellStory(say),
    restartBroker: async (whileAway: () => Promise<void>) => {
      await broker.close();
      await whileAway();
      broker = await openFakeBroker(port);
    },
    close: async () => {
      await broker.close();
      rest.closeAllConnections();
      await new Promise((resolve) => rest.close(resolve));
    },
  });
}

type Market = Pick<FakeStreet, "listings" | "members" | "pvs">;

type Say = (topic: string, value: unknown) => Promise<void>;

async function tellStory(say: Say): Promise<void> {
  const { open } = street();
  const at = new Date(STREET_NOW).toISOString();
  const heights = { seller1: 120, seller2: 120, buyer1: 120, buyer2: 117, buyer3: 120 };
  for (const { id, balance } of MEMBERS) {
    const home = id.split("@")[0] as keyof typeof heights;
    const height = heights[home];
    await say(`${home}/status`, home === "buyer3" ? "offline" : "online");
    await say(`${home}/balance`, { at, balance, reserved: 0 });
    await say(`${home}/health`, {
      ...{ at, version: home === "buyer1" ? "0.0.9" : "0.1.0", memberId: id, uptime_s: 7260 },
      ...{ rss_mb: 96.4, clock_synchronised: home !== "buyer2", caught_up: home !== "buyer2" },
      ...{ clock_offset_ms: home === "buyer2" ? -2400 : 0.4, round_trip_ms: tripsOf(home) },
      ...{ quarantined: null, halted: null, rest: null, dropped_messages: 0 },
    });
    await say(`${home}/ledger`, {
      ...{
        height,
        blockId: `${height}ab`.padEnd(64, "c"),
        stateRoot: `${height}5f`.padEnd(64, "d"),
      },
      ...{ time: at, peers: MEMBERS.filter((one) => one.id !== id).map((one) => one.id) },
      ...{ validators: MEMBERS.slice(0, 4).map((one) => one.id), evidence: [] },
    });
    await tellDevices(say, home);
  }
  const of = { at, listingid: open.listingid };
  await say("seller1/forecast", {
    ...{ ...of, production_kwh: 4.62, production_low_kwh: 3.1, production_high_kwh: 5.048 },
    ...{ consumption_kwh: 0.62, consumption_low_kwh: 0.4, consumption_high_kwh: 1.395 },
  });
  await say("seller1/offer", {
    ...of,
    ...{ action: "sell", energy_kwh: 4, price: 2, reason: "excess" },
  });
  await say("buyer1/offer", { ...of, action: "buy", energy_kwh: 4, price: 3, reason: "deficit" });
  const start = FIRST + 10 * HOUR;
  const iso = (time: number) => new Date(time).toISOString();
  await say("seller1/listing", {
    ...{ ...of, state: "ACCEPT_OFFERS", deliveryStart: iso(start) },
    ...{ opensAt: iso(start - 59 * 60_000), cutoffAt: iso(start - 60_000) },
    ...{ clearsAt: iso(start - 45_000), endsAt: iso(start + HOUR), offers: 2, bids: 3 },
    ...{ offered_kwh: 8, wanted_kwh: 7.5, mcp: null, traded_kwh: 0, fillCount: 0, fills: [] },
  });
}

/** Each way a little longer than the one before; to and from buyer1 by a slow line. */
function tripsOf(home: string): { readonly [memberId: string]: number } {
  const others = MEMBERS.filter(({ id }) => !id.startsWith(`${home}@`));
  return Object.fromEntries(
    others.map(({ id }, i) => [
      id,
      home === "buyer1" || id.startsWith("buyer1") ? 180 + i : 1.2 + i,
    ]),
  );
}

async function tellDevices(say: Say, home: string): Promise<void> {
  const isSeller = home.startsWith("seller");
  const noon = Date.parse("2018-03-21T17:00:00Z");
  const samples = home === "seller1" ? 96 : 1;
  for (let i = samples - 1; i >= 0; i -= 1) {
    const time = STREET_NOW - i * 5 * 60_000;
    const at = new Date(time).toISOString();
    const sun = Math.max(0, 5200 * Math.cos(((time - noon) / HOUR / 13) * Math.PI));
    const made = Math.round(sun * (1 - 0.12 * Math.sin(i)));
    const used = Math.round(520 + 260 * Math.sin(i / 5) ** 2 + (i % 17 === 3 ? 1400 : 0));
    if (isSeller && home === "seller1") {
      await say(`${home}/device/inverter/state`, {
        ...{ at, kind: "inverter", source: "Fronius Symo 6.0-3-M 29301234", state: "producing" },
        ...{ power_w: made, energy_total_kwh: 12_345.678 },
      });
    }
    const power = (home === "seller1" ? used - made : used) + (home === "seller2" ? 100 : 0);
    await say(`${home}/device/meter/state`, {
      ...{ at, kind: "meter", source: "Fronius Smart Meter 63A 18190123", power_w: power },
      ...{ import_total_kwh: 8_123.4, export_total_kwh: isSeller ? 6_021.25 : 0 },
    });
  }
  if (home !== "seller2") return;
  const at = new Date(STREET_NOW - 2 * HOUR).toISOString();
  await say(`${home}/device/inverter/state`, {
    ...{ at, kind: "inverter", source: "SunSpec inverter 7012", state: "producing" },
    ...{ power_w: 2100, energy_total_kwh: 8_021.5 },
  });
  await say(`${home}/device/inverter/availability`, "offline");
  await say(`${home}/device/inverter/error`, {
    ...{ at, code: "unreachable", text: "192.168.1.40:502 does not answer (ETIMEDOUT)" },
  });
}

// -------------------------------------------------------------------------------------- REST

const answerRest =
  (market: Market): RequestListener =>
  (request, response) => {
    const { headers, url = "/", method } = request;
    response.setHeader("access-control-allow-origin", headers.origin ?? "*");
    response.setHeader("access-control-allow-headers", "x-access-token, content-type");
    if (method === "OPTIONS") {
      response.writeHead(204).end();
      return;
    }
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(value));
    };
    if (headers["x-access-token"] !== STREET_TOKEN) {
      const message = "Authorization Required";
      answer(401, { error: { statusCode: 401, name: "Error", message } });
      return;
    }
    const [asked = ""] = url.replace(/^\/api\//, "").split("?");
    const path = decodeURIComponent(asked.replace(`${NS}.`, ""));
    if (method === "POST") {
      answer(200, { $class: `${NS}.${path}`, transactionId: "f".repeat(64) });
      return;
    }
    const { listings, members, pvs } = market;
    const rows = {
      Member:
        members ??
        MEMBERS.map(({ id, first, last, balance }) => ({
          ...{ $class: `${NS}.Member`, balance, email: id, firstName: first, lastName: last },
        })),
      PV:
        pvs ??
        ["seller1", "seller2"].map((name) => ({
          ...{ $class: `${NS}.PV`, PVid: `${name}house`, capacityKw: 6.4 },
          owner: relation("Member", `${name}@vt.edu`),
        })),
      kWhlisting: listings,
      "system/historian": street().closed.flatMap(({ pvoffers }) =>
        pvoffers.map(({ transactionId, timestamp, pv }) => ({
          ...{ transactionId, transactionType: `${NS}.PVOffer`, transactionTimestamp: timestamp },
          participantInvoking: relation(
            "Member",
            pv.includes("seller1") ? "seller1@vt.edu" : "seller2@vt.edu",
          ),
        })),
      ),
      // None: what the listings say is enough for a day.
      "pvtrading/hours": [],
      wallet: [],
      "pvtrading/blocks": { first: 0, last: 0, next: null, blocks: [] },
      "pvtrading/evidence": { evidence: [] },
      "system/ping": { version: "0.20.10", participant: `${NS}.Member#seller1@vt.edu` },
    }[path];
    answer(rows === undefined ? 404 : 200, rows ?? { error: { message: "no such" } });
  };

// ------------------------------------------------------------------------------------ broker

async function openFakeBroker(port: number): Promise<{
  readonly port: number;
  readonly say: Say;
  readonly close: () => Promise<void>;
}> {
  const aedes = await Aedes.createBroker();
  aedes.on("client", waitForNoReader);
  const server = createServer();
  const acceptor = new WebSocketServer({ server });
  acceptor.on("connection", (socket) => {
    const stream = createWebSocketStream(socket);
    stream.on("error", () => {});
    aedes.handle(stream);
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    say: (topic, value) =>
      new Promise((resolve, reject) => {
        const payload = typeof value === "string" ? value : JSON.stringify(value);
        const retain = !topic.includes("/event/");
        aedes.publish({ cmd: "publish", topic, payload, qos: 0, retain, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    close: async () => {
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of acceptor.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, port = 0): Promise<Server> {
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The page's server for this street; `port` 0: any. What `config` leaves out is as the laboratory has it. */
export function openStreetPage(
  { wsUrl, rest }: Pick<FakeStreet, "wsUrl" | "rest">,
  port: number,
  config: Partial<PageConfig> = {},
): Promise<OpenPage> {
  return openPage({
    ...{ host: "127.0.0.1", port, log: () => {} },
    config: {
      ...{ title: "Test street", mqttUrl: wsUrl, timeZone: "America/New_York" },
      homes: MEMBERS.map(({ id }) => ({ name: id.split("@")[0] ?? "", memberId: id, rest })),
      clock: { realStart: Date.now(), marketStart: STREET_NOW, speed: 1 },
      readToken: STREET_TOKEN,
      ...config,
    },
  });
}
