// The HTTP server without its routes: time-outs and sizes, and every error in Composer's shape.

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  fastify,
} from "fastify";
import type { ComposerError } from "../../core/composer/context.ts";
import type { Log } from "../../ports.ts";
import { guardConnections } from "./connections.ts";
import type { RestLimits } from "./limits.ts";
import { errorAnswer, INTERNAL } from "./restError.ts";

/** How often Node looks for clients that are too slow, at most. */
const LOOK_EVERY_MAX_MS = 2000;
/** Longer than any id that is percent-encoded. */
const PARAMETER_LENGTH_MAX = 512;

type SchemaController = NonNullable<FastifyServerOptions["schemaController"]>;

/**
 * The routes' schemas describe them, for /explorer; core/composer/ checks bodies, in Composer's words. So the
 * compilers that Fastify would load for them are not even loaded.
 */
export const UNCOMPILED = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => (answer: unknown) => JSON.stringify(answer),
} as unknown as NonNullable<SchemaController["compilersFactory"]>;

export function createHttpApp(limits: RestLimits, log: Log): FastifyInstance {
  const { headersWithinMs, requestWithinMs, headerBytesMax } = limits;
  const app = fastify({
    bodyLimit: limits.bodyBytesMax,
    connectionTimeout: limits.idleMs,
    requestTimeout: requestWithinMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PARAMETER_LENGTH_MAX },
    http: {
      headersTimeout: Math.min(headersWithinMs, requestWithinMs),
      connectionsCheckingInterval: Math.min(LOOK_EVERY_MAX_MS, headersWithinMs / 2),
      maxHeaderSize: headerBytesMax,
      // Any other protocol that a client would rather speak: it is answered in this one.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
    },
    clientErrorHandler: (error, socket) => refuseUnread(error, socket),
    // Their messages have the whole URL in them, and no hook sees their answers.
    frameworkErrors: (error, request, reply) => {
      void reply.header("x-content-type-options", "nosniff");
      answerError(error, { request, reply, log });
    },
    schemaController: { compilersFactory: UNCOMPILED },
  });
  guardConnections(app.server, limits);
  app.setErrorHandler((error, request, reply) => answerError(error, { request, reply, log }));
  app.addHook("onSend", async (_request, reply) => {
    void reply.header("x-content-type-options", "nosniff");
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method } = request;
    // The route, not the path: that has ids in it, and the query tokens.
    const route = request.routeOptions.url ?? null;
    const ms = Math.round(reply.elapsedTime);
    log.debug("request answered", { method, route, status: reply.statusCode, ms });
  });
  return app;
}

type Answering = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly log: Log;
};

function answerError(thrown: unknown, { request, reply, log }: Answering): void {
  const answer = errorAnswer(thrown);
  if (answer === null) {
    const route = request.routeOptions.url ?? null;
    const what = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    log.error("a request failed, and it was not the client's fault", { route, what });
  }
  sendError(reply, answer ?? INTERNAL);
}

export function sendError(reply: FastifyReply, error: ComposerError): void {
  if (error.statusCode === 429 || error.statusCode === 503) void reply.header("retry-after", "1");
  void reply.header("cache-control", "no-store");
  void reply.code(error.statusCode).type("application/json; charset=utf-8").send({ error });
}

/** What Node's parser could not read, or not in time, never becomes a request. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const [statusCode, message] = UNREAD[error.code ?? ""] ?? [400, "This is not HTTP"];
  const body = JSON.stringify({ error: { statusCode, name: "Error", message } });
  const lines = [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ];
  socket.end(lines.join("\r\n"), () => socket.destroy());
}

const UNREAD: { readonly [code: string]: readonly [number, string] } = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request did not come in time"],
  HPE_HEADER_OVERFLOW: [431, "The headers are too large"],
};
