// Reads one YAML (or JSON) file against a schema and tells every problem with its line:
// file, line, key, what was found and what is allowed.

import { readFileSync } from "node:fs";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import type { z } from "zod";

const FILE_BYTES_MAX = 1_048_576;
const FOUND_LENGTH_MAX = 60;

export type ConfigProblem = {
  readonly file: string;
  /** From 1; 0 when the file could not be read at all. */
  readonly line: number;
  /** "trading.sell.reservePrice"; empty for the file as a whole. */
  readonly key: string;
  readonly found: string;
  readonly allowed: string;
};

export type ConfigResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** As ConfigResult; what could be read of a wrong file may lead to further problems. */
export type YamlResult<T> =
  | { readonly ok: true; readonly value: YamlFile<T> }
  | {
      readonly ok: false;
      readonly problems: readonly ConfigProblem[];
      readonly content: unknown;
    };

export type YamlFile<T> = {
  readonly value: T;
  /** A problem found later, such as one against another file, at the line of `path`. */
  readonly problem: (path: readonly PropertyKey[], allowed: string) => ConfigProblem;
};

export function formatProblem({ file, line, key, found, allowed }: ConfigProblem): string {
  const where = line === 0 ? file : `${file}:${line}`;
  return `${where}: ${key === "" ? "" : `${key}: `}found ${found}; allowed: ${allowed}`;
}

export function readYaml<S extends z.ZodType>(file: string, schema: S): YamlResult<z.output<S>> {
  try {
    return parseYaml({ file, text: readFileSync(file, "utf8"), schema });
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    const found = `no readable file (${error.code})`;
    const problem = { file, line: 0, key: "", found, allowed: "a YAML or JSON file" };
    return { ok: false, problems: [problem], content: null };
  }
}

export function parseYaml<S extends z.ZodType>({
  file,
  text,
  schema,
}: {
  readonly file: string;
  readonly text: string;
  readonly schema: S;
}): YamlResult<z.output<S>> {
  if (text.length > FILE_BYTES_MAX) {
    const allowed = `at most ${FILE_BYTES_MAX} bytes`;
    const found = `${text.length} bytes`;
    return { ok: false, problems: [{ file, line: 1, key: "", found, allowed }], content: null };
  }
  const document = new PositionedDocument(file, text);
  const parsed = schema.safeParse(document.content, { reportInput: true });
  const problems = [...document.syntaxProblems];
  const issues = parsed.success || !document.isReadable ? [] : parsed.error.issues;
  const found = issues.flatMap((issue) => issueProblems(document, issue));
  // After broken syntax the rest was guessed at: only what stands before it is worth telling.
  const broken = document.firstBrokenLine;
  problems.push(
    ...found.filter((one) => one.line < broken && !(broken < Infinity && one.found === NOTHING)),
  );
  if (problems.length > 0 || !parsed.success) {
    problems.sort((a, b) => a.line - b.line);
    return { ok: false, problems, content: document.content };
  }
  const problem = (path: readonly PropertyKey[], allowed: string) =>
    document.problem({ path, allowed });
  return { ok: true, value: { value: parsed.data, problem } };
}

const NOTHING = "nothing";

function issueProblems(document: PositionedDocument, issue: z.core.$ZodIssue): ConfigProblem[] {
  if (issue.code !== "unrecognized_keys") {
    return [document.problem({ path: issue.path, allowed: issue.message })];
  }
  return issue.keys.map((key) =>
    document.problem({
      path: [...issue.path, key],
      allowed: issue.message,
      found: "a key that is not known",
    }),
  );
}

/** A parsed file that still knows on which line each key stands. */
class PositionedDocument {
  readonly content: unknown;
  /** False: its aliases lead nowhere, and nothing can be said of its content. */
  readonly isReadable: boolean;
  readonly syntaxProblems: ConfigProblem[];
  readonly firstBrokenLine: number;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: ReturnType<typeof parseDocument>;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.syntaxProblems = this.#document.errors.map((error) => ({
      file,
      line: this.#line(error.pos[0]),
      key: "",
      found: error.message,
      allowed: "well-formed YAML or JSON",
    }));
    // A key that stands twice breaks nothing else.
    const breaking = this.#document.errors.filter((error) => error.code !== "DUPLICATE_KEY");
    const resolved = resolveAliases(this.#document);
    if (!resolved.ok) {
      const line = this.#line(resolved.offset);
      const allowed = "aliases of anchors before them, in moderation";
      this.syntaxProblems.push({ file, line, key: "", found: resolved.problem, allowed });
    }
    this.firstBrokenLine = Math.min(Infinity, ...breaking.map((e) => this.#line(e.pos[0])));
    this.isReadable = resolved.ok;
    this.content = resolved.ok ? resolved.content : null;
  }

  problem({
    path,
    allowed,
    found,
  }: {
    readonly path: readonly PropertyKey[];
    readonly allowed: string;
    readonly found?: string;
  }): ConfigProblem {
    const at = this.#locate(path);
    return {
      file: this.#file,
      line: this.#line(at.offset),
      key: keyName(path),
      found: found ?? at.found,
      allowed,
    };
  }

  /** The offset of the key at `path`, or of the nearest table around it. */
  #locate(path: readonly PropertyKey[]): { offset: number; found: string } {
    let node: unknown = this.#document.contents;
    let offset = rangeStart(node) ?? 0;
    for (const segment of path) {
      if (isAlias(node)) node = node.resolve(this.#document);
      const next = step(node, segment);
      if (next === null) return { offset, found: NOTHING };
      offset = next.offset ?? offset;
      node = next.value;
    }
    return { offset, found: describe(node, this.#document) };
  }

  #line(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }
}

type Resolved =
  | { readonly ok: true; readonly content: unknown }
  | { readonly ok: false; readonly problem: string; readonly offset: number };

/** Only now does yaml notice an alias without its anchor, or of more and more: by throwing. */
function resolveAliases(document: ReturnType<typeof parseDocument>): Resolved {
  let offset = 0;
  const refused = (problem: string): Resolved => ({ ok: false, problem, offset });
  let containsItself = false;
  visit(document, {
    Alias: (_, alias, around) => {
      offset = rangeStart(alias) ?? offset;
      const anchored = alias.resolve(document);
      containsItself = around.some((node) => node === anchored);
      return anchored === undefined || containsItself ? visit.BREAK : undefined;
    },
  });
  if (containsItself) return refused("An alias within what it stands for");
  try {
    return { ok: true, content: document.toJS() as unknown };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return refused(error.message);
  }
}

function step(
  node: unknown,
  segment: PropertyKey,
): { offset: number | null; value: unknown } | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === segment);
    return pair === undefined ? null : { offset: rangeStart(pair.key), value: pair.value };
  }
  if (!isSeq(node)) return null;
  const item = node.items[Number(segment)];
  return item === undefined ? null : { offset: rangeStart(item), value: item };
}

function rangeStart(node: unknown): number | null {
  return (node as Partial<Node> | null)?.range?.[0] ?? null;
}

function describe(node: unknown, document: ReturnType<typeof parseDocument>): string {
  const value = isScalar(node) ? node.value : (node as Node | null)?.toJS(document);
  const json = value === undefined ? NOTHING : JSON.stringify(value);
  return json.length <= FOUND_LENGTH_MAX ? json : `${json.slice(0, FOUND_LENGTH_MAX)}...`;
}

/** ["devices", 0, "url"] is devices[0].url */
function keyName(path: readonly PropertyKey[]): string {
  return path
    .map((segment) => (typeof segment === "number" ? `[${segment}]` : `.${String(segment)}`))
    .join("")
    .replace(/^\./, "");
}
