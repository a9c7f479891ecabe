// Reads TypeScript just well enough for the house rules: which modules a file names, and its code without
// comments, texts and regular expressions.

export type Source = {
  /** Comments, texts and regular expressions are blank; line breaks are kept. */
  readonly code: string;
  /** Module names of import, export-from and import(). */
  readonly imports: readonly string[];
};

type Span = { readonly end: number; readonly kind: "comment" | "text" | "regex" };

/** After these a slash begins a regular expression; after a name, a number or a bracket it divides. */
const BEFORE_REGEX = /(?:^|[=(,:;![{}&|?+\-*%<>~^]|\breturn|\bcase|\btypeof)$/;

export function scanSource(source: string): Source {
  let code = "";
  let withTexts = "";
  let at = 0;
  while (at < source.length) {
    const span = spanAt(source, at, code);
    const end = span?.end ?? at + 1;
    const raw = source.slice(at, end);
    const blank = raw.replace(/[^\n]/g, " ");
    code += span === null ? raw : blank;
    withTexts += span === null || span.kind === "text" ? raw : blank;
    at = end;
  }
  return { code, imports: importsOf(withTexts) };
}

function spanAt(source: string, at: number, before: string): Span | null {
  const two = source.slice(at, at + 2);
  if (two === "//" || (two === "#!" && at === 0)) return upTo(source, at, "\n", "comment");
  if (two === "/*") return { end: after(source, "*/", at + 2), kind: "comment" };
  const first = two[0];
  if (first === '"' || first === "'") return { end: closing(source, at, first), kind: "text" };
  if (first === "`") return { end: closing(source, at, "`"), kind: "text" };
  if (first === "/" && BEFORE_REGEX.test(before.slice(-12).trimEnd())) {
    return { end: regexEnd(source, at), kind: "regex" };
  }
  return null;
}

function upTo(source: string, from: number, mark: string, kind: Span["kind"]): Span {
  const end = source.indexOf(mark, from);
  return { end: end < 0 ? source.length : end, kind };
}

function after(source: string, mark: string, from: number): number {
  const end = source.indexOf(mark, from);
  return end < 0 ? source.length : end + mark.length;
}

/** A template is blanked whole, what it computes included: code hidden there is not looked for. */
function closing(source: string, from: number, quote: string): number {
  for (let at = from + 1; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === quote) return at + 1;
    else if (quote === "`" && source.startsWith("${", at)) at = braceEnd(source, at + 2);
  }
  return source.length;
}

function braceEnd(source: string, from: number): number {
  let depth = 1;
  for (let at = from; at < source.length; at += 1) {
    const char = source[at] ?? "";
    if (char === "{") depth += 1;
    else if (char === "}") depth -= 1;
    else if (char === '"' || char === "'" || char === "`") at = closing(source, at, char) - 1;
    if (depth === 0) return at;
  }
  return source.length;
}

function regexEnd(source: string, from: number): number {
  let isInClass = false;
  for (let at = from + 1; at < source.length && source[at] !== "\n"; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === "[") isInClass = true;
    else if (source[at] === "]") isInClass = false;
    else if (source[at] === "/" && !isInClass) return at + 1;
  }
  return from + 1;
}

function importsOf(text: string): readonly string[] {
  const patterns = [
    /^[ \t]*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']/gm,
    /^[ \t]*import\s*["']([^"']+)["']/gm,
    /\bimport\(\s*["']([^"']+)["']/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ""));
}
