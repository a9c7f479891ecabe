// The ledger down to its signed bytes, in a browser over a live laboratory: what is right is shown to be right, and
// what somebody changed on its way is shown to be changed. Skipped, and said so, without Debian's chromium.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Verifier } from "../../agent/core/crypto.ts";
import { genesis } from "../../agent/core/ledger/state.ts";
import {
  readBlock,
  readBlocks,
  readCommunity,
  readEvidence,
  readTransaction,
} from "../../agent/io/http/ledgerRead.ts";
import { openHistory } from "../../agent/io/store/history.ts";
import { writeAuditedHome } from "../support/auditedHome.ts";
import { complaintsOf, hasChromium, openBrowser, violations, widthOf } from "../support/browser.ts";
import { type LabProcess, startLabProcess } from "../support/labProcess.ts";

let browser: Browser;
let lab: LabProcess;
let context: BrowserContext;
let tab: Page;
/** What the browser's console complained about. */
let complaints: string[];

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await openBrowser();
  lab = await startLabProcess("--speed", "240");
}, 120_000);

afterAll(async () => {
  if (!hasChromium) return;
  await lab.end();
  await browser.close();
}, 60_000);

beforeEach(async () => {
  if (!hasChromium) return;
  context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 } });
  tab = await context.newPage();
  tab.setDefaultTimeout(60_000);
  complaints = complaintsOf(tab);
});

