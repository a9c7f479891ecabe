import { describe, expect, test } from "vitest";
import { saidToken } from "../../../../agent/io/http/token.ts";

const said = (url: string, headers: { [name: string]: string } = {}) =>
  saidToken(url, headers)?.candidates ?? null;

describe("saidToken", () => {
  test("finds none where there is none", () => {
    expect(said("/api/x?filter=1")).toBe(null);
    expect(said("/?access_token=", { authorization: "", cookie: "a=b; c" })).toBe(null);
  });

  test("looks into the query first, then as LoopBack did", () => {
    const headers = { "x-access-token": "b", authorization: "c", cookie: "access_token=d" };
    expect(said("/?x=1&access_token=a", headers)).toEqual(["a"]);
    expect(said("/", headers)).toEqual(["b"]);
    expect(said("/?access_token=", headers)).toEqual(["b"]);
    expect(said("/", { authorization: "c", cookie: "access_token=d" })).toEqual(["c"]);
    expect(said("/", { cookie: "x=y; access_token=d; authorization=e" })).toEqual(["d"]);
    expect(said("/", { cookie: "authorization=e" })).toEqual(["e"]);
  });

  test("takes Bearer as it stands and as base64, Basic by its longer half", () => {
    const base64 = Buffer.from("secret").toString("base64");
    expect(said("/", { authorization: `bearer ${base64}` })).toEqual([base64, "secret"]);
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    expect(said("/", { authorization: basic("token-of-me:x") })).toEqual(["token-of-me"]);
    expect(said("/", { authorization: basic("u:token-of-me") })).toEqual(["token-of-me"]);
  });

  test("takes a signed cookie's token, and knows it for a cookie", () => {
    const found = saidToken("/", { cookie: "access_token=s%3Aabc.d%2Fe" });
    expect(found).toEqual({ candidates: ["abc"], isCookie: true });
    expect(saidToken("/", { authorization: "abc" })?.isCookie).toBe(false);
  });

  test("passes over what is too long, or no encoding at all", () => {
    expect(said("/", { "x-access-token": "x".repeat(1025) })).toEqual([]);
    expect(said("/", { cookie: "access_token=%E0%A4%A" })).toEqual(["%E0%A4%A"]);
  });
});
