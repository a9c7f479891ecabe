// A home's REST door: the registries once, and whatever an operator says.

import { isObject, type JsonObject, textIn } from "../state/json.ts";

const NAMESPACE = "org.acme.pv.auction";
const WITHIN_MS = 15_000;
/** No answer of a home's is near it; more would be a liar's, for the tab to choke on. */
export const ANSWER_BYTES_MAX: number = 32 * 1024 * 1024;

export type RestAnswer =
  | { readonly ok: true; readonly value: unknown }
  /** `status` 0: nobody answered. */
  | { readonly ok: false; readonly status: number; readonly message: string };

export type Rest = {
  readonly address: string;
  readonly get: (path: string) => Promise<RestAnswer>;
  readonly post: (path: string, body: object) => Promise<RestAnswer>;
};

/**
 * `path` below /api; a type's name alone stands for its registry: Member, kWhlisting/21Mar18-13:00. `card`: which of
 * the token's cards acts; null: its default.
 */
export function openRest(address: string, token: string, card: string | null = null): Rest {
  const ask = async (method: string, path: string, body?: object): Promise<RestAnswer> => {
    const isType = path !== "wallet" && !/^(?:system|pvtrading)\//.test(path);
    const below = isType ? `${NAMESPACE}.${path}` : path;
    try {
      const answer = await fetch(`${address}/api/${below}`, {
        ...{ method, signal: AbortSignal.timeout(WITHIN_MS), credentials: "omit" },
        // Not in the address, which ends up in logs.
        headers: {
          "x-access-token": token,
          ...(card === null ? {} : { "x-composer-card": card }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const value: unknown = answer.status === 204 ? null : await jsonIn(answer);
      if (answer.ok) return { ok: true, value };
      return { ok: false, status: answer.status, message: sentenceOf(value) };
    } catch (error) {
      return { ok: false, status: 0, message: error instanceof Error ? error.message : "" };
    }
  };
  return {
    address,
    get: (path) => ask("GET", path),
    post: (path, body) => ask("POST", path, body),
  };
}

/** Throws where it is no JSON, or too much. */
async function jsonIn({ body }: Response): Promise<unknown> {
  if (body === null) throw new Error("an answer without a body");
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return JSON.parse(await new Blob(chunks).text()) as unknown;
    chunks.push(value);
    bytes += value.length;
    if (bytes <= ANSWER_BYTES_MAX) continue;
    await reader.cancel();
    throw new Error("an answer that is too long");
  }
}

export function rowsOf(answer: RestAnswer): readonly JsonObject[] {
  return answer.ok && Array.isArray(answer.value) ? answer.value.filter(isObject) : [];
}

function sentenceOf(value: unknown): string {
  const error = isObject(value) ? value["error"] : null;
  return isObject(error) ? (textIn(error, "message") ?? "") : "";
}
