// The paper's experiment by hand in a browser: `npm start -- --manual`, its page, the administrator's token, and from
// an empty community to Table V nothing but forms. Skipped, and said so, without Debian's chromium.

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { TABLE_IV } from "../../agent/lab/paper.ts";
import { freePorts, takenPorts } from "../../agent/lab/ports.ts";
import { hasChromium, openBrowser } from "../support/browser.ts";

const ROOT = join(import.meta.dirname, "../..");
const LISTING = "21Mar18-13:00";
const NAMES = ["seller1", "seller2", "buyer1", "buyer2", "buyer3"] as const;
/** Tokens: 200 + 3 x 6, 200 + 3 x 3, 200 - 3 x 5, 200 - 3 x 3, 200 - 3 x 1. */
const TABLE_V = { seller1: "218", seller2: "209", buyer1: "185", buyer2: "191", buyer3: "197" };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

type Said = {
  readonly rest: readonly string[];
  readonly tokens: { readonly [who: string]: string };
  readonly page: string;
};

/** The first of five ports in a row that are free now. */
async function freeBase(): Promise<number> {
  for (;;) {
    const [base = 0] = await freePorts(1);
    const all = NAMES.map((_, i) => base + i);
    if (base < 65_000 && (await takenPorts(all)).length === 0) return base;
  }
}

/** Everything that it prints on stdout, and its first line read. */
async function startLab(): Promise<{ readonly said: Said; readonly end: () => Promise<string> }> {
  const args = ["agent/main.ts", "lab", "--manual", "--port-base", String(await freeBase())];
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const end = async (): Promise<string> => {
    child.kill("SIGTERM");
    await ended;
    return stdout;
  };
  closers.push(end);
  const line = await new Promise<string>((resolve, reject) => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).once("line", resolve);
    void ended.then(() => reject(new Error(`the laboratory ended: ${stderr}`)));
  });
  return { said: JSON.parse(line) as Said, end };
}

/** Fills in the form under that heading and sends it; resolves once it is on the ledger. */
async function send(
  tab: Page,
  heading: string,
  values: { readonly [label: string]: string },
  answer: RegExp = /^Done: /,
): Promise<void> {
  const form = tab.locator(".card", {
    has: tab.getByRole("heading", { name: heading, exact: true }),
  });
  for (const [label, value] of Object.entries(values)) await form.getByLabel(label).fill(value);
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator(".answer.good, .answer.bad").waitFor();
  const what = `${heading} ${JSON.stringify(values)}`;
  expect(await form.locator(".answer").innerText(), what).toMatch(answer);
}

/** From here on that member's card acts. */
async function actAs(tab: Page, name: string): Promise<void> {
  await tab.getByLabel("Card that acts").selectOption(`${name}@laboratory`);
  await tab.getByText(`You are ${name}@vt.edu.`).waitFor();
}

test.skipIf(!hasChromium)(
  "the paper's steps are taken on the page of the manual laboratory, from nobody to Table V",
  async () => {
    const lab = await startLab();
    const { page, tokens } = lab.said;
    const browser = await openBrowser();
    closers.push(() => browser.close());
    const tab = await browser.newPage({ locale: "en-US" });
    tab.setDefaultTimeout(20_000);
    await tab.goto(`${page}/#/operator`);
    await tab.getByText("Live", { exact: true }).waitFor();
    await tab.getByLabel("Token", { exact: true }).fill(tokens["admin"] ?? "");
    await tab.getByRole("button", { name: "Use it" }).click();
    await tab.getByText("You are administrator@vt.edu.").waitFor();

    for (const name of NAMES) {
      const who = { "E-mail": `${name}@vt.edu`, "First name": name, "Last name": name };
      await send(tab, "Register a member", { ...who, Balance: "200" });
    }
    for (const name of ["seller1", "seller2"]) {
      const pv = { PV: `${name}house`, Owner: `${name}@vt.edu`, Capacity: "6.4" };
      await send(tab, "Register a PV", pv);
    }
    await send(tab, "Create a listing", { Listing: LISTING });
    await send(tab, "Accept offers", { Listing: LISTING });
    // In another's name nobody offers, the administrator neither.
    const early = { PV: "seller1house", "kWh for sale": "6" };
    await send(tab, "Offer to sell", { Listing: LISTING, ...early }, /^403: /);
    for (const { home, payload } of TABLE_IV) {
      await actAs(tab, home);
      if (payload.type === "pvOffer") {
        const offer = { PV: payload.pvId, "kWh for sale": String(payload.energy / 1000) };
        await send(tab, "Offer to sell", { Listing: LISTING, ...offer, "Reserve price": "0" });
      } else if (payload.type === "buyOffer") {
        const bid = { Member: `${home}@vt.edu`, "kWh wanted": String(payload.energy / 1000) };
        const price = { "Bid price": String(payload.bidPrice / 1000) };
        await send(tab, "Bid to buy", { Listing: LISTING, ...bid, ...price });
      }
    }
    await actAs(tab, "administrator");
    await send(tab, "Close the bidding", { Listing: LISTING });

    await tab.goto(`${page}/#/ledger`);
    const balanceOf = (name: string) => tab.locator(`[data-balance="${name}@vt.edu"]`);
    const balances = async () =>
      Object.fromEntries(
        await Promise.all(NAMES.map(async (name) => [name, await balanceOf(name).innerText()])),
      );
    await expect.poll(balances, { timeout: 20_000 }).toEqual(TABLE_V);
    await tab.goto(`${page}/#/market`);
    await tab.getByText("the same price and the same trades as on the ledger").waitFor();
    expect(await lab.end()).toBe(`${JSON.stringify(lab.said)}\n`);
  },
  180_000,
);
