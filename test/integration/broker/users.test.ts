// The users' file and the commands that write it, from the agent's command line and the broker's own.

import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isPasswordOf, readUsers, removeUser, setUser } from "../../../broker/users.ts";
import { ended } from "../../support/mosquitto.ts";

const ROOT = join(import.meta.dirname, "../../..");

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-users-"));
  file = join(dir, "users.json");
});
afterEach(() => rmSync(dir, { recursive: true }));

describe("the users' file", () => {
  test("holds no password, is its owner's alone, and keeps the others when one changes", async () => {
    await setUser(file, { name: "home1", role: "agent", password: "secret" });
    await setUser(file, { name: "page", role: "dashboard", password: "other" });
    await setUser(file, { name: "home1", role: "admin", password: "second" });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toMatch(/secret|second|other/);
    const users = readUsers(file);
    expect([...users.values()].map(({ name, role }) => `${name} ${role}`)).toEqual([
      "home1 admin",
      "page dashboard",
    ]);
    const home1 = users.get("home1")!;
    expect(await isPasswordOf(home1, Buffer.from("second"))).toBe(true);
    expect(await isPasswordOf(home1, Buffer.from("secret"))).toBe(false);
    expect([await removeUser(file, "home1"), await removeUser(file, "home1")]).toEqual([
      true,
      false,
    ]);
    expect([...readUsers(file).keys()]).toEqual(["page"]);
  });

  test("is of this form for ever: scrypt of RFC 7914, section 12's third vector", async () => {
    const hash =
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
    const scrypt = {
      ...{ n: 16_384, r: 8, p: 1 },
      salt: Buffer.from("SodiumChloride").toString("base64"),
      hash: Buffer.from(hash, "hex").toString("base64"),
    };
    const users = [{ name: "home1", role: "agent", scrypt }];
    writeFileSync(file, JSON.stringify({ users }), { mode: 0o600 });
    const home1 = readUsers(file).get("home1")!;
    expect(await isPasswordOf(home1, Buffer.from("pleaseletmein"))).toBe(true);
  });

  test("is refused where it is missing, open to others, or not one", async () => {
    expect(() => readUsers(file)).toThrow("cannot be opened (ENOENT)");
    await setUser(file, { name: "home1", role: "agent", password: "secret" });
    const text = readFileSync(file, "utf8");
    chmodSync(file, 0o640);
    expect(() => readUsers(file)).toThrow("others may read it");
    chmodSync(file, 0o600);
    writeFileSync(file, text.slice(0, -5));
    expect(() => readUsers(file)).toThrow("is not JSON");
    writeFileSync(file, text.replace('"agent"', '"king"'));
    expect(() => readUsers(file)).toThrow("users.0.role");
    const { users } = JSON.parse(text) as { users: readonly object[] };
    writeFileSync(file, JSON.stringify({ users: [...users, ...users] }));
    expect(() => readUsers(file)).toThrow("twice");
  });

  test("takes no name that is more than one level of a topic, and no empty password", async () => {
    for (const name of ["", "a/b", "+", "#", "a b", "x".repeat(65)]) {
      const user = { name, role: "agent" as const, password: "secret" };
      await expect(setUser(file, user)).rejects.toThrow("letters, digits");
    }
    const user = { name: "a", role: "agent" as const };
    await expect(setUser(file, { ...user, password: "" })).rejects.toThrow("empty");
    const long = { ...user, password: "x".repeat(1025) };
    await expect(setUser(file, long)).rejects.toThrow("more than 1024");
  });
});

describe("the commands", () => {
  const run = (main: string, ...args: readonly string[]) =>
    ended(process.execPath, [join(ROOT, main), ...args]);

  test("add, list and remove users", async () => {
    const made = await run(
      "agent/main.ts",
      ...["broker", "user", "add", "home1", "--role", "agent", "--users", file],
    );
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^[0-9a-f]{40}\n$/) });
    const home1 = readUsers(file).get("home1")!;
    expect(await isPasswordOf(home1, Buffer.from(made.out.trim()))).toBe(true);
    writeFileSync(join(dir, "word"), "mine\n");
    const given = ["--role", "dashboard", "--password-file", join(dir, "word"), "--users", file];
    expect(await run("broker/main.ts", "user", "add", "page", ...given)).toEqual({
      code: 0,
      out: "",
    });
    expect(await isPasswordOf(readUsers(file).get("page")!, Buffer.from("mine"))).toBe(true);
    const listed = await run("broker/main.ts", "user", "list", "--users", file);
    expect(listed.out).toBe("home1  agent\npage  dashboard\n");
    const removed = ["user", "remove", "page", "--users", file];
    expect((await run("broker/main.ts", ...removed)).code).toBe(0);
    expect(await run("broker/main.ts", ...removed)).toEqual({
      code: 2,
      out: "page: there is no such user (see broker user list)\n",
    });
  });

  test("say why a broker does not start", async () => {
    const nobody = await run("broker/main.ts", "--port", "0");
    expect(nobody).toMatchObject({ code: 2, out: expect.stringContaining("nobody could use") });
    const missing = await run("agent/main.ts", "broker", "--port", "0", "--users", file);
    expect(missing).toMatchObject({ code: 1, out: expect.stringContaining("ENOENT") });
    const half = await run("broker/main.ts", "--tls-cert", "x", "--anonymous", "read");
    expect(half).toMatchObject({ code: 2, out: expect.stringContaining("go together") });
    const bare = await run("broker/main.ts", "--wss-port", "0", "--anonymous", "read");
    expect(bare).toMatchObject({ code: 2, out: expect.stringContaining("goes with --tls-cert") });
    const wrong = await run("broker/main.ts", "--port", "65536");
    expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining("a whole number") });
  });
});
