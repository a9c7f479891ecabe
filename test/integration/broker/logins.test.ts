import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Credentials, type Login, Logins } from "../../../broker/logins.ts";
import { readUsers, setUser, type UserRecord } from "../../../broker/users.ts";

describe("logins", () => {
  let dir: string;
  let users: ReadonlyMap<string, UserRecord>;
  let now = 0;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "pvtrading-logins-"));
    await setUser(join(dir, "users"), { name: "home1", role: "agent", password: "right" });
    users = readUsers(join(dir, "users"));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const open = (anonymous: "none" | "read" = "none", failuresPerMinuteMax = 2): Logins =>
    new Logins({
      ...{ anonymous, users: () => users, failuresPerMinuteMax, waitingMax: 2 },
      now: () => now,
    });
  const as = (username: string | undefined, password: string | undefined): Credentials => ({
    username,
    password: password === undefined ? undefined : Buffer.from(password),
    ...{ address: "10.0.0.1", isForeign: false },
  });
  const refusal = (login: Login): string | null => (login.ok ? null : login.refusal);

  test("know who has the password", async () => {
    const logins = open();
    const user = { name: "home1", role: "agent" };
    expect(await logins.check(as("home1", "right"))).toEqual({ ok: true, user });
    for (const [name, password] of [
      ["home1", "wrong"],
      ["home1", ""],
    ] as const) {
      expect(refusal(await logins.check(as(name, password)))).toBe("wrongPassword");
    }
    expect(refusal(await open().check(as("home2", "right")))).toBe("wrongPassword");
    expect(refusal(await open().check(as(undefined, "right")))).toBe("wrongPassword");
    expect(refusal(await open().check(as("home1", undefined)))).toBe("wrongPassword");
  });

  test("let in without a name where that is said, and then as nobody", async () => {
    expect(refusal(await open().check(as(undefined, undefined)))).toBe("noName");
    const nobody = { ok: true, user: { name: "", role: "anonymous" } };
    expect(await open("read").check(as(undefined, undefined))).toEqual(nobody);
    expect(refusal(await open("read").check(as("home1", "wrong")))).toBe("wrongPassword");
  });

  test("do not let a page of any name in without a name", async () => {
    const nameless = { ...as(undefined, undefined), isForeign: true };
    expect(refusal(await open("read").check(nameless))).toBe("noName");
    expect((await open("read").check({ ...as("home1", "right"), isForeign: true })).ok).toBe(true);
  });

  test("go by the file as it is when the password is hashed", async () => {
    const before = users;
    for (const [after, ok] of [
      [new Map(), false],
      [new Map([...users].map(([name, user]) => [name, { ...user, role: "dashboard" }])), true],
    ] as const) {
      const login = open().check(as("home1", "right"));
      users = after as ReadonlyMap<string, UserRecord>;
      const done = await login;
      expect(done.ok).toBe(ok);
      if (done.ok) expect(done.user.role).toBe("dashboard");
      users = before;
    }
  });

  test("make who is wrong too often wait, but not one whose password was right before", async () => {
    const [logins, fresh] = [open(), open()];
    await logins.check(as("home1", "right"));
    for (const each of [logins, fresh]) {
      await each.check(as("home1", "wrong"));
      await each.check(as("home1", "wrong"));
      expect(refusal(await each.check(as("home1", "wrong")))).toBe("tooManyFailures");
    }
    expect((await logins.check(as("home1", "right"))).ok).toBe(true);
    expect(refusal(await fresh.check(as("home1", "right")))).toBe("tooManyFailures");
    const elsewhere = { ...as("home1", "right"), address: "10.0.0.2" };
    expect((await fresh.check(elsewhere)).ok).toBe(true);
    now += 60_000;
    expect((await fresh.check(as("home1", "right"))).ok).toBe(true);
  });

  test("make an address wait that tries many names", async () => {
    const logins = open("none", 1);
    for (let i = 0; i < 10; i += 1) await logins.check(as(`name${i}`, ""));
    expect(refusal(await logins.check(as("home1", "right")))).toBe("tooManyFailures");
  });

  test("forget a password that was changed, or whose user was removed", async () => {
    const logins = open();
    await logins.check(as("home1", "right"));
    const before = users;
    await setUser(join(dir, "users"), { name: "home1", role: "agent", password: "new" });
    users = readUsers(join(dir, "users"));
    expect(refusal(await logins.check(as("home1", "right")))).toBe("wrongPassword");
    expect((await logins.check(as("home1", "new"))).ok).toBe(true);
    users = new Map();
    expect(refusal(await logins.check(as("home1", "new")))).toBe("wrongPassword");
    users = before;
  });

  test("wait in a row that is no longer than it may be", async () => {
    const logins = open("none", 1000);
    const three = ["1", "2", "3"].map((password) => logins.check(as("home1", password)));
    const refusals = (await Promise.all(three)).map(refusal);
    expect(refusals).toEqual(["wrongPassword", "wrongPassword", "busy"]);
    expect((await logins.check(as("home1", "new"))).ok).toBe(false);
    expect((await logins.check(as("home1", "right"))).ok).toBe(true);
  });
});
