// `npm start` with its page: a real neighbourhood trades, and what the page shows is what the ledger has, through
// the laboratory's own broker and REST doors. Skipped, and said so, without Debian's chromium.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { hasChromium, openBrowser } from "../support/browser.ts";
import { type LabProcess, startLabProcess } from "../support/labProcess.ts";

const NAMESPACE = "org.acme.pv.auction";

let browser: Browser;
let lab: LabProcess | null = null;

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await openBrowser();
}, 60_000);

afterAll(async () => {
  if (hasChromium) await browser.close();
});

afterEach(async () => {
  await lab?.end();
  lab = null;
}, 60_000);

async function rows<T>({ rest, tokens }: LabProcess, path: string): Promise<readonly T[]> {
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
    const access = await startLabProcess("--speed", "240");
    lab = access;
    const { page } = access;
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
