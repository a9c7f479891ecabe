// The laboratory's files: what it writes is what agents and it itself can read.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatProblem, readConfig } from "../../../agent/config.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { HOUR_MS, unixMs } from "../../../agent/core/units/time.ts";
import { readCa } from "../../../agent/io/ca.ts";
import { readCard } from "../../../agent/io/keys.ts";
import { openTokens } from "../../../agent/io/wallet/tokens.ts";
import { openWallet } from "../../../agent/io/wallet/wallet.ts";
import { firmwareConfig, readyDevices } from "../../../agent/lab/devices.ts";
import { labHomes } from "../../../agent/lab/homes.ts";
import {
  differences,
  type LabFile,
  readLabFile,
  writeLabFile,
} from "../../../agent/lab/labFile.ts";
import { readOptions } from "../../../agent/lab/options.ts";
import { freePorts, takenPorts } from "../../../agent/lab/ports.ts";
import { giveAccess, giveReadToken } from "../../../agent/lab/restAccess.ts";
import { homeDir, makeWorld, writeAgentFile } from "../../../agent/lab/world.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-world-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const marketStart = unixMs(Date.parse("2018-03-21T16:00:00Z"));
const clock = { realStart: unixMs(Date.parse("2026-01-01T00:00:00Z")), marketStart, speed: 60 };
const [seller1, , buyer1] = labHomes(5);
if (seller1 === undefined || buyer1 === undefined) throw new Error("the paper's five homes");
const homes = [seller1, buyer1];

const ready = {
  ready: true,
  homes: [
    {
      id: "seller1",
      inverter: { driver: "fronius", url: "http://127.0.0.1:8001", deviceId: 1 },
      meter: { driver: "fronius", url: "http://127.0.0.1:8001", deviceId: 0 },
    },
    {
      id: "buyer1",
      inverter: null,
      meter: { driver: "sunspec", host: "127.0.0.1", port: 8002, unitId: 2 },
    },
  ],
};

async function world(schedule: "hourly" | "manual", hosts = new Map<string, string>()) {
  await makeWorld({ dir, homes, validators: 1, speed: 60, schedule, marketStart });
  const ports = new Map([
    ["seller1", 4001],
    ["buyer1", 4002],
  ]);
  const devices = schedule === "hourly" ? readyDevices(ready) : new Map<string, []>();
  return homes.map((home) => {
    const file = writeAgentFile({
      ...{ dir, home, clock, ports, hosts, devices: devices.get(home.name) ?? [] },
      isAdministrator: schedule === "manual" && home.name === "seller1",
    });
    const read = readConfig(file);
    if (!read.ok) throw new Error(read.problems.map(formatProblem).join("\n"));
    return read.value;
  });
}

test("by hand each home has everybody's card, and each token works at each", async () => {
  await makeWorld({ dir, homes, validators: 1, speed: 1, schedule: "manual", marketStart });
  const file = writeAgentFile({
    ...{ dir, home: seller1, clock, ports: new Map([["seller1", 4001]]), devices: [] },
    ...{
      isAdministrator: false,
      rest: { port: 3000, place: 0, isByHand: true, cors: ["http://a:1"] },
    },
    mqtt: { url: "mqtt://127.0.0.1:1883", username: "seller1", passwordFile: "/p" },
  });
  const read = readConfig(file);
  if (!read.ok) expect.fail(read.problems.map(formatProblem).join("\n"));
  expect([read.value.registersItself, read.value.pv, read.value.rest?.port]).toEqual([
    ...[false, null, 3000],
  ]);
  const now = unixMs(Date.now());
  const tokens = giveAccess({ dir, homes, hasAdministrator: true, now });
  const readToken = giveReadToken({ dir, homes, hasAdministrator: true, now });
  expect(Object.keys(tokens)).toEqual(["admin", "seller1@vt.edu", "buyer1@vt.edu"]);
  for (const home of homes.map(({ name }) => homeDir(dir, name))) {
    const wallet = openWallet(join(home, "wallet"));
    const members = wallet.list(null).map(({ card }) => card.memberId);
    const [own, operators] = [["buyer1@vt.edu"], ["administrator@vt.edu", "buyer1@vt.edu"]];
    expect(members).toEqual([...own, ...operators, "seller1@vt.edu", "seller1@vt.edu"]);
    const defaults = wallet.list("operator").filter(({ isDefault }) => isDefault);
    expect(defaults.map(({ card }) => card.memberId)).toEqual(["administrator@vt.edu"]);
    const found = openTokens(join(home, "tokens"));
    const of = (who: string) => {
      const token = found.find(tokens[who] ?? "", now);
      return token.status === "valid" ? token.record : token.status;
    };
    expect(of("admin")).toMatchObject({ user: "operator", isOperator: true, card: null });
    expect(of("buyer1@vt.edu")).toMatchObject({ user: "buyer1@vt.edu", isOperator: false });
    const reader = found.find(readToken, now);
    expect(reader.status === "valid" ? reader.record : null).toMatchObject({
      ...{ user: "seller1@vt.edu", isOperator: false, scopes: ["read"] },
    });
    expect(wallet.defaultOf("operator")?.card.memberId).toBe("administrator@vt.edu");
    const files = readdirSync(join(home, "tokens")).map((name) => join(home, "tokens", name));
    expect(files.map((one) => statSync(one).mode & 0o077)).toEqual([0, 0, 0, 0]);
  }
  expect(read.value.rest?.cors).toEqual(["http://a:1"]);
  expect(read.value.mqtt).toMatchObject({ home: "seller1", username: "seller1" });
  expect(read.value.rest?.wallet).toBe(join(homeDir(dir, "seller1"), "wallet"));
});

