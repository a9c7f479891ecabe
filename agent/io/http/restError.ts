// What went wrong, in Composer's shape: {"error": {statusCode, name, message, ...}}, never with a stack.

import { STATUS_CODES } from "node:http";
import type { ComposerError } from "../../core/composer/context.ts";
import { KeyError, type KeyErrorCode } from "../privateFiles.ts";

/** A request that is answered with this error. Thrown in routes; the server's error handler answers. */
export class RestError extends Error {
  readonly error: ComposerError;
  constructor(error: ComposerError) {
    super(error.message);
    this.name = "RestError";
    this.error = error;
  }
}

export function restError(
  statusCode: number,
  message: string,
  more: Partial<ComposerError> = {},
): RestError {
  return new RestError({ statusCode, name: "Error", message, ...more });
}

/** The value, or an answer with its refusal. */
export function orRefuse<T>(answer: { readonly ok: true; readonly value: T } | Refused): T {
  if (answer.ok) return answer.value;
  throw new RestError(answer.refusal);
}

type Refused = { readonly ok: false; readonly refusal: ComposerError };

const OF_KEYS: { readonly [C in KeyErrorCode]: number } = {
  notFound: 404,
  malformed: 422,
  mismatch: 422,
  exists: 409,
  ambiguous: 409,
  full: 409,
  locked: 503,
  tooOpen: 503,
  unwritable: 503,
};

const TOO_LARGE = { name: "PayloadTooLargeError", message: "request entity too large" };

/** Fastify's and its plugins' errors in words of ours: theirs repeat the URL, in which a token may stand. */
const OF_FASTIFY: { readonly [code: string]: Pick<ComposerError, "name" | "message"> } = {
  FST_ERR_BAD_URL: { name: "Error", message: "The path is not percent-encoded UTF-8" },
  FST_ERR_MAX_PARAM_LENGTH: { name: "Error", message: "The path has too long a part" },
  FST_ERR_CTP_BODY_TOO_LARGE: TOO_LARGE,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    name: "Error",
    message: "The body is not as long as Content-Length says",
  },
  FST_REQ_FILE_TOO_LARGE: TOO_LARGE,
  FST_PARTS_LIMIT: { name: "PayloadTooLargeError", message: "The form has too many parts" },
  FST_FILES_LIMIT: { name: "PayloadTooLargeError", message: "The form has more than one file" },
  FST_FIELDS_LIMIT: { name: "PayloadTooLargeError", message: "The form has too many fields" },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    name: "UnsupportedMediaTypeError",
    message: "The body must be application/json",
  },
};

/** null: nobody's fault but ours; the log tells what it was, and the client only that it was. */
export function errorAnswer(thrown: unknown): ComposerError | null {
  if (thrown instanceof RestError) return thrown.error;
  if (thrown instanceof KeyError) {
    // Without the path: this machine's folders are nobody's business.
    return { statusCode: OF_KEYS[thrown.code], name: "Error", message: thrown.sentence };
  }
  if (!(thrown instanceof Error) || !("statusCode" in thrown)) return null;
  const { statusCode } = thrown;
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode > 499) return null;
  const code = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const message = STATUS_CODES[statusCode] ?? "Bad Request";
  return { statusCode, ...(OF_FASTIFY[code] ?? { name: "Error", message }) };
}

export const INTERNAL: ComposerError = {
  ...{ statusCode: 500, name: "Error" },
  message: "Internal Server Error",
};
