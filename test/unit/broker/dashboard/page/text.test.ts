// The page's words and numbers in both languages.

import { expect, test } from "vitest";
import { marketTime, reachable } from "../../../../../broker/dashboard/page/pageConfig.ts";
import { createFormat } from "../../../../../broker/dashboard/page/text/format.ts";
import {
  isKey,
  LANGUAGES,
  languageOf,
  translator,
} from "../../../../../broker/dashboard/page/text/translate.ts";

test("every sentence takes the same values in every language", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  const { en, de } = LANGUAGES;
  for (const [key, text] of Object.entries(en.words)) {
    expect(places(de.words[key as keyof typeof de.words]), key).toEqual(places(text));
    expect(text.trim(), key).not.toBe("");
  }
  expect(Object.keys(de.words)).toEqual(Object.keys(en.words));
});

test("values go where they belong", () => {
  const t = translator("de");
  expect(t("glanceRoof", { power: "3 kW" })).toBe("Ihr Dach erzeugt 3 kW.");
  expect(t("glanceRoof")).toBe("Ihr Dach erzeugt {power}.");
  expect(isKey("why_excess")).toBe(true);
  expect(isKey("toString")).toBe(false);
});

test("the first language that there is", () => {
  expect(languageOf(["fr-FR", "de-AT", "en"])).toBe("de");
  expect(languageOf(["fr"])).toBe("en");
});

test("numbers and times as people write them", () => {
  const en = createFormat("en", "America/New_York");
  const de = createFormat("de", "America/New_York");
  expect(en.kWh(2.4)).toBe("2.4 kWh");
  expect(de.kWh(1234.5)).toBe("1.234,5 kWh");
  expect([en.power(850), en.power(3214), en.power(-0.2)]).toEqual(["850 W", "3.21 kW", "0 W"]);
  expect(en.number(-3)).toBe("−3");
  expect(en.hour(Date.parse("2018-03-21T17:00:00Z"))).toBe("13:00–14:00");
  expect(en.hour(Date.parse("2018-03-21T04:00:00Z"))).toBe("00:00–01:00");
  expect([en.countdown(65_000), en.countdown(3_729_000), en.countdown(-5)]).toEqual([
    "1:05",
    "1:02:09",
    "0:00",
  ]);
});

test("market time runs as fast as the laboratory", () => {
  const clock = { realStart: 1000, marketStart: 1_000_000, speed: 60 };
  expect(marketTime(clock, 2000)).toBe(1_060_000);
  expect(marketTime(null, 2000)).toBe(2000);
});

test("an address of this machine alone is the machine's that served the page", () => {
  expect(reachable("ws://127.0.0.1:9001", "192.168.1.5")).toBe("ws://192.168.1.5:9001");
  expect(reachable("ws://127.0.0.1:9001", "localhost")).toBe("ws://127.0.0.1:9001");
  expect(reachable("http://10.0.0.2:3000", "192.168.1.5")).toBe("http://10.0.0.2:3000");
});
