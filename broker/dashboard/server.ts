// The server of the page at 8080: a handful of files, the same for everybody, and where the broker and the homes'
// doors are. It takes nothing from anybody, so there is nothing to protect but its own time.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { gzipSync } from "node:zlib";
import { isOwnName } from "../ownName.ts";
import { openFiles, type ServedFile, type ServedFiles } from "./files.ts";
import { DEFAULT_PAGE_LIMITS, type PageLimits } from "./limits.ts";
import type { PageConfig } from "./page/pageConfig.ts";

export type PageOptions = {
  /** 127.0.0.1: this machine alone. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What is left out: hours in UTC, the clock on the wall, no token. */
  readonly config: Pick<PageConfig, "title" | "mqttUrl" | "homes"> & Partial<PageConfig>;
  /** What was recorded of one home, as JSON text; left out: nothing is. See recorder.ts. */
  readonly history?: (home: string) => string;
  readonly limits?: PageLimits;
  readonly log: PageLog;
};

export type PageLog = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  facts: { readonly [name: string]: unknown },
) => void;

export type OpenPage = {
  /** http://127.0.0.1:8080 */
  readonly address: string;
  readonly close: () => Promise<void>;
};

/** Opens the door; rejects where the port is taken. */
export async function openPage(options: PageOptions): Promise<OpenPage> {
  const { host, port, history, log, limits = DEFAULT_PAGE_LIMITS } = options;
  const config: PageConfig = { timeZone: "UTC", clock: null, readToken: null, ...options.config };
  const files = openFiles();
  const compressed = createCompressed();
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: limits.headersWithinMs,
      requestTimeout: limits.requestWithinMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.headersWithinMs / 2,
    },
    (request, response) => {
      try {
        answer(request, response, {
          ...{ config, files, limits, compressed },
          history: history ?? (() => "{}"),
        });
      } catch (error) {
        log("error", "the page could not be served", { what: String(error) });
        response.destroy();
      }
    },
  );
  server.maxConnections = limits.connectionsMax;
  server.on("clientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = server.address();
  const taken = bound === null || typeof bound === "string" ? port : bound.port;
  return {
    address: `http://${isIP(host) === 6 ? `[${host}]` : host}:${taken}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Serving = {
  readonly config: PageConfig;
  readonly files: ServedFiles;
  readonly history: (home: string) => string;
  readonly limits: PageLimits;
  readonly compressed: Compressed;
};

/** The same text as the last time, by its name, is not compressed anew. */
type Compressed = (name: string, body: Buffer) => Buffer;

function createCompressed(): Compressed {
  const known = new Map<string, { readonly body: Buffer; readonly gzipped: Buffer }>();
  return (name, body) => {
    const last = known.get(name);
    if (last?.body.equals(body) === true) return last.gzipped;
    const gzipped = gzipSync(body);
    known.set(name, { body, gzipped });
    return gzipped;
  };
}

function answer(request: IncomingMessage, response: ServerResponse, serving: Serving): void {
  const { config, files, history, limits, compressed } = serving;
  const { method, url = "/" } = request;
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    end(request, response, { status: 405 });
    return;
  }
  const asked = url.length > limits.urlLengthMax ? null : URL.parse(url, "http://page");
  if (asked === null) {
    end(request, response, { status: 414 });
    return;
  }
  const { pathname, searchParams } = asked;
  const hostname = hostnameOf(request);
  if (pathname === "/config.json") {
    const told = isOurs(hostname) ? config : { ...config, readToken: null };
    end(request, response, { status: 200, json: JSON.stringify(told) });
    return;
  }
  if (pathname === "/history.json") {
    // As with what the broker tells: a page of a foreign name learns nothing of a home.
    const isTold = hostname !== null && isOwnName(hostname);
    const home = searchParams.get("home") ?? "";
    const body = Buffer.from(isTold ? history(home) : "{}");
    // What is not worth compressing is not kept: the name may be anything then.
    const gzipped = body.length < COMPRESSED_MIN ? null : compressed(home, body);
    tellJson(response);
    finish(request, response, { status: 200, body, gzipped });
    return;
  }
  const file = files.get(pathname);
  if (file === null) {
    end(request, response, { status: 404 });
    return;
  }
  if (pathname === "/") {
    response.setHeader("content-security-policy", policy(config, files, hostname));
  }
  send(request, response, file);
}

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Nothing from elsewhere, and nobody else is talked to but the broker and the homes. */
function policy(config: PageConfig, { importMap }: ServedFiles, hostname: string | null): string {
  return [
    "default-src 'none'",
    `script-src 'self' ${importMap}`,
    "style-src 'self'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...connections(config, hostname)].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/** The same ports on the name by which the browser found this machine, as `reachable` has it. */
function connections({ mqttUrl, homes }: PageConfig, hostname: string | null): readonly string[] {
  const addresses = [mqttUrl, ...homes.map(({ rest }) => rest)].filter((one) => one !== null);
  const sources = addresses.flatMap((address) => {
    const { protocol, hostname: own, port } = new URL(address);
    const isSafe = protocol === "https:" || protocol === "wss:";
    const schemes = isSafe ? ["https", "wss"] : ["http", "ws"];
    return [own, ...(hostname === null ? [] : [hostname])].flatMap((name) =>
      schemes.map((scheme) => `${scheme}://${name}${port === "" ? "" : `:${port}`}`),
    );
  });
  return [...new Set(sources)];
}

/** null: none that could be written into a policy. */
function hostnameOf({ headers }: IncomingMessage): string | null {
  const hostname = URL.parse(`http://${headers.host ?? ""}`)?.hostname ?? "";
  return /^(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-f:.]+\])$/.test(hostname) ? hostname : null;
}

/**
 * Whether the browser asked for this machine by its address: a name could be anybody's, who points it here so that
 * their own page may read what is told to ours.
 */
function isOurs(hostname: string | null): boolean {
  if (hostname === null) return false;
  return hostname === "localhost" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0;
}

function send(request: IncomingMessage, response: ServerResponse, file: ServedFile): void {
  const { type, body, gzipped, etag } = file;
  response.setHeader("content-type", type);
  response.setHeader("cache-control", "no-cache");
  response.setHeader("etag", etag);
  response.setHeader("vary", "accept-encoding");
  if (request.headers["if-none-match"]?.includes(etag) === true) {
    response.writeHead(304).end();
    return;
  }
  finish(request, response, { status: 200, body, gzipped });
}

function tellJson(response: ServerResponse): void {
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-type", "application/json");
}

function end(
  request: IncomingMessage,
  response: ServerResponse,
  { status, json }: { readonly status: number; readonly json?: string },
): void {
  tellJson(response);
  if (json === undefined) response.setHeader("content-type", "text/plain");
  const body = Buffer.from(json ?? `${status}\n`);
  finish(request, response, { status, body, gzipped: null });
}

/** Less is not worth the work. */
const COMPRESSED_MIN = 1024;

function finish(
  request: IncomingMessage,
  response: ServerResponse,
  {
    status,
    body,
    gzipped,
  }: { readonly status: number; readonly body: Buffer; readonly gzipped: Buffer | null },
): void {
  const takesGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  const isCompressed = takesGzip && body.length >= COMPRESSED_MIN;
  const bytes = isCompressed ? (gzipped ?? gzipSync(body)) : body;
  if (isCompressed) response.setHeader("content-encoding", "gzip");
  response.setHeader("content-length", bytes.length);
  response.writeHead(status);
  response.end(request.method === "HEAD" ? undefined : bytes);
}
