// Light or dark: as the system says, or as the reader chose.

import { keep, kept } from "../kept.ts";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "pvtrading.theme";

export function readTheme(): Theme {
  const chosen = kept(KEY);
  return THEMES.find((one) => one === chosen) ?? "auto";
}

export function applyTheme(theme: Theme): void {
  if (theme === "auto") {
    keep(KEY, null);
    delete document.documentElement.dataset["theme"];
    return;
  }
  keep(KEY, theme);
  document.documentElement.dataset["theme"] = theme;
}
