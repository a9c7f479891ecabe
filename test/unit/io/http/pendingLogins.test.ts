import { expect, it } from "vitest";
import { html } from "../../../../agent/io/http/loginPages.ts";
import { isTrusted } from "../../../../agent/io/http/loginProvider.ts";
import { createPendingLogins } from "../../../../agent/io/http/pendingLogins.ts";

const LOGIN = {
  ...{ provider: "github", redirectUri: "http://localhost/auth/github/callback", returnTo: "/" },
};

it("a login is good once, in its browser, for ten minutes", () => {
  let now = 0;
  const logins = createPendingLogins(() => now);
  const one = logins.begin(LOGIN);
  expect(one.verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(new Set([one.state, one.browser, one.verifier]).size).toBe(3);
  now = 599_999;
  expect(logins.take(one.state, one.browser)).toEqual({ ...LOGIN, verifier: one.verifier });
  expect(logins.take(one.state, one.browser)).toBe(null);

  const two = logins.begin(LOGIN);
  expect(logins.take(two.state, one.browser)).toBe(null);
  expect(logins.take(two.state, two.browser)).toBe(null);

  const late = logins.begin(LOGIN);
  now += 600_000;
  expect(logins.take(late.state, late.browser)).toBe(null);
  expect(logins.take("", "")).toBe(null);
});

it("a thousand people may be away, and then the first begins again", () => {
  const logins = createPendingLogins(() => 0);
  const all = Array.from({ length: 1001 }, () => logins.begin(LOGIN));
  const isThere = all.map(({ state, browser }) => logins.take(state, browser) !== null);
  expect(isThere.indexOf(true)).toBe(1);
  expect(isThere.filter(Boolean)).toHaveLength(1000);
});

it("a provider is asked over TLS, or on this machine", () => {
  for (const address of [
    "https://a.example/x",
    "http://localhost:1",
    "http://[::1]/",
    "http://127.0.0.1/",
  ]) {
    expect(isTrusted(address)).toBe(true);
  }
  const others = [
    "http://a.example",
    "file:///etc/passwd",
    "ftp://localhost",
    "https://u:p@a.example",
    "x",
    "",
  ];
  for (const address of [...others, "http://localhost.a.example", "http://127.0.0.1.a.example"]) {
    expect(isTrusted(address)).toBe(false);
  }
});

it("a page shows what it is given and runs none of it", () => {
  const evil = `"><script>alert('&')</script>`;
  const copied = [{ label: evil, value: evil }];
  const links = [{ href: evil, label: evil }];
  const page = html({ status: 200, title: evil, text: [evil], copied, links });
  expect(page).not.toContain("<script>");
  expect(page).not.toContain('">&lt;script');
  const shown = "&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;";
  // Title twice, a paragraph, label and value, address and label.
  expect(page.split(shown)).toHaveLength(8);
});
