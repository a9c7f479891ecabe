// Debian's chromium for the page's tests, what axe-core finds, and what the browser's console complained about.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

export const hasChromium: boolean = existsSync(CHROMIUM);
if (!hasChromium) {
  process.stderr.write(`skipped: the page's tests need ${CHROMIUM} (apt-get install chromium)\n`);
}

export function openBrowser(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/** Errors in the console and exceptions that nobody caught, as they come. */
export function complaintsOf(tab: Page): string[] {
  const complaints: string[] = [];
  tab.on("console", (message) => {
    const { url } = message.location();
    if (message.type() === "error") complaints.push(`${message.text()} ${url}`);
  });
  tab.on("pageerror", (error) => complaints.push(String(error)));
  return complaints;
}

/** CSS pixels that the document takes; more than the screen has is to be scrolled sideways. */
export async function widthOf(tab: Page): Promise<number> {
  return (await tab.evaluate("document.documentElement.scrollWidth")) as number;
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds that is serious or critical. */
export async function violations(tab: Page): Promise<readonly string[]> {
  await tab.evaluate(AXE);
  const found = (await tab.evaluate("axe.run(document, {resultTypes: ['violations']})")) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}
