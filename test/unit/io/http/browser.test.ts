import { describe, expect, test } from "vitest";
import { mayUseCookie } from "../../../../agent/io/http/browser.ts";

const may = (headers: { [name: string]: string }): boolean =>
  mayUseCookie({ headers: { host: "home:3000", ...headers } }, ["https://page.example"]);

describe("mayUseCookie", () => {
  test("lets the door's own pages and the configured ones", () => {
    expect(may({})).toBe(true);
    expect(may({ origin: "http://home:3000" })).toBe(true);
    expect(may({ origin: "https://page.example" })).toBe(true);
    expect(may({ "sec-fetch-site": "same-origin" })).toBe(true);
  });

  test("lets no others", () => {
    for (const origin of ["http://home:3001", "http://evil", "null", "https://page.example.evil"]) {
      expect([origin, may({ origin })]).toEqual([origin, false]);
    }
    expect(may({ "sec-fetch-site": "cross-site" })).toBe(false);
  });
});