afterEach(async () => {
  if (hasChromium) await context.close();
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
type Any = any;

async function rest(path: string): Promise<Any> {
  const headers = { "x-access-token": lab.tokens["seller1@vt.edu"] ?? "" };
  const answer = await fetch(`${lab.rest[0]}/api/pvtrading/${path}`, { headers });
  return await answer.json();
}

/** The newest offer or bid on the ledger, once there is one. */
async function order(): Promise<Any> {
  for (;;) {
    const { blocks } = await rest("blocks?count=50");
    for (const { height } of blocks) {
      const { transactions } = await rest(`blocks/${height}`);
      const found = transactions.find(({ type }: Any) => type === "pvOffer" || type === "buyOffer");
      if (found !== undefined) return await rest(`transactions/${found.id}`);
    }
    await tab.waitForTimeout(500);
  }
}

async function verified(): Promise<string | null> {
  const button = tab.getByRole("button", { name: "Verify" });
  const verdict = tab.locator("[data-verdict]");
  await button.click();
  // On a busy machine the door may not answer in time; whoever looks presses again.
  await verdict.or(tab.locator(".verdict .notice")).waitFor();
  if ((await verdict.count()) === 0) await button.click();
  await verdict.waitFor();
  return await verdict.getAttribute("data-verdict");
}

const failed = () =>
  tab
    .locator(".checks .fails")
    .evaluateAll((all) => all.map((one) => one.getAttribute("data-check")));

/** What a liar between the home and the browser makes of an answer. */
async function lie(path: string, change: (told: Any) => void): Promise<void> {
  await tab.route(`**/api/pvtrading/${path}`, async (route) => {
    const response = await route.fetch();
    const told = await response.json();
    change(told);
    await route.fulfill({ response, json: told });
  });
}

function flip(hex: string, byte: number): string {
  const bytes = Buffer.from(hex, "hex");
  bytes[byte] = (bytes[byte] ?? 0) ^ 1;
  return bytes.toString("hex");
}

test.skipIf(!hasChromium)(
  "a transaction opens to what its author signed, and holds",
  async () => {
    const { id, payload, height, author, signedBytes } = await order();
    await tab.goto(`${lab.page}/#/ledger`);
    await tab.getByRole("searchbox").fill(id);
    await tab.getByRole("link", { name: `Open transaction ${id.slice(0, 12)}` }).click();
    await tab.getByRole("heading", { level: 2, name: "Transaction" }).waitFor();
    await tab.locator(".says").nth(1).waitFor();
    const says = (await tab.locator(".says").allInnerTexts()).join("\n");
    expect(says).toContain(author);
    expect(says).toContain(payload.listingId);
    expect(says).toContain(`${payload.energy / 1000} kWh`);
    expect(await tab.locator("[data-bytes=bytes_signedBytes]").textContent()).toBe(signedBytes);
    expect(await verified()).toBe("holds");
    expect(await tab.locator(".checks .holds").count()).toBe(10);
    await tab.getByText("The CA’s certificate says that the key belongs to").waitFor();
    await tab.getByRole("link", { name: `block ${height}, place` }).click();
    await tab.getByRole("heading", { level: 2, name: `Block ${height}` }).waitFor();
    await tab.goBack();
    await tab.getByRole("heading", { level: 2, name: "Transaction" }).waitFor();
    // A registration brings a whole certificate along.
    const { transactions } = await rest("blocks/1");
    const first = await rest(`transactions/${transactions[0].id}`);
    expect(first.bytes.length).toBeGreaterThan(600);
    await tab.goto(`${lab.page}/#/ledger/transaction/${first.id}`);
    await tab.getByText(first.id, { exact: true }).waitFor();
    await tab.getByText("Read in this browser, out of the bytes below.").waitFor();
    expect(complaints).toEqual([]);
  },
  180_000,
);

test.skipIf(!hasChromium)(
  "a block opens to who voted for it, and holds",
  async () => {
    await order();
    await tab.goto(`${lab.page}/#/ledger`);
    await tab.getByRole("tab", { name: "Blocks" }).click();
    const { last } = await rest("blocks?count=1");
    await tab.getByRole("link", { name: String(last), exact: true }).click();
    await tab.getByRole("heading", { level: 2, name: `Block ${last}` }).waitFor();
    await tab.getByRole("button", { name: "Verify" }).waitFor();
    const { certificate, transactions } = await rest(`blocks/${last}`);
    const rows = tab.locator("table").first().locator("tbody tr");
    expect(await rows.count()).toBe(4);
    const voted = certificate.votes.filter(({ signature }: Any) => signature !== null).length;
    expect(voted).toBeGreaterThanOrEqual(3);
    expect(await tab.locator(".badge.good").count()).toBe(voted);
    expect(await tab.locator("a[href^='#/ledger/transaction/']").count()).toBe(transactions.length);
    expect(await verified()).toBe("holds");
    await tab.getByText(`${voted} of 4 signed for this block: more than two thirds.`).waitFor();
    await tab.getByRole("link", { name: "The block before" }).click();
    await tab.getByRole("heading", { level: 2, name: `Block ${last - 1}` }).waitFor();
    await tab.getByRole("link", { name: "Back to the ledger" }).click();
    await tab.getByRole("tab", { name: "Blocks", selected: true }).waitFor();
    await tab.goto(`${lab.page}/#/ledger/block/999999`);
    await tab.getByText("There is no block 999999 yet").waitFor();
    expect(complaints.filter((one) => !one.includes("404"))).toEqual([]);
  },
  180_000,
);

test.skipIf(!hasChromium)(
  "whatever is changed on its way is found and said in words",
  async () => {
    const { id, height, payload, bytes } = await order();
    const open = async (place: string) => {
      await tab.goto("about:blank");
      await tab.goto(`${lab.page}/#/ledger/${place}`);
      const verdict = await verified();
      await tab.unrouteAll({ behavior: "wait" });
      return [verdict, await failed()];
    };
    // One bit of what the block holds: it may be read as another figure, or not at all.
    await lie(`transactions/${id}`, (told) => {
      told.bytes = flip(told.bytes, bytes.length / 2 - 1);
    });
    expect(await open(`transaction/${id}`)).toEqual(["fails", ["shown", "signature", "place"]]);
    await tab.getByText("The signature is not by this key over these bytes.").waitFor();
    // Another figure beside the right bytes: what is shown comes from the bytes, and the lie is named.
    await lie(`transactions/${id}`, (told) => {
      told.payload.energy = payload.energy + 1;
    });
    expect(await open(`transaction/${id}`)).toEqual(["fails", ["shown"]]);
    const says = (await tab.locator(".says").allInnerTexts()).join("\n");
    expect(says).toContain(`${payload.energy / 1000} kWh`);
    // The block under it has a vote less than is needed.
    await lie(`blocks/${height}`, ({ certificate: { votes } }) => {
      for (const vote of votes.slice(0, 2)) vote.signature = null;
    });
    expect(await open(`transaction/${id}`)).toEqual(["fails", ["place"]]);
    await lie(`blocks/${height}`, (told) => {
      told.stateRoot = flip(told.stateRoot, 0);
    });
    expect(await open(`block/${height}`)).toEqual(["fails", ["header"]]);
    await lie("community", (told) => {
      told.rules = flip(told.rules, 3);
    });
    expect(await open(`block/${height}`)).toEqual(["fails", ["rules"]]);
    expect(await open(`block/${height}`)).toEqual(["holds", []]);
    expect(complaints).toEqual([]);
  },
  240_000,
);

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 390],
] as const) {
  test.skipIf(!hasChromium)(
    `everybody can use it: ${colorScheme}, ${width} px`,
    async () => {
      const { id, height } = await order();
      await tab.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await tab.setViewportSize({ width, height: 850 });
      for (const place of [`transaction/${id}`, `block/${height}`, "blocks"]) {
        await tab.goto(`${lab.page}/#/ledger/${place}`);
        if (place === "blocks") await tab.locator("a[href^='#/ledger/block/']").first().waitFor();
        else await verified();
        await tab.evaluate(
          "for (const one of document.querySelectorAll('details')) one.open = true",
        );
        expect(await violations(tab), place).toEqual([]);
        expect(await widthOf(tab), `${place} is no wider than the screen`).toBeLessThanOrEqual(
          width,
        );
      }
    },
    180_000,
  );
}

