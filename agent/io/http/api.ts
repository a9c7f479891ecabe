// Everything under /api. Whoever asks for something here needs a token; that is looked at before the body is
// read, so that strangers' bodies cost nothing.

import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { parseJson } from "./jsonBody.ts";
import { registerQueries } from "./queryRoutes.ts";
import { registerRegistries } from "./registryRoutes.ts";
import { type RestContext, tokenOf } from "./restContext.ts";
import { restError } from "./restError.ts";
import { registerSystem } from "./systemRoutes.ts";
import { registerWallet } from "./walletRoutes.ts";

export async function registerApi(api: FastifyInstance, context: RestContext): Promise<void> {
  const { bodyDepthMax } = context.limits;
  api.addHook("onRequest", async (request, reply) => {
    tokenOf(request);
    void reply.header("cache-control", "no-store");
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser("application/json", { parseAs: "string" }, (_request, text, done) => {
    const parsed = parseJson(String(text), bodyDepthMax);
    if (parsed.ok) done(null, parsed.value);
    else done(restError(400, parsed.what, { name: "SyntaxError" }));
  });
  // What Python's urllib says unless it is told otherwise; Composer took forms too.
  api.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(String(text)))),
  );
  registerRegistries(api, context);
  registerSystem(api, context);
  registerQueries(api, context);
  const wallet: FastifyPluginAsync = (scope) => registerWallet(scope, context);
  await api.register(wallet);
}
