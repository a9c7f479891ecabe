// Everything under /api. Whoever asks for something here needs a token; that is looked at before the body is
// read, so that strangers' bodies cost nothing.

import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { registerHours } from "./hourRoutes.ts";
import { parseForm, parseJson, unreadEncoding, utf8 } from "./jsonBody.ts";
import { registerLedger } from "./ledgerRoutes.ts";
import { registerQueries } from "./queryRoutes.ts";
import { registerRegistries } from "./registryRoutes.ts";
import { type RestContext, tokenOf } from "./restContext.ts";
import { type RestError, restError } from "./restError.ts";
import { registerSystem } from "./systemRoutes.ts";
import { registerWallet } from "./walletRoutes.ts";

export async function registerApi(api: FastifyInstance, context: RestContext): Promise<void> {
  const { bodyDepthMax } = context.limits;
  api.addHook("onRequest", async (request, reply) => {
    tokenOf(request);
    void reply.header("cache-control", "no-store");
  });
  api.addHook("preParsing", async ({ headers }) => {
    const problem = unreadEncoding(headers);
    if (problem !== null) throw restError(415, problem, { name: "UnsupportedMediaTypeError" });
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    const text = utf8(Buffer.from(body));
    if (text === null) return done(notUtf8());
    const parsed = parseJson(text, bodyDepthMax);
    if (parsed.ok) done(null, parsed.value);
    else done(restError(400, parsed.what, { name: "SyntaxError" }));
  });
  // What Python's urllib says unless it is told otherwise; Composer took forms too.
  api.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "buffer" },
    (_request, body, done) => {
      const text = utf8(Buffer.from(body));
      const form = text === null ? null : parseForm(text);
      if (form === null) done(notUtf8());
      else done(null, form);
    },
  );
  registerRegistries(api, context);
  registerSystem(api, context);
  registerQueries(api, context);
  registerLedger(api, context);
  registerHours(api, context);
  const wallet: FastifyPluginAsync = (scope) => registerWallet(scope, context);
  await api.register(wallet);
}

/** Read as something else, it would be on the ledger for ever. */
function notUtf8(): RestError {
  return restError(400, "The body is not UTF-8", { name: "SyntaxError" });
}
