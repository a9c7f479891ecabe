// The figures' server on a real port.

import { get } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { genesis } from "../../../agent/core/ledger/state.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { type Metrics, openMetrics } from "../../../agent/io/metrics.ts";
import type { AgentDoor } from "../../../agent/ports.ts";
import { makeRules } from "../../support/ledger.ts";
import { silentLog } from "../../support/silentLog.ts";

const state = genesis(makeRules());
const door = {
  ...{ self: memberId("seller1@vt.edu"), rules: state.rules, ledger: () => state },
  ...{ peers: () => [], isCaughtUp: () => true },
} as unknown as AgentDoor;

let metrics: Metrics;
const open = (port = 0): Promise<Metrics> =>
  openMetrics({
    ...{ host: "127.0.0.1", port, door, version: "0.1.0", log: silentLog },
    ...{ isClockSynchronised: () => true, isMqttConnected: () => null },
  });
beforeEach(async () => {
  metrics = await open();
});
afterEach(() => metrics.close());

it("answers Prometheus, and nobody else's questions", async () => {
  const answer = await fetch(metrics.address);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await answer.text()).toContain("pvtrading_ledger_height 0\n");
  expect((await fetch(`${metrics.address}?x=1`)).status).toBe(200);
  const { origin } = new URL(metrics.address);
  expect((await fetch(`${origin}/`)).status).toBe(404);
  expect((await fetch(`${origin}/metrics/x`)).status).toBe(404);
  expect((await fetch(metrics.address, { method: "POST" })).status).toBe(405);
  const head = await fetch(metrics.address, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

it("answers on this machine by this machine's names alone, for others could be anybody's", async () => {
  const { port } = new URL(metrics.address);
  const status = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = get(
        { host: "127.0.0.1", port, path: "/metrics", headers: { host } },
        (reply) => {
          reply.resume();
          resolve(reply.statusCode);
        },
      );
      asked.on("error", reject);
    });
  for (const host of ["127.0.0.1:9464", "localhost:9464", "LOCALHOST", "[::1]:9464"]) {
    expect(await status(host)).toBe(200);
  }
  for (const host of ["evil.example:9464", "127.evil.example", "127.0.0.1.evil.example"]) {
    expect(await status(host)).toBe(403);
  }
});

it("says that its port is taken", async () => {
  const { port } = new URL(metrics.address);
  await expect(open(Number(port))).rejects.toThrow("EADDRINUSE");
});

it("ends at once, whoever is still connected", async () => {
  const { port } = new URL(metrics.address);
  const socket = connect(Number(port), "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const gone = new Promise((resolve) => socket.once("close", resolve));
  await metrics.close();
  await gone;
  metrics = await open();
});
