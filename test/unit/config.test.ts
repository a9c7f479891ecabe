// Config files: what is right becomes ledger units, what is wrong is told with its line, all at once.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonSchemas } from "../../agent/config/jsonSchema.ts";
import { formatProblem, readCommunity, readConfig } from "../../agent/config.ts";
import { communityId } from "../../agent/core/ledger/rules.ts";

const CONFIG = resolve(import.meta.dirname, "../../config");
const COMMUNITY = readFileSync(join(CONFIG, "community.example.json"), "utf8");

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-config-"));
  writeFileSync(join(dir, "community.json"), COMMUNITY);
});
afterEach(() => rmSync(dir, { recursive: true }));

const MINIMAL = [
  "card: card",
  "community: community.json",
  "data: data",
  "member: { firstName: Bert, lastName: Buyer }",
];

function write(name: string, lines: readonly string[]): string {
  const file = join(dir, name);
  writeFileSync(file, lines.join("\n"));
  return file;
}

/** "line key: found" of each problem. */
function problems(file: string): string[] {
  const read = readConfig(file);
  if (read.ok) return [];
  return read.problems.map(({ line, key, found }) => `${line} ${key}: ${found}`);
}

test("the examples are right, in ledger units", () => {
  const read = readConfig(join(CONFIG, "agent.example.yaml"));
  if (!read.ok) expect.fail(read.problems.map(formatProblem).join("\n"));
  const { value } = read;
  // 2.5 tokens/kWh = 2500 mT/kWh; 3.1 = 3100; 6 kWh = 6000 Wh; 5 kWh = 5000 Wh
  expect(value.trading).toEqual({
    sell: { reservePrice: 2500, mostEnergy: 6000 },
    buy: { bidPrice: 3100, mostEnergy: 5000 },
  });
  expect(value.pv).toEqual({ pvId: "seller1house", capacity: 6400 });
  expect(value.card).toBe(join(CONFIG, "card"));
  expect(value.pollInterval).toBe(10_000);
  expect(value.network.bootstrap).toEqual(["/ip4/192.168.1.20/tcp/4001"]);
  expect(value.devices.map((device) => device.driver)).toEqual(["fronius", "sunspec"]);
  // 200 tokens = 200 000 000 micro-tokens; 0.5 s = 500 ms; 10 kWh = 10 000 Wh; 10 t/kWh = 10 000 mT/kWh
  expect(value.rules.initialBalance).toBe(200_000_000n);
  expect(value.rules.agreement.perRound).toBe(500);
  expect(value.rules.bidMax).toBe(10_000);
  expect(value.rules.priceMax).toBe(10_000);
  expect(value.rules.timeline.openBefore).toBe(59 * 60_000);
  expect(communityId(value.rules)).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.isFrozen(value.rules.timeline)).toBe(true);
});

test("left-out tables have the paper's defaults", () => {
  const shortened = JSON.parse(COMMUNITY) as Record<string, unknown>;
  const { timeline: _, agreement: __, ...rest } = shortened;
  const file = write("short.json", [JSON.stringify(rest)]);
  const [short, long] = [
    readCommunity(file),
    readCommunity(join(CONFIG, "community.example.json")),
  ];
  if (!short.ok || !long.ok) expect.fail("both are right");
  // The example spells the defaults out, so both are the same community.
  expect(communityId(short.value)).toBe(communityId(long.value));
});

test("a home without PV, devices and wishes is a home", () => {
  const read = readConfig(write("agent.yaml", MINIMAL));
  if (!read.ok) expect.fail(read.problems.map(formatProblem).join("\n"));
  expect(read.value.pv).toBeNull();
  expect(read.value.trading).toEqual({ sell: null, buy: null });
  expect(read.value.clock).toEqual({ trust: "ntp", simulation: null });
  expect(read.value.trust).toBeNull();
});

test("a block to trust is HEIGHT:BLOCKID", () => {
  const id = "0f".repeat(32);
  const read = readConfig(write("agent.yaml", [...MINIMAL, `trust: 4711:${id}`]));
  if (!read.ok) expect.fail(read.problems.map(formatProblem).join("\n"));
  expect(read.value.trust).toEqual({ height: 4711, blockId: id });
  expect(problems(write("agent.yaml", [...MINIMAL, `trust: ${id}`]))[0]).toMatch(/ trust: /);
});

