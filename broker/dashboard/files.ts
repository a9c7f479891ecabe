// The files of the page as browsers get them: the modules with their types taken out, everything compressed once
// and kept. There is no build: what is in page/ is what is served.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { basename, extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

export type ServedFile = {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** Of the contents, so that browsers ask again and get nothing. */
  readonly etag: string;
};

export type ServedFiles = {
  /** By path: /dashboard/page/main.ts; the page itself is / */
  readonly get: (path: string) => ServedFile | null;
  readonly paths: readonly string[];
  /** CSP source of the one inline script, the import map: 'sha256-...' */
  readonly importMap: string;
};

const BROKER = join(import.meta.dirname, "..");
const PAGE = join(import.meta.dirname, "page");
const INDEX = join(PAGE, "index.html");
const PRELOAD = "<!-- preload -->";
/** Fetched when somebody opens an entry of the ledger. */
const LATER = "/dashboard/page/ledger/";

/** Its module is published at full length only; the short one, which sets a variable, becomes one by this. */
const APPENDED: { readonly [file: string]: string } = {
  "uPlot.iife.min.js": "\nexport default uPlot;\n",
};

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** From their packages, as they were published. */
const VENDORED: { readonly [path: string]: string } = {
  "/vendor/uPlot.js": "uplot/dist/uPlot.iife.min.js",
  "/vendor/uPlot.min.css": "uplot/dist/uPlot.min.css",
  "/vendor/mqtt.esm.js": "mqtt/dist/mqtt.esm.js",
  "/vendor/ed25519.js": "@noble/ed25519/index.js",
  "/vendor/hashes/sha2.js": "@noble/hashes/sha2.js",
  "/vendor/hashes/_md.js": "@noble/hashes/_md.js",
  "/vendor/hashes/_u64.js": "@noble/hashes/_u64.js",
  "/vendor/hashes/utils.js": "@noble/hashes/utils.js",
};

export function openFiles(): ServedFiles {
  const modules = [join(BROKER, "topics.ts"), ...filesOf(PAGE)].filter(isServed);
  const sources = new Map<string, string>([
    ["/", INDEX],
    ...modules.map((file): [string, string] => [
      `/${relative(BROKER, file).split(sep).join("/")}`,
      file,
    ]),
    ...Object.entries(VENDORED).map(([path, name]): [string, string] => [path, inPackage(name)]),
  ]);
  const preloaded = [...sources.keys()].filter(
    (path) => path.endsWith(".ts") && !path.startsWith(LATER),
  );
  const made = new Map<string, ServedFile>();
  const index = readFileSync(INDEX, "utf8");
  return {
    paths: [...sources.keys()],
    importMap: hashOfImportMap(index),
    get: (path) => {
      const known = made.get(path);
      if (known !== undefined) return known;
      const source = sources.get(path);
      if (source === undefined) return null;
      const file = make(source, preloaded);
      made.set(path, file);
      return file;
    },
  };
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function isServed(file: string): boolean {
  return [".ts", ".css", ".svg"].includes(extname(file));
}

function inPackage(name: string): string {
  const parts = name.split("/");
  const packageName = parts.slice(0, name.startsWith("@") ? 2 : 1).join("/");
  const { resolve } = createRequire(import.meta.url);
  // A package need not export the file by name; its folder is found from what it does export.
  const main = resolve(packageName);
  const within = `${sep}${packageName.replace("/", sep)}${sep}`;
  return join(main.slice(0, main.lastIndexOf(within)), ...parts);
}

function make(file: string, preloaded: readonly string[]): ServedFile {
  const extension = extname(file);
  const text = readFileSync(file, "utf8") + (APPENDED[basename(file)] ?? "");
  const served =
    extension === ".ts" ? stripped(text) : file === INDEX ? withPreloads(text, preloaded) : text;
  const body = Buffer.from(served);
  const digest = createHash("sha256").update(body).digest("base64url");
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    ...{ body, gzipped: gzipSync(body, { level: 9 }), etag: `"${digest.slice(0, 27)}"` },
  };
}

/** All modules at once, not each after the one that imports it. */
function withPreloads(html: string, paths: readonly string[]): string {
  const links = paths.map((path) => `<link rel="modulepreload" href="${path.slice(1)}">`);
  return html.replace(PRELOAD, links.join("\n"));
}

/**
 * Types become blanks, so that lines and columns in a browser's console are those of the file. Node warns once that
 * the function may change; whoever runs a home cannot do anything about that.
 */
function stripped(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(text, { mode: "strip" });
  } finally {
    process.emitWarning = emitWarning;
  }
}

function hashOfImportMap(html: string): string {
  const [, text = ""] = /<script type="importmap">(.*?)<\/script>/s.exec(html) ?? [];
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
