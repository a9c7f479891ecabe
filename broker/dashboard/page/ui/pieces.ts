// Cards, tables, figures and empty places: what all views are made of.

import { type Child, h } from "./dom.ts";

let lastId = 0;

/** A section with its heading; `wide` spans all columns. */
export function card(
  title: string,
  {
    wide = false,
    aside = null,
    class: className = "",
  }: { readonly wide?: boolean; readonly aside?: Child; readonly class?: string },
  ...children: readonly Child[]
): HTMLElement {
  lastId += 1;
  const id = `card${lastId}`;
  return h(
    "section",
    { class: `card ${wide ? "wide" : ""} ${className}`, "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), aside),
    children,
  );
}

/** A number that matters, with what it is. */
export function figure(value: string, words: string, className = ""): HTMLElement {
  return h(
    "div",
    { class: `big ${className}` },
    h("span", { class: "value" }, value),
    h("span", { class: "words" }, words),
  );
}

export type Column<T> = {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: T) => Child;
};

/** A table with more columns becomes a list of rows on a phone, where nobody wants to move it sideways. */
const COLUMNS_ON_PHONE_MAX = 3;

export function table<T>(
  caption: string,
  columns: readonly Column<T>[],
  rows: readonly T[],
): HTMLElement {
  const [first, ...others] = columns;
  const isLong = columns.length > COLUMNS_ON_PHONE_MAX;
  return h(
    "div",
    { class: "tableScroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: isLong ? "long" : null },
      h("caption", { class: "hidden" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(({ title, isNumber }) =>
            h("th", { scope: "col", class: isNumber === true ? "number" : null }, title),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        rows.length === 0 ? h("tr", {}, h("td", { colspan: columns.length }, "–")) : null,
        rows.map((row) =>
          h(
            "tr",
            {},
            h(
              "th",
              { scope: "row", class: first?.isNumber === true ? "number" : null },
              first?.cell(row),
            ),
            others.map(({ title, isNumber, cell }) =>
              h(
                "td",
                { class: isNumber === true ? "number" : null, "data-title": title },
                cell(row),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}

export function empty(text: string): HTMLElement {
  return h("p", { class: "empty" }, text);
}

/** Long ids: all of it is there to be copied and heard, the beginning is shown. */
export function shortId(id: string): HTMLElement {
  return h("code", { class: "id", title: id }, id.length > 16 ? `${id.slice(0, 12)}…` : id);
}

export function badge(text: string, kind: "good" | "bad" | "calm" | "warm"): HTMLElement {
  return h("span", { class: `badge ${kind}` }, text);
}
