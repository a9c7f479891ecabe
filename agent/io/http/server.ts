// The REST door as Composer's users know it: one server, its limits, its routes, its WebSocket. Nobody's
// fault but ours is answered with 500, and nothing is logged that would open a door: no query, no header.

import fastifyCors from "@fastify/cors";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { tooMany } from "../../core/composer/errors.ts";
import { Verifier } from "../../core/crypto.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { AgentDoor, Log, Publisher } from "../../ports.ts";
import type { Ca } from "../ca.ts";
import type { Tokens } from "../wallet/tokens.ts";
import type { Wallet } from "../wallet/wallet.ts";
import { registerApi } from "./api.ts";
import { mayUseCookie } from "./browser.ts";
import { createCommit } from "./commits.ts";
import { createFramePublisher } from "./eventFrames.ts";
import { registerExplorer } from "./explorer.ts";
import { createHttpApp, sendError } from "./httpApp.ts";
import type { RestLimits } from "./limits.ts";
import { type LoginProvider, registerLogin } from "./login.ts";
import { noSuchRoute } from "./notFound.ts";
import { authenticate } from "./principal.ts";
import { createRateLimit } from "./rateLimit.ts";
import type { RestContext } from "./restContext.ts";
import { RestError } from "./restError.ts";
import { admitReader } from "./socketReader.ts";
import { openSockets } from "./sockets.ts";

export type RestOptions = {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Of the community's types: org.acme.pv.auction */
  readonly namespace: string;
  readonly limits: RestLimits;
  /** Pages of these origins may ask, with cookies too; "*": any, without cookies. */
  readonly cors: readonly string[];
  readonly logins: readonly LoginProvider[];
  /** How browsers reach this door, for logins; null: as each of them says. */
  readonly publicUrl?: string | null;
  /** Not on the ledger within this long: 503, and the transaction stays under way. */
  readonly commitWithinMs: number;
};

export type RestDependencies = {
  readonly door: AgentDoor;
  readonly wallet: Wallet;
  readonly tokens: Tokens;
  /** Where this agent keeps the community's CA. */
  readonly ca: Ca | null;
  readonly options: RestOptions;
  readonly log: Log;
  /** Wall clock, by which tokens end. */
  readonly now?: () => UnixMs;
};

export type Rest = {
  /** http://127.0.0.1:3000 */
  readonly address: string;
  /** Hears what the agent tells, for the WebSockets. */
  readonly publisher: Publisher;
  readonly close: () => Promise<void>;
};

/** Opens the door; rejects where the port is taken. */
export async function openRest(dependencies: RestDependencies): Promise<Rest> {
  const { door, wallet, tokens, ca, options, log } = dependencies;
  const { limits, cors, namespace } = options;
  const now = dependencies.now ?? ((): UnixMs => Date.now() as UnixMs);
  const context: RestContext = {
    ...{ door, wallet, tokens, ca, limits, log, now },
    composer: { namespace, rules: door.rules },
    commit: createCommit(door, options.commitWithinMs),
    verifier: new Verifier(),
  };
  // Who waits for a commit says nothing meanwhile, and must not be taken for idle.
  const idleMs = Math.max(limits.idleMs, options.commitWithinMs + IDLE_BEYOND_MS);
  const app = createHttpApp({ ...limits, idleMs }, log);
  await registerCors(app, cors);
  recogniseClients(app, context, cors);
  app.setNotFoundHandler(({ method, url }, reply) =>
    sendError(reply, noSuchRoute(context.composer, method, url)),
  );
  await registerLogin(app, {
    ...{ providers: options.logins, tokens, wallet, now, log },
    publicUrl: options.publicUrl ?? null,
  });
  const routes: FastifyPluginAsync = (api) => registerApi(api, context);
  await app.register(routes, { prefix: "/api" });
  registerExplorer(app, context);
  registerStatus(app);
  const sockets = openSockets({
    ...{ server: app.server, limits, log },
    admit: (request) => admitReader(context, request, cors),
  });
  const close = async (): Promise<void> => {
    sockets.close();
    await app.close();
  };
  const address = await app
    .listen({ host: options.host, port: options.port })
    .catch(async (error: unknown) => {
      await close();
      throw error;
    });
  return {
    address,
    publisher: createFramePublisher(context.composer, sockets),
    close,
  };
}

async function registerCors(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const isAnybody = origins.includes("*");
  await app.register(fastifyCors, {
    origin: isAnybody ? "*" : [...origins],
    credentials: !isAnybody,
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    exposedHeaders: ["content-disposition", "retry-after", "x-more"],
    maxAge: DAY_S,
  });
}

const DAY_S = 86_400;
const IDLE_BEYOND_MS = 30_000;

/** Each request's token is looked up once, and how often its holder asks is counted. */
function recogniseClients(
  app: FastifyInstance,
  context: RestContext,
  cors: readonly string[],
): void {
  const rate = createRateLimit(context.limits);
  app.decorateRequest("authentication");
  app.addHook("onRequest", async (request: FastifyRequest) => {
    const authentication = authenticate(request, {
      ...{ tokens: context.tokens, now: context.now() },
      mayUseCookie: mayUseCookie(request.raw, cors),
    });
    request.authentication = authentication;
    const at = performance.now();
    const mayAsk =
      authentication.status === "valid"
        ? rate.takeToken(authentication.record.id, at)
        : rate.takeStranger(request.ip, at);
    if (!mayAsk) throw new RestError(tooMany(1));
  });
}

/** As LoopBack's: since when, and how many seconds. */
function registerStatus(app: FastifyInstance): void {
  const startedAt = Date.now();
  app.get("/status", () => ({
    started: new Date(startedAt).toISOString(),
    uptime: (Date.now() - startedAt) / 1000,
  }));
}