test("the REST door is there when it is named, with Composer's names", () => {
  const none = readConfig(write("agent.yaml", MINIMAL));
  if (!none.ok) expect.fail(none.problems.map(formatProblem).join("\n"));
  expect([none.value.rest, none.value.registersItself]).toEqual([null, true]);
  const short = readConfig(
    write("agent.yaml", [...MINIMAL, "registration: byHand", "rest: { port: 3000 }"]),
  );
  if (!short.ok) expect.fail(short.problems.map(formatProblem).join("\n"));
  expect(short.value.registersItself).toBe(false);
  expect(short.value.rest).toEqual({
    ...{ host: "127.0.0.1", port: 3000, namespace: "org.acme.pv.auction" },
    ...{ wallet: join(dir, "data/wallet"), tokens: join(dir, "data/tokens"), ca: null },
    ...{ walletPassphraseFile: null, logins: [], cors: [], limits: {}, commitWithin: 10_000 },
    sharedCards: null,
  });
  const long = readConfig(
    write("agent.yaml", [
      ...MINIMAL,
      "rest:",
      "  port: 0",
      "  host: 0.0.0.0",
      "  namespace: org.acme.pv",
      "  wallet: w",
      "  walletPassphraseFile: secret",
      "  tokens: t",
      "  ca: ca",
      '  cors: ["https://example.org", "http://192.168.1.20:8080"]',
      "  logins:",
      "    - { name: github, provider: github, clientId: a, clientSecretFile: s, subjects: ['7'] }",
      "    - { name: oidc, issuer: https://id.example.org, clientId: b, scopes: [openid] }",
      "  commitWithinSeconds: 1.5",
      "  sharedCards: { homes: 3, place: 2 }",
      "  limits: { bodyKib: 2, requestsPerSecond: 3, webSockets: 4 }",
    ]),
  );
  if (!long.ok) expect.fail(long.problems.map(formatProblem).join("\n"));
  expect(long.value.rest).toEqual({
    ...{ host: "0.0.0.0", port: 0, namespace: "org.acme.pv", wallet: join(dir, "w") },
    ...{ walletPassphraseFile: join(dir, "secret"), tokens: join(dir, "t"), ca: join(dir, "ca") },
    cors: ["https://example.org", "http://192.168.1.20:8080"],
    logins: [
      {
        ...{ name: "github", clientId: "a", clientSecretFile: join(dir, "s") },
        ...{ endpoints: "github", scopes: [], subjects: ["7"] },
      },
      {
        ...{ name: "oidc", clientId: "b", clientSecretFile: null, scopes: ["openid"] },
        ...{ endpoints: { issuer: "https://id.example.org" }, subjects: null },
      },
    ],
    limits: { bodyBytesMax: 2048, requestsPerSecondMax: 3, webSocketsMax: 4 },
    commitWithin: 1500,
    sharedCards: { homes: 3, place: 2 },
  });
});

test("a REST door that cannot be is told with its lines", () => {
  const file = write("agent.yaml", [
    ...MINIMAL, // 4
    "registration: never", // 5
    "rest:", // 6
    "  port: 70000", // 7
    "  namespace: org..acme", // 8
    "  cors: [example.org, https://example.org/path]", // 9
    "  commitWithinSeconds: 0.5", // 10
    "  limits: { sockets: 3 }", // 11
    "  logins:", // 12
    "    - { name: logout, provider: github, clientId: a }", // 13
    "    - { name: b, issuer: http://id.example.org, clientId: a }", // 14
    "    - { name: c, provider: github, issuer: https://id.example.org, clientId: a }", // 15
    "    - { name: d, tokenUrl: https://id.example.org, clientId: a }", // 16
  ]);
  expect(problems(file)).toEqual([
    '5 registration: "never"',
    "7 rest.port: 70000",
    '8 rest.namespace: "org..acme"',
    '9 rest.cors[0]: "example.org"',
    '9 rest.cors[1]: "https://example.org/path"',
    "10 rest.commitWithinSeconds: 0.5",
    "11 rest.limits.sockets: a key that is not known",
    '13 rest.logins[0].name: "logout"',
    '14 rest.logins[1].issuer: "http://id.example.org"',
    '15 rest.logins[2].issuer: "https://id.example.org"',
    "16 rest.logins[3].issuer: nothing",
  ]);
});