test.skipIf(!hasChromium)(
  "by keyboard, in German, and found by whatever one knows of it",
  async () => {
    const { id, height } = await order();
    const search = tab.getByRole("searchbox");
    await tab.goto(`${lab.page}/#/ledger/blocks`);
    const { last } = await rest("blocks?count=1");
    await tab.getByRole("link", { name: String(last), exact: true }).focus();
    // Blocks come while it is looked at: the focus stays.
    await tab.getByRole("link", { name: String(last + 2), exact: true }).waitFor();
    expect(await tab.evaluate("document.activeElement.getAttribute('href')")).toBe(
      `#/ledger/block/${last}`,
    );
    await tab.keyboard.press("Enter");
    await tab.getByRole("heading", { level: 2, name: `Block ${last}` }).waitFor();
    expect(await tab.evaluate("document.activeElement.tagName")).toBe("H1");
    await tab.locator("#language").selectOption("de");
    await tab.getByRole("button", { name: "Prüfen" }).click();
    await tab.getByText("Alles stimmt.").waitFor();
    await tab.getByRole("link", { name: "Zurück zum Hauptbuch" }).click();
    await search.fill("seller1house");
    await tab.locator("section:has(h3) code", { hasText: "seller1house" }).first().waitFor();
    await search.fill("buyer2@vt.edu");
    await tab.locator("[data-balance='buyer2@vt.edu']").waitFor();
    await search.fill(String(height));
    await tab.getByRole("link", { name: `Block ${height} öffnen` }).waitFor();
    await search.fill(id);
    await search.press("Tab");
    await tab.getByRole("link", { name: `Transaktion ${id.slice(0, 12)}… öffnen` }).click();
    await tab.getByRole("heading", { level: 2, name: "Transaktion" }).waitFor();
    expect(complaints).toEqual([]);
  },
  240_000,
);

test.skipIf(!hasChromium)(
  "evidence opens to both that one card signed",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "pv-ledger-page-"));
    const { rules } = writeAuditedHome(dir);
    const history = openHistory(dir);
    try {
      // The laboratory's cards are honest: REST tells of a ledger on which one was not.
      const door = { rules, history, ledger: () => genesis(rules) };
      const reading = { door, verifier: new Verifier() };
      await tab.route("**/api/pvtrading/**", async (route) => {
        const [, path = ""] = route.request().url().split("/api/pvtrading/");
        const [what = "", id = ""] = path.split(/[/?]/);
        const told =
          what === "evidence"
            ? { evidence: readEvidence(reading, 10) }
            : what === "community"
              ? readCommunity(reading)
              : what === "transactions"
                ? readTransaction(reading, id as never)
                : path.startsWith("blocks?")
                  ? readBlocks(reading, { below: null, count: 20 })
                  : readBlock(reading, Number(id));
        const headers = { "access-control-allow-origin": "*" };
        if (route.request().method() === "OPTIONS") await route.continue();
        else await route.fulfill({ json: told, headers });
      });
      await tab.goto(`${lab.page}/#/ledger/blocks`);
      const line = tab.locator("tr", { hasText: "doubleBuyOffer" });
      expect(await line.innerText()).toContain("21Mar18-15:00 bid 9");
      await line.locator("a[href^='#/ledger/transaction/']").click();
      await tab.locator("[data-bytes=bytes_accused1]").waitFor({ state: "attached" });
      const says = (await tab.locator(".says").allInnerTexts()).join(" ");
      expect(says).toContain("accusation.offender");
      expect(says).toContain("buyer1@vt.edu");
      expect(await verified()).toBe("holds");
      await tab.getByText("One key signed both of what it may sign one of.").waitFor();
      await tab.getByText("the key belongs to buyer1@vt.edu").waitFor();
      expect(complaints).toEqual([]);
    } finally {
      history.close();
      rmSync(dir, { recursive: true, force: true });
    }
  },
  120_000,
);
