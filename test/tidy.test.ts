// The rules of the house, for every file: who may import whom, and that what decides is pure.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { scanSource } from "./support/sourceScan.ts";

const ROOT = join(import.meta.dirname, "..");
const ROOMS = ["agent", "broker", "firmware-sim", "test"];

type File = { readonly path: string; readonly text: string };

function sourceFiles(): readonly File[] {
  return ROOMS.flatMap((room) => {
    const entries = readdirSync(ROOT).includes(room)
      ? readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
      : [];
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes("node_modules"))
      .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, "utf8") }));
  });
}

/** The other side of the wire; broker/topics.ts is the one contract with it. */
const BEYOND_AGENT = /^(?:firmware-sim|test)\/|^broker\/(?!topics\.ts$)/;

/** Who may import what; a file's first matching line holds. Paths from the top; npm and node: as written. */
const DIRECTIONS: readonly {
  readonly room: RegExp;
  readonly may: readonly RegExp[];
  readonly never?: readonly RegExp[];
}[] = [
  {
    room: /^agent\/core\/crypto\.ts$/,
    may: [/^agent\/core\//, /^node:crypto$/, /^@noble\//],
  },
  {
    room: /^agent\/core\/consensus\//,
    may: [/^agent\/core\//],
    never: [/^agent\/core\/ledger\//],
  },
  {
    room: /^agent\/core\/ledger\//,
    may: [/^agent\/core\//],
    never: [/^agent\/core\/consensus\//],
  },
  { room: /^agent\/core\//, may: [/^agent\/core\//] },
  { room: /^agent\/ports\.ts$/, may: [/^agent\/core\//] },
  { room: /^agent\/loops\//, may: [/^agent\/(?:core|loops)\//, /^agent\/ports\.ts$/] },
  { room: /^agent\/agent\.ts$/, may: [/^agent\/(?:core|loops)\//, /^agent\/ports\.ts$/] },
  {
    room: /^agent\/io\//,
    may: [/./],
    never: [/^agent\/(?!core\/|io\/|ports\.ts$|log\.ts$)/, BEYOND_AGENT],
  },
  {
    room: /^agent\/config/,
    may: [/./],
    never: [/^agent\/(?!core\/|config)/, BEYOND_AGENT],
  },
  {
    room: /^agent\/(?:main\.ts$|lab\/|commands\/)/,
    may: [/./],
    never: [/^(?:firmware-sim|test)\//],
  },
  { room: /^agent\//, may: [/./], never: [BEYOND_AGENT] },
  { room: /^firmware-sim\//, may: [/./], never: [/^(?:agent|broker|test)\//] },
  {
    // What browsers run.
    room: /^broker\/dashboard\/page\//,
    may: [/^broker\/dashboard\/page\//, /^broker\/topics\.ts$/, /^(?:mqtt|uplot|@noble\/.+)$/],
  },
  { room: /^broker\//, may: [/./], never: [/^(?:agent|firmware-sim|test)\//] },
  { room: /^test\//, may: [/./] },
];

function wrongImports({ path, text }: File): readonly string[] {
  const rule = DIRECTIONS.find(({ room }) => room.test(path));
  if (rule === undefined) return [`${path} is in no room`];
  const targets = scanSource(text).imports.map((name) =>
    name.startsWith(".") ? join(dirname(path), name) : name,
  );
  const isWrong = (target: string) =>
    !rule.may.some((allowed) => allowed.test(target)) ||
    (rule.never ?? []).some((forbidden) => forbidden.test(target));
  return targets.filter(isWrong).map((target) => `${path} imports ${target}`);
}

const PURE = /^agent\/(?:core|loops)\/|^agent\/(?:agent|ports)\.ts$/;
const IMPURE =
  /\b(?:Date|performance|process|setTimeout|setInterval|setImmediate|queueMicrotask|fetch|console)\b|\bMath\.random\b|\bcrypto\.|\bglobalThis\b|\bawait\b|\bPromise\b/g;

function impurities({ path, text }: File): readonly string[] {
  if (!PURE.test(path)) return [];
  return [...scanSource(text).code.matchAll(IMPURE)].map((match) => `${path} uses ${match[0]}`);
}

function untested({ path, text }: File): readonly string[] {
  if (!path.endsWith(".test.ts")) return [];
  const { code } = scanSource(text);
  const left = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:only|skip|todo|fails)\b/.exec(code);
  // A condition may skip, if it tells why; sharedFolder() and test/support/browser.ts do.
  const isSilent =
    /\.(?:skipIf|runIf)\b/.test(code) &&
    !/console\.|process\.std|\.skip\(|\bsharedFolder\(|\bhasChromium\b/.test(code);
  return [
    ...(left === null ? [] : [`${path} has ${left[0]}`]),
    ...(isSilent ? [`${path} skips without a printed reason`] : []),
  ];
}

function headless({ path, text }: File): readonly string[] {
  // A test's file is named after what it tests.
  if (path.endsWith(".test.ts")) return [];
  const first = text.replace(/^#!.*\n/, "");
  return first.startsWith("// ") ? [] : [`${path} does not begin with what it is and why`];
}

describe("every file of the house", () => {
  const files = sourceFiles();
  test("is found", () => {
    expect(files.map(({ path }) => path)).toContain("agent/ports.ts");
    expect(files.length).toBeGreaterThan(50);
  });
  test("imports only what its room may", () => {
    expect(files.flatMap(wrongImports)).toEqual([]);
  });
  test("is pure if it decides or conducts", () => {
    expect(files.flatMap(impurities)).toEqual([]);
  });
  test("runs all its tests", () => {
    expect(files.flatMap(untested)).toEqual([]);
  });
  test("says at its head what it is", () => {
    expect(files.flatMap(headless)).toEqual([]);
  });
});

describe("the rules see", () => {
  const wrong = (path: string, text: string) => wrongImports({ path, text }).length;

  test("wrong directions", () => {
    expect(wrong("agent/core/a.ts", 'import fs from "node:fs";')).toBe(1);
    expect(wrong("agent/core/a.ts", 'import { x } from "../loops/b.ts";')).toBe(1);
    expect(wrong("agent/core/a.ts", 'import { x } from "zod";')).toBe(1);
    expect(wrong("agent/core/a.ts", 'import type {\n  x,\n} from "../ports.ts";')).toBe(1);
    expect(wrong("agent/core/a.ts", 'import { x } from "./units/b.ts";')).toBe(0);
    expect(wrong("agent/core/crypto.ts", 'import { x } from "node:crypto";')).toBe(0);
    expect(wrong("agent/core/consensus/a.ts", 'export { x } from "../ledger/b.ts";')).toBe(1);
    expect(wrong("agent/core/ledger/a.ts", 'import "../consensus/b.ts";')).toBe(1);
    expect(wrong("agent/loops/a.ts", 'const x = await import("../io/b.ts");')).toBe(1);
    expect(wrong("agent/loops/a.ts", 'import { x } from "../ports.ts";')).toBe(0);
    expect(wrong("agent/io/a.ts", 'import { x } from "../loops/b.ts";')).toBe(1);
    expect(wrong("agent/io/p2p/a.ts", 'import { x } from "../../agent.ts";')).toBe(1);
    expect(wrong("agent/io/p2p/a.ts", 'import { x } from "../../core/b.ts";')).toBe(0);
    expect(wrong("firmware-sim/a.ts", 'import { x } from "../agent/core/b.ts";')).toBe(1);
    expect(wrong("broker/a.ts", 'import { x } from "../agent/ports.ts";')).toBe(1);
    expect(wrong("broker/a.ts", 'import { x } from "../firmware-sim/b.ts";')).toBe(1);
    expect(wrong("agent/main.ts", 'import { x } from "../broker/b.ts";')).toBe(0);
    expect(wrong("agent/lab/a.ts", 'import { x } from "../../broker/b.ts";')).toBe(0);
    expect(wrong("agent/loops/a.ts", 'import { x } from "../../broker/b.ts";')).toBe(1);
    expect(wrong("agent/io/a.ts", 'import { x } from "../../broker/broker.ts";')).toBe(1);
    expect(wrong("agent/io/a.ts", 'import { x } from "../../broker/topics.ts";')).toBe(0);
    expect(wrong("broker/dashboard/page/a.ts", 'import { x } from "../server.ts";')).toBe(1);
    expect(wrong("broker/dashboard/page/a.ts", 'import x from "node:fs";')).toBe(1);
    expect(wrong("agent/lab/a.ts", 'import { x } from "../io/b.ts";')).toBe(0);
    expect(wrong("elsewhere/a.ts", "")).toBe(1);
  });

  test("impure code, but not words in comments, texts and patterns", () => {
    const found = (text: string) => impurities({ path: "agent/core/a.ts", text }).length;
    expect(found("const x = Date.now();")).toBe(1);
    expect(found("const x = a / Date.now() / b;")).toBe(1);
    expect(found("const x = Math.random();")).toBe(1);
    expect(found("// Date.now()\n/* process */ const x = 'Date'; const y = /Date/;")).toBe(0);
    expect(found("const quote = /[`'\"]/; const x = Date;")).toBe(1);
    expect(found(["const x = `a $", "{b(`Date`)} c`; setTimeout(f);"].join(""))).toBe(1);
    expect(found("const update = updated;")).toBe(0);
    expect(impurities({ path: "agent/io/a.ts", text: "Date.now()" })).toEqual([]);
  });

  test("tests that were left out", () => {
    const found = (text: string) => untested({ path: "test/a.test.ts", text }).length;
    expect(found("test.only('a', f);")).toBe(1);
    expect(found("describe.skip('a', f);")).toBe(1);
    expect(found("test.concurrent.only('a', f);")).toBe(1);
    expect(found("test.skipIf(x)('a', f);")).toBe(1);
    expect(found("console.log('skipped: no x'); test.skipIf(x)('a', f);")).toBe(0);
    expect(found("test('a', f);")).toBe(0);
  });

  test("files without a head", () => {
    expect(headless({ path: "a.ts", text: "import x from 'y';" })).toHaveLength(1);
    expect(headless({ path: "a.test.ts", text: "import x from 'y';" })).toEqual([]);
    expect(headless({ path: "a.ts", text: "#!/usr/bin/env node\n// What it is.\n" })).toEqual([]);
  });
});
