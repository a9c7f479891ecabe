import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { OpenPage } from "../../broker/dashboard/server.ts";
import { complaintsOf, hasChromium, openBrowser, violations, widthOf } from "../support/browser.ts";
import {
  type FakeStreet,
  MEMBERS,
  openFakeStreet,
  openStreetPage,
  STREET_TOKEN,
  street,
} from "../support/fakeStreet.ts";

const VIEWS = ["home", "market", "ledger", "network", "devices", "operator"] as const;

let browser: Browser;
let context: BrowserContext;
let fake: FakeStreet;
let server: OpenPage;
let tab: Page;
/** What the browser's console complained about. */
let complaints: string[];

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await openBrowser();
}, 60_000);

afterAll(async () => {
  if (hasChromium) await browser.close();
});

beforeEach(async () => {
  if (!hasChromium) return;
  fake = await openFakeStreet();
  await fake.tell();
  server = await openStreetPage(fake, 0);
  context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 } });
  tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  complaints = complaintsOf(tab);
});

afterEach(async () => {
  if (!hasChromium) return;
  await context.close();
  await server.close();
  await fake.close();
});

async function look(view: (typeof VIEWS)[number]): Promise<void> {
  await tab.goto(`${server.address}/#/${view}`);
  await tab.getByText("Live", { exact: true }).waitFor();
}

const text = (selector: string) => tab.locator(selector).innerText();

