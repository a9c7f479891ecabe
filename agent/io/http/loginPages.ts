// The few pages that a login shows. Everything in them is escaped, no script runs in them, and no other page
// may frame them.

export type Page = {
  readonly status: number;
  readonly title: string;
  /** Plain text, a paragraph each. */
  readonly text: readonly string[];
  /** Shown to be copied. */
  readonly copied?: readonly { readonly label: string; readonly value: string }[];
  readonly links?: readonly { readonly href: string; readonly label: string }[];
};

export const PAGE_HEADERS: { readonly [name: string]: string } = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

const STYLE =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}code{display:block;padding:.6rem;background:#8882;overflow-wrap:anywhere;user-select:all}";

export function html({ title, text, copied = [], links = [] }: Page): string {
  return [
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>`,
    `<meta name="viewport" content="width=device-width"><style>${STYLE}</style>`,
    `<h1>${escaped(title)}</h1>`,
    ...text.map((paragraph) => `<p>${escaped(paragraph)}</p>`),
    ...copied.map(({ label, value }) => `<p>${escaped(label)}<code>${escaped(value)}</code></p>`),
    ...links.map(({ href, label }) => `<p><a href="${escaped(href)}">${escaped(label)}</a></p>`),
    "</html>\n",
  ].join("\n");
}

const ESCAPES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}
