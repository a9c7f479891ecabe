// The REST door of one agent in the paper's laboratory, five real processes on this machine: how much it reads
// and commits a second, how long the slowest wait, and whether a thousand listeners hear everything.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import autocannon from "autocannon";
import { WebSocket } from "ws";
import { unixMs } from "../../agent/core/units/time.ts";
import { Laboratory } from "../../agent/lab/laboratory.ts";
import { paperHomes } from "../../agent/lab/paper.ts";
import { freePorts } from "../../agent/lab/ports.ts";
import { giveAccess, type LabTokens } from "../../agent/lab/restAccess.ts";
import { makeWorld } from "../../agent/lab/world.ts";
import type { Figures } from "./measure.ts";
import { residentMegabytes } from "./residentMegabytes.ts";

const NAMESPACE = "org.acme.pv.auction";
const HOMES = paperHomes();
const READERS = 50;
const BIDDERS = 100;
const SECONDS = 10;
const REQUEST_MAX_S = 30;
/** A member amends its bid 255 times in one listing at most. */
const LISTINGS = 24;
const SOCKETS = 1000;
const BROADCASTS = 10;
const HEARD_MAX_MS = 30_000;

type Door = { readonly url: string; readonly tokens: LabTokens };

export async function rest(): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  const marketStart = unixMs(Date.now());
  await makeWorld({
    ...{ dir, homes: HOMES, validators: 4, speed: 1, schedule: "manual", marketStart },
  });
  const ports = await freePorts(HOMES.length);
  const doors = HOMES.map(
    ({ name }, i) => [name, { port: ports[i] ?? 0, place: i, isByHand: true }] as const,
  );
  const tokens = giveAccess({ dir, homes: HOMES, hasAdministrator: true, now: marketStart });
  const lab = new Laboratory({
    ...{ dir, homes: HOMES, seed: 1, pv: null, load: null, rest: new Map(doors) },
    ...{ withDevices: false, administrator: null, print: () => {} },
    clock: { realStart: marketStart, marketStart, speed: 1 },
  });
  try {
    await lab.start();
    await lab.ready();
    const door = { url: `http://127.0.0.1:${ports[0]}`, tokens };
    await populate(door);
    const pid = lab.pid(HOMES[0]?.name ?? "") ?? 0;
    const atRest = residentMegabytes(pid);
    const reads = await measureReads(door);
    const offers = await measureOffers(door);
    const loaded = residentMegabytes(pid);
    const sockets = await measureSockets(door);
    const memory = { megabytesAtRest: atRest, megabytesLoaded: loaded };
    return { ...reads, ...offers, ...sockets, ...memory, megabytesLast: residentMegabytes(pid) };
  } finally {
    await lab.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function populate(door: Door): Promise<void> {
  for (const { name, memberId } of HOMES) {
    const names = { firstName: name, lastName: name };
    await post(door, "Member", { balance: 1_000_000, email: memberId, ...names });
  }
  const listings = Array.from({ length: LISTINGS }, (_, i) => listingOf(i));
  await Promise.all(
    listings.map((listingid) => post(door, "kWhlisting", { listingid, state: "ACCEPT_OFFERS" })),
  );
}

async function measureReads({ url, tokens }: Door): Promise<Figures> {
  const headers = { "x-access-token": tokens["buyer1@vt.edu"] ?? "" };
  const { "2xx": read, ...result } = await autocannon({
    ...{ url, connections: READERS, duration: SECONDS, timeout: REQUEST_MAX_S },
    requests: [
      { method: "GET", path: `/api/${NAMESPACE}.Member`, headers },
      { method: "GET", path: `/api/${NAMESPACE}.kWhlisting/${listingOf(0)}`, headers },
    ],
  });
  return {
    readsPerSecond: Math.round(read / result.duration),
    readP99Ms: result.latency.p99,
    readsFailed: result.non2xx + result.errors,
  };
}

/** Bids of five cards by turns, each another one: every answer comes after its commit. */
async function measureOffers({ url, tokens }: Door): Promise<Figures> {
  const path = `/api/${NAMESPACE}.BUYOffer`;
  let n = 0;
  const requests = HOMES.map(({ memberId }) => ({
    ...{ method: "POST", path },
    headers: { "content-type": "application/json", "x-access-token": tokens[memberId] ?? "" },
    setupRequest: (request: { readonly path: string }) => {
      n += 1;
      const bid = { BidPrice: 1, kWhQuantity: (1 + (n % 999)) / 1000, member: memberId };
      const listingid = listingOf(Math.floor(n / HOMES.length) % LISTINGS);
      return { ...request, body: JSON.stringify({ ...bid, listingid }) };
    },
  }));
  const { "2xx": committed, ...result } = await autocannon({
    ...{ url, connections: BIDDERS, duration: SECONDS, timeout: REQUEST_MAX_S, requests },
  });
  return {
    offersCommittedPerSecond: Math.round(committed / result.duration),
    offerP50Ms: result.latency.p50,
    offerP99Ms: result.latency.p99,
    offersFailed: result.non2xx + result.errors,
  };
}

/** Each socket counts the broadcasts that it hears. */
async function measureSockets(door: Door): Promise<Figures> {
  const heard = new Map<WebSocket, number>();
  const address = door.url.replace("http", "ws");
  for (let opened = 0; opened < SOCKETS; opened += 100) {
    const sockets = Array.from({ length: 100 }, () => new WebSocket(address));
    await Promise.all(
      sockets.map(async (socket) => {
        await new Promise((resolve, reject) => {
          socket.once("open", resolve);
          socket.once("error", reject);
        });
        heard.set(socket, 0);
        socket.on("message", () => heard.set(socket, (heard.get(socket) ?? 0) + 1));
      }),
    );
  }
  const started = performance.now();
  for (let n = 0; n < BROADCASTS; n += 1) {
    await post(door, "AcceptOfferBroadcast", { listingid: listingOf(n) });
  }
  const isHeard = (): boolean => [...heard.values()].every((count) => count >= BROADCASTS);
  while (!isHeard() && performance.now() - started < HEARD_MAX_MS) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const elapsed = performance.now() - started;
  const frames = [...heard.values()].reduce((sum, count) => sum + count, 0);
  for (const socket of heard.keys()) socket.terminate();
  return {
    webSockets: heard.size,
    webSocketFrames: frames,
    webSocketFramesMissed: heard.size * BROADCASTS - frames,
    msPerBroadcast: Math.round(elapsed / BROADCASTS),
  };
}

async function post({ url, tokens }: Door, type: string, body: object): Promise<void> {
  const { admin = "" } = tokens;
  const response = await fetch(`${url}/api/${NAMESPACE}.${type}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-access-token": admin },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${type}: ${response.status} ${await response.text()}`);
}

/** An hour of one day each. */
function listingOf(i: number): string {
  return `${String(1 + i).padStart(2, "0")}Jun26-12:00`;
}