test.skipIf(!hasChromium)(
  "home says what the roof makes, what was offered and why, what was sold",
  async () => {
    await look("home");
    const lead = tab.locator(".glance .lead");
    await tab.getByText("Because your roof will make more").waitFor();
    // The story's last readings, 13:20: noon's sun less twenty minutes, and what the house takes.
    expect(await lead.innerText()).toMatch(
      /^Your roof makes 5\.18 kW\. Your house uses 520 W; 4\.66 kW/,
    );
    expect(await text(".headline >> nth=0")).toBe(
      "5 kWh offered for 14:00–15:00, at 2 tokens/kWh or more",
    );
    // The hour of 13:00, listing 9: 4 kWh at 3.25.
    expect(await text(".glance .sub")).toBe(
      "For 13:00–14:00 you sold 4 kWh to Cleo Diaz and earned 13 tokens.",
    );
    expect(await text("[data-figure=balance]")).toBe("218.25");
    expect((await text(".compare")).split("\n").filter((line) => line !== "")).toEqual([
      ...["You will make", "4.62 kWh", "probably between 3.1 and 5.05 kWh"],
      ...["You will use", "0.62 kWh", "probably between 0.4 and 1.4 kWh"],
    ]);
    const { listingid } = street().open;
    const expected = { listingid, production_kwh: 4.62, consumption_kwh: null };
    await fake.say("seller1/forecast", { at: "", ...expected });
    await tab.getByText("How exact that is will be known after more days").waitFor();
    // 4, 5, 6 kWh in turn, ten hours, all today; prices 3 to 3.75 in turn.
    const [kWh, tokens] = street().closed.reduce(
      ([sum, cost], { fills = [] }) => {
        const own = fills.filter(({ seller }) => seller.endsWith("seller1@vt.edu"));
        return [
          sum + own.reduce((all, fill) => all + fill.kWh, 0),
          cost + own.reduce((all, fill) => all + fill.kWh * fill.price, 0),
        ];
      },
      [0, 0],
    );
    expect([kWh, tokens]).toEqual([49, 162.5]);
    expect(await text(".big.sell >> nth=0")).toBe("49 kWh\nsold today, for 162.5 tokens");
    await tab.locator(".chart canvas").first().waitFor();
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(!hasChromium)(
  "market and ledger show what the ledger has, live",
  async () => {
    await look("market");
    expect(await tab.locator(".card.hero .lead").innerText()).toBe("Delivery 14:00–15:00, Mar 21");
    expect(await text(".big.sell >> nth=0")).toBe("8 kWh\noffered, 2 offers");
    expect(await text(".big.buy >> nth=0")).toBe("7.5 kWh\nwanted, 3 bids");
    await tab.getByText("the same price and the same trades as on the ledger").waitFor();
    expect(await text(".formula")).toBe(
      "MCP = (3.25 × 4 + 3.25 × 2.5 + 3.25 × 1) ÷ 7.5 = 24.375 ÷ 7.5 = 3.25",
    );
    const { listingid } = street().open;
    await fake.say("seller1/event/BUYOffer", {
      ...{ $class: "org.acme.pv.auction.BUYOffer", listingid: `resource:x#${listingid}` },
      ...{ member: "resource:x#seller2@vt.edu", BidPrice: 4, kWhQuantity: 2.5 },
      ...{ transactionId: "e".repeat(64), eventId: "e#0", timestamp: new Date().toISOString() },
    });
    await tab.getByText("10 kWh", { exact: true }).waitFor();
    await tab.getByText("wanted, 4 bids").waitFor();
    await look("ledger");
    for (const { id, balance } of MEMBERS) {
      expect(await text(`[data-balance="${id}"]`)).toBe(String(balance));
    }
    await fake.say("buyer2/event/BalanceChanged", {
      ...{ $class: "org.acme.pv.auction.BalanceChanged", member: "resource:x#buyer1@vt.edu" },
      ...{ balance: 171.5, reserved: 13, eventId: "f#0" },
    });
    await tab.locator('[data-balance="buyer1@vt.edu"]', { hasText: "171.5" }).waitFor();
    await tab.getByRole("tab", { name: "Listings" }).click();
    await tab.getByRole("button", { name: /21Mar18-13:00/ }).click();
    const fills = tab.locator(".detail table").last();
    expect(await fills.innerText()).toContain("seller1@vt.edu\tbuyer1@vt.edu\t4\t13");
    await tab.getByRole("searchbox").fill("nobody anywhere");
    await tab.getByText("Nothing found.").waitFor();
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(!hasChromium)(
  "a first hour alone is drawn, and one that is taken by hand has no countdown",
  async () => {
    const only = street().closed.slice(0, 1);
    fake.listings = only;
    await look("market");
    await tab.getByRole("timer").waitFor();
    await fake.say("seller1/listing", {
      ...{ at: "", listingid: street().open.listingid, state: "ACCEPT_OFFERS", deliveryStart: "" },
      ...{ opensAt: null, cutoffAt: null, clearsAt: null, endsAt: "", offers: 2, bids: 3 },
      ...{ offered_kwh: 7, wanted_kwh: 7.5, mcp: null, traded_kwh: 0, fillCount: 0, fills: [] },
    });
    await tab.getByText("The administrator opens and closes this hour by hand.").waitFor();
    expect(await tab.getByRole("timer").count()).toBe(0);
    const prices = tab.locator(".card", { hasText: "Price history" });
    await prices.locator("canvas").waitFor();
    await prices.getByText("Show as table").click();
    expect(await prices.locator("tbody tr").allInnerTexts()).toEqual([
      "Mar 21, 04:00–05:00\t3 tokens/kWh",
    ]);
    expect(complaints).toEqual([]);
  },
  60_000,
);

test.skipIf(!hasChromium)(
  "network and devices say what is wrong in plain words",
  async () => {
    await look("network");
    await tab.getByText("Something needs a look: buyer2, buyer3").waitFor();
    await tab.getByText("its ledger is 3 blocks behind: it has come back").waitFor();
    await tab.getByText("its clock is 2.4 s behind").waitFor();
    await tab.getByText("Not all run the same version: buyer1 0.0.9; the others 0.1.0.").waitFor();
    const ways = tab.locator("section", { hasText: "Round trips" }).locator("tbody tr");
    expect(await ways.allInnerTexts()).toEqual([
      "seller1\t\t1.2 ms\t181 ms\t3.2 ms\t4.2 ms",
      "seller2\t1.2 ms\t\t181 ms\t3.2 ms\t4.2 ms",
      "buyer1\t180 ms\t181 ms\t\t182 ms\t183 ms",
      "buyer2\t1.2 ms\t2.2 ms\t182 ms\t\t4.2 ms",
      "buyer3\t–\t–\t–\t–\t",
    ]);
    await tab.getByText("its clock is not set by NTP").waitFor();
    await look("devices");
    await tab.locator("#whichHome").selectOption("seller2");
    await tab.getByText("The device does not answer. At night").waitFor();
    expect(await text(".device:has(.notice) .value")).toBe("–");
  },
  60_000,
);

test.skipIf(!hasChromium)(
  "it survives its server, the broker and the agents going and coming back",
  async () => {
    await look("home");
    await fake.restartBroker(async () => {
      await tab.getByText("The connection is lost").waitFor();
      // What was known stays.
      expect(await text("[data-figure=balance]")).toBe("218.25");
    });
    await tab.getByText("Live", { exact: true }).waitFor();
    await fake.say("seller1/event/BalanceChanged", {
      ...{ $class: "org.acme.pv.auction.BalanceChanged", member: "resource:x#seller1@vt.edu" },
      ...{ balance: 300, reserved: 0, eventId: "g#0" },
    });
    await tab.locator("[data-figure=balance]", { hasText: "300" }).waitFor();
    await fake.say("seller1/status", "offline");
    await tab.getByText("This home’s agent is offline").waitFor();
    await fake.say("seller1/status", "online");
    await tab.getByText("This home’s agent is offline").waitFor({ state: "detached" });
    const port = Number(new URL(server.address).port);
    await server.close();
    await tab.getByRole("link", { name: "Market" }).click();
    await tab.getByRole("heading", { level: 1, name: "Market" }).waitFor();
    server = await openStreetPage(fake, port);
    await look("home");
    await tab.locator("[data-figure=balance]").waitFor();
  },
  90_000,
);

test.skipIf(!hasChromium)(
  "without a token it says so, and with one the operator says something",
  async () => {
    const other = await openStreetPage(fake, 0, { readToken: null });
    try {
      await tab.goto(`${other.address}/#/ledger`);
      await tab.getByRole("tab", { name: "PVs" }).click();
      await tab.getByText("give yours on the page Operator").waitFor();
      await tab.getByRole("link", { name: "Operator" }).click();
      await tab.getByLabel("Token", { exact: true }).fill("wrong");
      await tab.getByRole("button", { name: "Use it" }).click();
      await tab.getByText("401: Authorization Required").waitFor();
      await tab.getByLabel("Token", { exact: true }).fill(STREET_TOKEN);
      await tab.getByRole("button", { name: "Use it" }).click();
      await tab.getByText("You are seller1@vt.edu.").waitFor();
      const offer = tab.locator("section", { hasText: "Offer to sell" });
      await offer.getByLabel("Listing").fill("21Mar18-14:00");
      await offer.getByLabel("PV").fill("seller1house");
      await offer.getByLabel("kWh for sale").fill("2.5");
      await offer.getByRole("button", { name: "Send" }).click();
      await offer.getByText("Done: on the ledger as ffffffffffff…").waitFor();
      await tab.getByRole("link", { name: "Ledger" }).click();
      await tab.getByText("seller1@vt.edu").first().waitFor();
    } finally {
      await other.close();
    }
  },
  60_000,
);

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 390],
] as const) {
  test.skipIf(!hasChromium)(
    `everybody can use it: ${colorScheme}, ${width} px`,
    async () => {
      await tab.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await tab.setViewportSize({ width, height: 850 });
      for (const view of VIEWS) {
        await look(view);
        if (view === "home") await tab.locator(".chart canvas").first().waitFor();
        expect(await violations(tab), view).toEqual([]);
        expect(await widthOf(tab), `${view} is no wider than the screen`).toBeLessThanOrEqual(
          width,
        );
      }
    },
    120_000,
  );
}

test.skipIf(!hasChromium)(
  "by keyboard, in German, and light or dark as one chose",
  async () => {
    await look("home");
    await tab.keyboard.press("Tab");
    expect(await tab.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    await tab.keyboard.press("Enter");
    expect(await tab.evaluate("document.activeElement.tagName")).toBe("H1");
    await tab.getByRole("link", { name: "Ledger" }).focus();
    await tab.keyboard.press("Enter");
    await tab.getByRole("tab", { name: "Members" }).focus();
    await tab.keyboard.press("ArrowRight");
    expect(await tab.evaluate("document.activeElement.textContent")).toBe("PVs");
    await tab.locator("#language").selectOption("de");
    await tab.getByRole("heading", { level: 1, name: "Hauptbuch" }).waitFor();
    expect(await tab.evaluate("document.documentElement.lang")).toBe("de");
    const ground = "getComputedStyle(document.body).backgroundColor";
    const before = await tab.evaluate(ground);
    await tab.locator("#theme").click();
    await tab.locator("#theme").click();
    expect(await tab.evaluate("document.documentElement.dataset.theme")).toBe("dark");
    expect(await tab.evaluate(ground)).not.toBe(before);
    await tab.reload();
    await tab.getByRole("heading", { level: 1, name: "Hauptbuch" }).waitFor();
    expect(await tab.evaluate("document.documentElement.dataset.theme")).toBe("dark");
  },
  60_000,
);

test.skipIf(!hasChromium)(
  "all of it is light, and the first chart is there soon",
  async () => {
    const session = await context.newCDPSession(tab);
    await session.send("Network.enable");
    let bytes = 0;
    session.on("Network.loadingFinished", ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    const recorded: string[] = [];
    tab.on("request", (request) => {
      if (request.url().includes("/history.json")) recorded.push(request.url());
    });
    const start = performance.now();
    await tab.goto(`${server.address}/#/home`);
    await tab.locator(".chart canvas").first().waitFor();
    const chartMs = Math.round(performance.now() - start);
    await tab.getByText("Live", { exact: true }).waitFor();
    process.stderr.write(
      `page: ${Math.round(bytes / 1000)} kB with headers, first chart after ${chartMs} ms\n`,
    );
    expect(bytes).toBeLessThan(300_000);
    // What was recorded of a home is fetched once.
    expect(recorded).toHaveLength(1);
  },
  60_000,
);
