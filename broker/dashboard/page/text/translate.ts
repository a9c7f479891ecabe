// The page's words in the reader's language. A language is one dictionary with every sentence of en.ts in it;
// tsc says which is missing.

import { DE } from "./de.ts";
import { EN } from "./en.ts";

export type Key = keyof typeof EN;
export type Dictionary = { readonly [K in Key]: string };
export type Language = "en" | "de";

export const LANGUAGES: { readonly [L in Language]: { name: string; words: Dictionary } } = {
  en: { name: "English", words: EN },
  de: { name: "Deutsch", words: DE },
};

/** `values` go where the sentence has their names in braces. */
export type Translate = (key: Key, values?: { readonly [name: string]: string | number }) => string;

export function translator(language: Language): Translate {
  const { words } = LANGUAGES[language];
  return (key, values = {}) =>
    words[key].replace(/\{(\w+)\}/g, (whole, name: string) =>
      isolated(String(values[name] ?? whole)),
    );
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** A name that is written from the right does not turn the sentence round it. */
function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** The first of the reader's languages that there is; English otherwise. */
export function languageOf(wanted: readonly string[]): Language {
  for (const one of wanted) {
    const language = one.slice(0, 2).toLowerCase();
    if (language === "en" || language === "de") return language;
  }
  return "en";
}

/** Whether there is a sentence for what somebody else named. */
export function isKey(text: string): text is Key {
  return Object.hasOwn(EN, text);
}
