// The paper's Python against the laboratory as its user starts it: figures 7 to 12 in, Tables II to V out.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const SCRIPT = join(import.meta.dirname, "composer/paper.py");
const HOMES = 5;
const MINUTE_MS = 60_000;

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
type Program = { readonly child: ChildProcess; readonly ended: Promise<Ended> };

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

function start(command: string, ...args: readonly string[]): Program {
  const child = spawn(command, args, { cwd: ROOT });
  running.add(child);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return { child, ended };
}

function lab(...options: readonly string[]): Program {
  return start(process.execPath, "agent/main.ts", "lab", "--manual", ...options);
}

/** The first of `count` ports in a row that are free now. */
async function freeBase(count: number): Promise<number> {
  for (;;) {
    const first = await listen(0);
    const base = portOf(first);
    const others = await Promise.allSettled(
      Array.from({ length: count - 1 }, (_, i) => listen(base + 1 + i)),
    );
    const opened = others.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    for (const server of [first, ...opened]) server.close();
    if (opened.length === count - 1) return base;
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP port");
  return address.port;
}

/** The laboratory's first line; rejects with what it said if it ends before. */
async function firstLine({ child, ended }: Program): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  if (child.stdout !== null) createInterface({ input: child.stdout }).once("line", resolve);
  const early = ended.then(({ code, stderr }) => {
    throw new Error(`the laboratory ended with ${code}: ${stderr}`);
  });
  return await Promise.race([promise, early]);
}

const python = spawnSync("python3", ["--version"]).status === 0;
if (!python) process.stderr.write("there is no python3: the paper's script is not run\n");

describe.skipIf(!python)("the paper's Python", () => {
  it.each([1, HOMES])(
    "ends with Table V on all five agents, with %i host(s)",
    async (hosts) => {
      const base = await freeBase(HOMES);
      const laboratory = lab("--port-base", String(base));
      const line = await firstLine(laboratory);
      const access = JSON.parse(line) as { rest: string[]; tokens: { [who: string]: string } };
      expect(access.rest).toEqual(
        Array.from({ length: HOMES }, (_, i) => `http://127.0.0.1:${base + i}`),
      );
      const people = ["seller1", "seller2", "buyer1", "buyer2", "buyer3"].map((n) => `${n}@vt.edu`);
      expect(Object.keys(access.tokens).sort()).toEqual(["admin", ...people].sort());

      const script = start("python3", SCRIPT, "--hosts", String(hosts));
      script.child.stdin?.end(line);
      const { code, stdout, stderr } = await script.ended;
      expect(code, stderr).toBe(0);
      // 200 + 3 x 6, 200 + 3 x 3, 200 - 3 x 5, 200 - 3 x 3, 200 - 3 x 1.
      expect(JSON.parse(stdout)).toEqual({
        hosts,
        balances: { seller1: 218, seller2: 209, buyer1: 185, buyer2: 191, buyer3: 197 },
      });

      laboratory.child.kill("SIGTERM");
      const end = await laboratory.ended;
      expect([end.code, end.stdout], end.stderr).toEqual([0, `${line}\n`]);
    },
    3 * MINUTE_MS,
  );
});

test(
  "a port that is taken is told in one sentence",
  async () => {
    const taken = await listen(0);
    const port = portOf(taken);
    const { code, stdout, stderr } = await lab("--port-base", String(port - 1)).ended;
    taken.close();
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `port ${port} on 127.0.0.1 is taken or not allowed: ` +
        "end what listens there, or choose others with --port-base\n",
    );
  },
  MINUTE_MS,
);