test("every problem is told at once, each with its line", () => {
  const file = write("agent.yaml", [
    "card: card", // 1
    "community: community.json", // 2
    "member:", // 3; data is missing: the file's first line
    "  firstName: 7", // 4
    "  lastname: Buyer", // 5; unknown, and lastName is missing: the table's line, 3
    "pv:", // 6
    "  id: house 1", // 7
    "  capacityW: 6.4", // 8
    "devices:", // 9
    "  - name: roof", // 10
    "    kind: inverter", // 11
    "    driver: sma", // 12
    "  - name: meter", // 13
    "    kind: meter", // 14
    "    driver: fronius", // 15
    "    url: 192.168.1.30", // 16
    "trading:", // 17
    "  sell:", // 18
    "    reservePrice: 2.5001", // 19: a tenth of a milli-token
    "    mostKwh: 3,5", // 20
    "pollSeconds: 0.5", // 21
    "colour: red", // 22
  ]);
  expect(problems(file)).toEqual([
    "1 data: nothing",
    "3 member.lastName: nothing",
    "4 member.firstName: 7",
    "5 member.lastname: a key that is not known",
    '7 pv.id: "house 1"',
    "8 pv.capacityW: 6.4",
    '12 devices[0].driver: "sma"',
    '16 devices[1].url: "192.168.1.30"',
    "19 trading.sell.reservePrice: 2.5001",
    '20 trading.sell.mostKwh: "3,5"',
    "21 pollSeconds: 0.5",
    "22 colour: a key that is not known",
  ]);
});

test("a problem says where it is and what is allowed", () => {
  const file = write("agent.yaml", [...MINIMAL, "pollSeconds: 0.5"]);
  const read = readConfig(file);
  if (read.ok) expect.fail("half a second is too often");
  expect(read.problems.map(formatProblem)).toEqual([
    `${file}:5: pollSeconds: found 0.5; ` +
      "allowed: a decimal with at most 3 places from 1 to 3600, in seconds",
  ]);
});

test("relations are checked, also beside other problems", () => {
  const sell = "trading: { sell: { reservePrice: 1, mostKwh: 1 } }";
  expect(problems(write("agent.yaml", [...MINIMAL, sell, "colour: red"]))).toEqual([
    '5 trading.sell: {"reservePrice":1,"mostKwh":1}',
    "6 colour: a key that is not known",
  ]);
});

test("a device is read once: its counters would be added up twice", () => {
  const entry = (name: string, rest: string) => `  - { name: ${name}, kind: inverter, ${rest} }`;
  const devices = (...entries: string[]) =>
    problems(write("agent.yaml", [...MINIMAL, "devices:", ...entries]));
  const fronius = "driver: fronius, url: ";
  expect(
    devices(
      entry("roof", `${fronius}"http://192.168.1.30"`),
      entry("again", `${fronius}"http://192.168.1.30:80/", deviceId: 1`),
    ).map((one) => one.split(":")[0]),
  ).toEqual(["5 devices"]);
  expect(
    devices(
      entry("roof", "driver: sunspec, host: Inverter.local"),
      entry("again", "driver: sunspec, host: inverter.local, port: 502, unitId: 1"),
    ).map((one) => one.split(":")[0]),
  ).toEqual(["5 devices"]);
  expect(
    devices(
      entry("roof", `${fronius}"http://192.168.1.30"`),
      entry("barn", `${fronius}"http://192.168.1.30", deviceId: 2`),
      entry("shed", "driver: sunspec, host: 192.168.1.30"),
    ),
  ).toEqual([]);
});

test("wishes beyond the community's limits are told at the home's line", () => {
  const file = write("agent.yaml", [
    ...MINIMAL,
    "pv: { id: roof, capacityW: 10001 }", // 5; at most 10 000 W
    "trading:", // 6
    "  sell: { reservePrice: 10.001, mostKwh: 1 }", // 7; at most 10 tokens/kWh
    "  buy:", // 8
    "    bidPrice: 10", // 9; just right
    "    mostKwh: 10.001", // 10; at most 10 kWh
    "administratorCard: admin", // 11; the community is hourly
  ]);
  expect(problems(file)).toEqual([
    "5 pv.capacityW: 10001",
    "7 trading.sell.reservePrice: 10.001",
    "10 trading.buy.mostKwh: 10.001",
    '11 administratorCard: "admin"',
  ]);
});

test("broken syntax is told with what stands before it", () => {
  const file = write("agent.yaml", [
    "colour: red", // 1
    "card: card", // 2
    "card: other", // 3; twice
    "data: [1, 2", // 4; never closed, which shows at the next line
    "community: community.json", // 5
  ]);
  const found = problems(file);
  expect(found).toContain("1 colour: a key that is not known");
  expect(found.some((one) => one.startsWith("3 : Map keys must be unique"))).toBe(true);
  expect(found.length).toBeGreaterThanOrEqual(3);
  // What broken syntax may have swallowed is not called missing.
  expect(found.join()).not.toContain("nothing");
});

