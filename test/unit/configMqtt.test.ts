// The sections `mqtt` and `metrics` of an agent's file.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatProblem, readConfig } from "../../agent/config.ts";

const COMMUNITY = resolve(import.meta.dirname, "../../config/community.example.json");

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-config-"));
  writeFileSync(join(dir, "community.json"), readFileSync(COMMUNITY));
});
afterEach(() => rmSync(dir, { recursive: true }));

function read(...lines: readonly string[]) {
  const file = join(dir, "agent.yaml");
  const minimal = ["card: card", "community: community.json", "data: data"];
  const member = "member: { firstName: Bert, lastName: Buyer }";
  writeFileSync(file, [...minimal, member, ...lines].join("\n"));
  return readConfig(file);
}

function value(...lines: readonly string[]) {
  const config = read(...lines);
  if (!config.ok) expect.fail(config.problems.map(formatProblem).join("\n"));
  return config.value;
}

test("are nothing where they are left out, and little where they are short", () => {
  expect([value().mqtt, value().metrics]).toEqual([null, null]);
  expect(value("mqtt: { url: mqtt://localhost }").mqtt).toEqual({
    ...{ url: "mqtt://localhost", username: null, passwordFile: null, tls: null, home: null },
    ...{ homeAssistant: true, commands: true },
  });
  expect(value("metrics: { port: 9464 }").metrics).toEqual({ host: "127.0.0.1", port: 9464 });
});

test("name files relative to the agent's file", () => {
  const { mqtt } = value(
    "mqtt:",
    "  url: mqtts://broker.example.org:8883",
    "  username: bert",
    "  passwordFile: secret",
    "  tls: { ca: ca.pem, certificate: own.pem, key: own.key }",
    "  home: number7",
    "  homeAssistant: false",
    "  commands: false",
  );
  expect(mqtt).toEqual({
    ...{ url: "mqtts://broker.example.org:8883", username: "bert", home: "number7" },
    ...{ homeAssistant: false, commands: false, passwordFile: join(dir, "secret") },
    tls: {
      caFile: join(dir, "ca.pem"),
      ...{ certificateFile: join(dir, "own.pem"), keyFile: join(dir, "own.key") },
    },
  });
});

test("tell what cannot be", () => {
  const config = read(
    "mqtt:",
    "  url: http://localhost", // 6
    "  home: a/b", // 7
    "  password: x", // 8
    "metrics: { host: a }", // 9
  );
  expect(config.ok ? [] : config.problems.map(({ line, key }) => `${line} ${key}`)).toEqual([
    ...["6 mqtt.url", "7 mqtt.home", "8 mqtt.password", "9 metrics.port"],
  ]);
  for (const url of ["mqtt://bert:secret@localhost", "localhost:1883", "mqtt://"]) {
    expect(read(`mqtt: { url: "${url}" }`).ok, url).toBe(false);
  }
});
