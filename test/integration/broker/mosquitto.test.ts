// The broker as a process of its own, and Debian's mosquitto_sub and mosquitto_pub against it.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ended, haveMosquittoClients, type Running, running } from "../../support/mosquitto.ts";

const MAIN = join(import.meta.dirname, "../../../broker/main.ts");
const isThere = haveMosquittoClients();
if (!isThere) process.stderr.write("skipped: mosquitto's clients against the broker\n");

type Mqtt = { readonly port: number; readonly wsPort: number };

describe.skipIf(!isThere)("mosquitto_sub and mosquitto_pub", () => {
  let dir: string;
  let broker: ChildProcess;
  let at: Mqtt;
  let log = "";
  const children: Running[] = [];

  const file = (name: string): string => join(dir, name);
  const cli = (...args: readonly string[]) => ended(process.execPath, [MAIN, ...args]);

  async function start(): Promise<void> {
    log = "";
    const options = ["--port", `${at?.port ?? 0}`, "--ws-port", "0", "--anonymous", "read"];
    const files = ["--users", file("users"), "--retained", file("retained"), "--json"];
    broker = spawn(process.execPath, [MAIN, ...options, ...files]);
    broker.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString("utf8");
    });
    await vi.waitFor(() => expect(log).toContain("broker listens"), { timeout: 10_000 });
    at = JSON.parse(log.split("\n").find((line) => line.includes("listens")) ?? "") as Mqtt;
  }

  function stop(signal: NodeJS.Signals): Promise<void> {
    const isOver = new Promise<void>((resolve) => broker.once("exit", () => resolve()));
    broker.kill(signal);
    return isOver;
  }

  const passwords = new Map<string, string>();
  const login = (name: string): readonly string[] =>
    name === "" ? [] : ["-u", name, "-P", passwords.get(name) ?? "none"];
  const pub = (name: string, ...args: readonly string[]) =>
    ended("mosquitto_pub", ["-p", `${at.port}`, ...login(name), ...args]);
  const sub = (name: string, ...args: readonly string[]) =>
    ended("mosquitto_sub", ["-p", `${at.port}`, ...login(name), "-v", ...args]);
  /** Subscribed when this returns: it has heard a topic that everybody may read. */
  async function listen(name: string, ...args: readonly string[]): Promise<Running> {
    const mark = "homeassistant/status";
    const options = ["-p", `${at.port}`, ...login(name), "-v", "-t", mark, ...args];
    const child = running("mosquitto_sub", options);
    children.push(child);
    const isMark = (line: string): boolean => line === `${mark} mark`;
    await expect
      .poll(() => pub("root", "-t", mark, "-m", "mark").then(() => child.lines().some(isMark)))
      .toBe(true);
    return { ...child, lines: () => child.lines().filter((line) => !isMark(line)) };
  }

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "pvtrading-mosquitto-"));
    for (const [name, role] of [
      ["home1", "agent"],
      ["home2", "agent"],
      ["root", "admin"],
    ]) {
      const { code, out } = await cli(
        "user",
        "add",
        `${name}`,
        "--role",
        `${role}`,
        "--users",
        file("users"),
      );
      expect(code).toBe(0);
      passwords.set(`${name}`, out.trim());
    }
    await start();
  });
  afterAll(async () => {
    for (const { child } of children) child.kill();
    if (broker.exitCode === null) await stop("SIGTERM");
    rmSync(dir, { recursive: true });
  });

  test("read what an agent says, and what it said before", async () => {
    const topic = "pvtrading/home1/balance";
    const reader = await listen("", "-t", "pvtrading/#");
    expect(await pub("home1", "-t", topic, "-m", '{"balance":200}', "-r", "-q", "1")).toEqual({
      code: 0,
      out: "",
    });
    await expect.poll(() => reader.lines()).toEqual([`${topic} {"balance":200}`]);
    const late = await sub(
      "home2",
      "-t",
      "pvtrading/home2/#",
      "-t",
      "homeassistant/status",
      "-W",
      "1",
    );
    expect(late.out).not.toContain(topic);
    expect((await sub("", "-t", "#", "-C", "1")).out).toBe(`${topic} {"balance":200}\n`);
  });

  test.each(["0", "1", "2"])("have denied writes of QoS %s come to nothing", async (qos) => {
    const reader = await listen("", "-t", "pvtrading/#");
    const root = await listen("root", "-t", "$SYS/denied");
    const before = log.split("publish came to nothing").length;
    const denied = ["-t", "pvtrading/home1/balance", "-r", "-q", qos, "-m", "denied"];
    for (const name of ["home2", ""]) expect((await pub(name, ...denied)).code).toBe(0);
    await expect.poll(() => log.split("publish came to nothing").length).toBe(before + 2);
    await expect.poll(() => root.lines().length).toBe(2);
    expect(reader.lines().filter((line) => line.includes("denied"))).toEqual([]);
    expect((await sub("", "-t", "pvtrading/home1/balance", "-C", "1")).out).not.toContain("denied");
  });

  test("are told of a wrong password, a forbidden filter and MQTT 5", async () => {
    const wrong = await ended("mosquitto_pub", [
      ...["-p", `${at.port}`, "-u", "home1", "-P", "wrong"],
      ...["-t", "pvtrading/home1/x", "-m", "x"],
    ]);
    expect(wrong.code).not.toBe(0);
    expect(wrong.out).toContain("bad user name or password");
    expect((await sub("", "-t", "$SYS/#", "-W", "3")).out).toContain("requests were denied");
    const five = await pub("home1", "-V", "5", "-t", "pvtrading/home1/x", "-m", "x");
    expect(five.out).toContain("Unsupported Protocol Version");
  });

  test("say their will when they are killed", async () => {
    const reader = await listen("", "-t", "pvtrading/+/status");
    const will = ["--will-topic", "pvtrading/home1/status", "--will-payload", "offline"];
    const agent = await listen("home1", "-t", "pvtrading/home1/set/#", ...will, "--will-retain");
    const foreign = await listen("home2", "-t", "pvtrading/home2/set/#", ...will.with(3, "fake"));
    await pub("home1", "-t", "pvtrading/home1/status", "-m", "online", "-r");
    await expect.poll(() => reader.lines()).toEqual(["pvtrading/home1/status online"]);
    foreign.child.kill("SIGKILL");
    agent.child.kill("SIGKILL");
    const said = ["pvtrading/home1/status online", "pvtrading/home1/status offline"];
    await expect.poll(() => reader.lines()).toEqual(said);
  });

  test("reach a home with a command, and only that one", async () => {
    const home1 = await listen("home1", "-t", "pvtrading/home1/set/#");
    const page = await listen("", "-t", "pvtrading/#");
    await pub("root", "-t", "pvtrading/home1/set/cancel", "-m", "{}", "-r");
    await expect.poll(() => home1.lines()).toEqual(["pvtrading/home1/set/cancel {}"]);
    await pub("home1", "-t", "pvtrading/home1/response/1", "-m", "{}");
    await expect.poll(() => page.lines().at(-1)).toBe("pvtrading/home1/response/1 {}");
    expect(page.lines().filter((line) => line.includes("/set/"))).toEqual([]);
  });

  test("find what was retained after a restart", async () => {
    await pub("home1", "-t", "pvtrading/home1/hour", "-m", "13:00", "-r", "-q", "1");
    await stop("SIGTERM");
    await start();
    const { out } = await sub("", "-t", "pvtrading/+/hour", "-C", "1", "-W", "5");
    expect(out).toBe("pvtrading/home1/hour 13:00\n");
  });
});