test.each([
  ["points nowhere", ["card: *nowhere"], "2 : Unresolved alias"],
  ["contains itself", ["network: &n { listen: [*n] }"], "2 : "],
  [
    "multiplies",
    ["a: &a [1, 1]", ...[..."bcdefgh"].map((name, i) => bomb(name, "abcdefg"[i] ?? ""))],
    "9 : Excessive alias count",
  ],
])("an alias that %s is a problem with a line", (_, lines, found) => {
  const file = write("agent.yaml", ["data: data", ...lines]);
  expect(problems(file).filter((one) => one.startsWith(found))).toHaveLength(1);
});

/** "b: &b [*a, ... ten times]" */
function bomb(name: string, of: string): string {
  return `${name}: &${name} [${new Array(10).fill(`*${of}`).join(", ")}]`;
}

test("a file that is not there is named", () => {
  expect(problems(join(dir, "none.yaml"))).toEqual(["0 : no readable file (ENOENT)"]);
  const elsewhere = MINIMAL.map((line) => line.replace("community.json", "none.json"));
  const read = readConfig(write("agent.yaml", elsewhere));
  expect(read.ok ? [] : read.problems.map((one) => one.file)).toEqual([join(dir, "none.json")]);
});

test("both files' problems come together", () => {
  write("community.json", [COMMUNITY.replace('"priceMax": 10', '"priceMax": 0')]);
  const read = readConfig(write("agent.yaml", [...MINIMAL, "colour: red"]));
  const keys = read.ok ? [] : read.problems.map((one) => one.key);
  expect(keys).toEqual(["colour", "priceMax"]);
});

/** "line key" of each problem of the example with some keys changed. */
function communityProblems(changes: Record<string, unknown>): string[] {
  const file = { ...(JSON.parse(COMMUNITY) as object), ...changes };
  const read = readCommunity(write("community.json", [JSON.stringify(file, null, 2)]));
  return read.ok ? [] : read.problems.map(({ line, key }) => `${line} ${key}`);
}

test("the community's relations", () => {
  // Lines of the example: timeline 7, its cut-off 9, administrator 34, validators 35.
  const timeline = { openBeforeSeconds: 3540, cutoffBeforeSeconds: 3540 };
  const { validators } = JSON.parse(COMMUNITY) as { validators: unknown[] };
  expect(communityProblems({ timeline })).toEqual(["9 timeline.cutoffBeforeSeconds"]);
  expect(communityProblems({ timeline: { receiptsWithinSeconds: 15.001 } })).toEqual([
    "8 timeline.receiptsWithinSeconds",
  ]);
  // 60 s from the cut-off to X.
  expect(communityProblems({ timeline: { sealAfterSeconds: 60 } })).toEqual([
    "8 timeline.sealAfterSeconds",
  ]);
  expect(communityProblems({ schedule: "manual" })).toEqual(["34 administrator"]);
  expect(communityProblems({ validators: [] })).toEqual(["35 validators"]);
  expect(communityProblems({ validators: [...validators, ...validators] })).toEqual([
    "35 validators",
  ]);
});

test("validators do not share a key: one card would vote for two", () => {
  const { validators } = JSON.parse(COMMUNITY) as { validators: object[] };
  const copied = { ...validators[0], memberId: "copied@vt.edu" };
  expect(communityProblems({ validators: [...validators, copied] })).toEqual(["35 validators"]);
});

test("what no community may have", () => {
  const wrong: [string, unknown][] = [
    ["version", 2],
    ["timeZone", "Mars/Olympus"],
    ["timeZone", "+01:00"],
    ["name", "x".repeat(65)],
    // 33 characters of two bytes are 66 bytes.
    ["name", "ä".repeat(33)],
    // Half a character: it has no UTF-8 form, so no rules could be hashed with it.
    ["name", "\ud800"],
    ["caPublicKey", "00".repeat(32)],
    ["caPublicKey", "D75A"],
    ["bootstrap", ["192.168.1.20:4001"]],
    ["initialBalance", "0.0000001"],
    ["initialBalance", -1],
    ["mechanism", "magic"],
  ];
  for (const [key, value] of wrong) {
    const found = communityProblems({ [key]: value });
    expect(found, `${key}: ${JSON.stringify(value)}`).toHaveLength(1);
    expect(found[0]).toContain(key);
  }
});

test("the JSON Schemas in config/ are what the code reads", () => {
  const { agent, community } = jsonSchemas();
  const read = (name: string) => JSON.parse(readFileSync(join(CONFIG, name), "utf8")) as unknown;
  const how = "renew it: npm run --silent pvtrading -- schema agent > config/agent.schema.json";
  expect(read("agent.schema.json"), how).toEqual(agent);
  expect(read("community.schema.json"), how.replaceAll("agent", "community")).toEqual(community);
});
