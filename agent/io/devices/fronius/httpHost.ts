// Plain HTTP GET to one Fronius host: one request at a time, a rest between two, a limit on time and bytes.
// node:http and not fetch: dataloggers send headers that strict clients refuse.

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { accepted, type Result, refused } from "../../../core/result.ts";
import type { DeviceRefusal } from "../../../ports.ts";
import { errorText } from "../errorText.ts";
import { pause } from "../pause.ts";
import { createQueue, type Queue } from "../queue.ts";

/** What came back, whatever its status. */
export type HttpAnswer = { readonly status: number; readonly body: string };

export type HttpLimits = {
  /** Rest between the end of one request and the start of the next, ms. */
  readonly gapMs: number;
  /** From the start of a request to its last byte, ms. First answers of a datamanager take 3 s. */
  readonly timeoutMs: number;
};

/** The largest answers (archives, which we never ask for, aside) are a few KiB. */
export const ANSWER_BYTES_MAX = 262_144;

/** Owns the queue to one host; its requests end when `signal` is aborted. */
export class HttpHost {
  readonly #url: URL;
  readonly #signal: AbortSignal;
  readonly #queue: Queue = createQueue();
  #restUntil = 0;

  constructor(url: URL, signal: AbortSignal) {
    this.#url = url;
    this.#signal = signal;
  }

  get origin(): string {
    return this.#url.origin;
  }

  /**
   * Gets `path` (with its query) of this host.
   * Refusals: unreachable (no connection, no complete answer in time, closed), unintelligible (too
   * large, or not HTTP). An HTTP status is not judged here.
   */
  get(path: string, limits: HttpLimits): Promise<Result<HttpAnswer, DeviceRefusal>> {
    return this.#queue(async () => {
      await pause(this.#restUntil - performance.now(), this.#signal);
      if (this.#signal.aborted) return this.#unreachable("closed", path);
      try {
        return await this.#getNow(path, limits);
      } finally {
        this.#restUntil = performance.now() + limits.gapMs;
      }
    });
  }

  async #getNow(path: string, limits: HttpLimits): Promise<Result<HttpAnswer, DeviceRefusal>> {
    const timeout = AbortSignal.timeout(limits.timeoutMs);
    const signal = AbortSignal.any([this.#signal, timeout]);
    try {
      const answer = await send(new URL(path, this.#url), signal);
      if (answer !== null) return accepted(answer);
      return refused({
        code: "unintelligible",
        detail: `more than ${ANSWER_BYTES_MAX} bytes`,
        host: this.#url.host,
        path,
      });
    } catch (cause) {
      if (this.#signal.aborted) return this.#unreachable("closed", path);
      if (timeout.aborted) {
        return this.#unreachable(`no answer within ${limits.timeoutMs} ms`, path);
      }
      const reason = errorText(cause);
      if (!reason.startsWith("HPE_")) return this.#unreachable(reason, path);
      return refused({
        code: "unintelligible",
        detail: `not HTTP (${reason})`,
        host: this.#url.host,
        path,
      });
    }
  }

  #unreachable(detail: string, path: string): Result<HttpAnswer, DeviceRefusal> {
    return refused({ code: "unreachable", detail, host: this.#url.host, path });
  }
}

/** null when the body is larger than ANSWER_BYTES_MAX. */
function send(url: URL, signal: AbortSignal): Promise<HttpAnswer | null> {
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const options = { agent: false, insecureHTTPParser: true, signal } as const;
    const request = start(url, options, (response) => {
      collect(response).then(
        (body) => {
          // The rest of a body that is too large stays unread.
          request.destroy();
          resolve(body === null ? null : { status: response.statusCode ?? 0, body });
        },
        (cause: unknown) => reject(cause),
      );
    });
    request.on("error", reject);
    request.end();
  });
}

async function collect(response: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return decodeText(Buffer.concat(chunks));
}

/** Old firmware sends the degree sign in Latin-1. */
function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
