// `npm start` with its page: a real neighbourhood trades, and what the page shows is what the ledger has, through
// the laboratory's own broker and REST doors. Skipped, and said so, without Debian's chromium.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) {
  process.stderr.write(`skipped: the page's tests need ${CHROMIUM} (apt-get install chromium)\n`);
}
const NAMESPACE = "org.acme.pv.auction";

type Access = {
  readonly rest: readonly string[];
  readonly tokens: { readonly [who: string]: string };
};
type Lab = { readonly page: string; readonly access: Access; readonly child: ChildProcess };

let browser: Browser;
let lab: Lab | null = null;

beforeAll(async () => {
  if (!hasChromium) return;
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
}, 60_000);

afterAll(async () => {
  if (hasChromium) await browser.close();
});

afterEach(async () => {
  const child = lab?.child;
  lab = null;
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGINT");
  await ended;
}, 60_000);

async function startLab(...options: readonly string[]): Promise<Lab> {
  const child = spawn(process.execPath, ["agent/main.ts", "lab", ...options], { cwd: ROOT });
  let [said, errors] = ["", ""];
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  return await new Promise((resolve, reject) => {
    child.on("close", () => reject(new Error(`the laboratory ended: ${errors}`)));
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      const page = /^the page: (http:\S+)$/m.exec(said)?.[1];
      const access = /^REST (\{.*\})$/m.exec(said)?.[1];
      if (page !== undefined && access !== undefined) {
        resolve({ page, access: JSON.parse(access) as Access, child });
      }
    });
  });
}

async function rows<T>({ rest, tokens }: Access, path: string): Promise<readonly T[]> {
  const headers = { "x-access-token": tokens["seller1@vt.edu"] ?? "" };
  const answer = await fetch(`${rest[0]}/api/${NAMESPACE}.${path}`, { headers });
  return (await answer.json()) as readonly T[];
}

type Row = { readonly listingid: string; readonly state: string; readonly mcp: number | null };
type Fill = { readonly kWh: number; readonly price: number; readonly seller: string };
type ListingRow = Row & { readonly fills?: readonly Fill[] };

test.skipIf(!hasChromium)(
  "the laboratory's page shows the trades of real agents, as the ledger has them",
  async () => {
    // As it is typed, but faster; 8080 may be taken, then the page says where it is.
    lab = await startLab("--speed", "240");
    const { page, access } = lab;
    const tab = await browser.newPage({ locale: "en-US" });
    tab.setDefaultTimeout(60_000);
    await tab.goto(`${page}/#/market`);
    await tab.getByText("Live", { exact: true }).waitFor();
    await tab.getByText("the same price and the same trades as on the ledger").waitFor();
    await tab.locator("#whichListing").selectOption({ index: 1 });
    const shown = await tab.locator("#whichListing").inputValue();
    const listings = await rows<Row & { readonly fills: readonly Fill[] }>(access, "kWhlisting");
    const closed = listings.find(({ listingid }) => listingid === shown);
    expect(closed?.state).toBe("AUCTION_CLOSED");
    const figures = await tab
      .locator(".card", { hasText: "Result" })
      .locator(".big")
      .allInnerTexts();
    const kWh = (closed?.fills ?? []).reduce((sum, fill) => sum + fill.kWh, 0);
    expect(figures[0]).toMatch(new RegExp(`^${closed?.mcp}\n`));
    expect(Number(figures[1]?.split(" ")[0])).toBeCloseTo(kWh, 6);
    // The roofs produce at this hour, and both ends of the wire are known.
    await tab.goto(`${page}/#/home`);
    await tab.getByText(/^Your roof makes [\d.,]+ k?W/).waitFor();
    await tab.getByText(/offered for \d\d:00–\d\d:00/).waitFor();
    // Two days were traded before anybody looked: today's and the month's sums are the ledger's.
    await expect
      .poll(
        async () => {
          const all = await rows<ListingRow>(access, "kWhlisting");
          const seller = `resource:${NAMESPACE}.Member#seller1@vt.edu`;
          const soldWh = (day: string): number =>
            all
              .filter(({ listingid }) => listingid.includes(day))
              .flatMap(({ fills = [] }) => fills)
              .filter((fill) => fill.seller === seller)
              .reduce((sum, { kWh }) => sum + Math.round(kWh * 1000), 0);
          const shown = await tab.locator(".big.sell").allInnerTexts();
          const figures = shown.map((text) => Math.round(Number.parseFloat(text) * 1000));
          expect(all.length).toBeGreaterThan(48);
          expect(soldWh("20Mar18")).toBeGreaterThan(0);
          return figures.join() === [soldWh("21Mar18"), soldWh("Mar18")].join();
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBe(true);
    // Its figures against the ledger's in every view: livingPage.test.ts.
    await tab.goto(`${page}/#/network`);
    await tab.getByText("All is well in all 5 homes.").waitFor();
  },
  180_000,
);