test("a port on which something listens is told", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  expect(await takenPorts([port])).toEqual([port]);
  await new Promise((resolve) => server.close(resolve));
  expect(await takenPorts([port])).toEqual([]);
});

test("agents' files, cards and the community belong together", async () => {
  const [seller, buyer] = await world("hourly");
  if (seller === undefined || buyer === undefined) expect.fail("two homes");
  expect(communityId(seller.rules)).toBe(communityId(buyer.rules));
  const card = readCard(seller.card);
  expect(card.memberId).toBe("seller1@vt.edu");
  // One validator: the first home, by its card's key.
  expect(seller.rules.validators).toEqual([
    { memberId: "seller1@vt.edu", publicKey: card.publicKey },
  ]);
  expect(seller.rules.caPublicKey).toEqual(readCa(join(dir, "ca")).publicKey);
  expect(seller.clock.simulation).toEqual(clock);
  expect(seller.network).toEqual({
    ...{ listen: ["/ip4/127.0.0.1/tcp/4001"], bootstrap: ["/ip4/127.0.0.1/tcp/4002"], mdns: false },
  });
  expect(seller.devices.map(({ name }) => name)).toEqual(["inverter", "meter"]);
  expect(buyer.devices).toMatchObject([{ kind: "meter", driver: "sunspec", unitId: 2 }]);
  expect(buyer.pv).toBeNull();
  expect(buyer.trading).toEqual({ sell: null, buy: { bidPrice: 3000, mostEnergy: 5000 } });
  // Half a minute of market time: 60 / 2 s.
  expect(seller.pollInterval).toBe(30_000);
});

test("a home with an address of its own listens there, and others look for it there", async () => {
  const [seller, buyer] = await world("hourly", new Map([["seller1", "10.77.0.11"]]));
  expect(seller?.network.listen).toEqual(["/ip4/10.77.0.11/tcp/4001"]);
  expect(seller?.network.bootstrap).toEqual(["/ip4/127.0.0.1/tcp/4002"]);
  expect(buyer?.network.bootstrap).toEqual(["/ip4/10.77.0.11/tcp/4001"]);
});

test("the paper's homes have no devices, do nothing by themselves, and one keeps the administrator", async () => {
  const [seller, buyer] = await world("manual");
  expect(seller?.rules.schedule).toBe("manual");
  expect(seller?.rules.guard).toBe(false);
  const administrator = readCard(seller?.administratorCard ?? "");
  expect(seller?.rules.administrator).toEqual({
    ...{ memberId: "administrator@vt.edu", publicKey: administrator.publicKey },
  });
  expect(buyer?.administratorCard).toBeNull();
  expect([seller?.devices, buyer?.devices]).toEqual([[], []]);
  expect([seller?.trading, buyer?.trading]).toEqual([
    { sell: null, buy: null },
    { sell: null, buy: null },
  ]);
});

test("keys are private, and a second world does not overwrite the first", async () => {
  await world("hourly");
  const card = readCard(join(homeDir(dir, "seller1"), "card"));
  await expect(world("hourly")).rejects.toMatchObject({ code: "exists" });
  expect(readCard(join(homeDir(dir, "seller1"), "card")).publicKey).toEqual(card.publicKey);
});

test("lab.json is kept whole, and tells what may not change", () => {
  expect(readLabFile(dir)).toBeNull();
  const kept: LabFile = {
    ...{ version: 1, homes: 5, validators: 4, speed: 60, seed: 1, pv: null, load: null },
    ...{ firstDelivery: marketStart, past: 48, marketTime: marketStart + HOUR_MS },
  };
  mkdirSync(dir, { recursive: true });
  writeLabFile(dir, kept);
  expect(readLabFile(dir)).toEqual(kept);
  const said = (raw: object) => {
    const options = readOptions(raw);
    return options.ok ? differences(options.value, kept) : ["wrong options"];
  };
  expect(said({ data: dir })).toEqual([]);
  expect(said({ data: dir, speed: "60", homes: "5" })).toEqual([]);
  expect(said({ data: dir, speed: "30", homes: "6" })).toEqual([
    "--homes 6: this folder was made with 5",
    "--speed 30: this folder was made with 60",
  ]);
});

test("what the simulated devices are told", () => {
  const config = firmwareConfig({ homes, clock, seed: 7, pv: null, load: null });
  expect(config).toMatchObject({
    clock,
    homes: [
      { id: "seller1", pvCapacityW: 6400, loadScale: 0.5, inverter: "fronius", meter: "fronius" },
      { id: "buyer1", pvCapacityW: 0, inverter: null },
    ],
  });
  expect(() => readyDevices({ ready: false })).toThrow();
});

test("free ports are different ones", async () => {
  const ports = await freePorts(8);
  expect(new Set(ports).size).toBe(8);
  for (const port of ports) expect(port).toBeGreaterThan(0);
});
