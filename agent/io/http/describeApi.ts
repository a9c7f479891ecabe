// The API's description, in the two languages that tools read, out of the routes' own schemas: the routes are
// registered once more, on a server that never listens, with the plugin that collects them.

import { type FastifyInstance, type FastifyPluginAsync, fastify } from "fastify";
import { registerApi } from "./api.ts";
import { UNCOMPILED } from "./httpApp.ts";
import type { RestContext } from "./restContext.ts";

/** JSON texts. */
export type ApiDescription = {
  /** Swagger 2.0, basePath /api, as Composer's was. */
  readonly swagger: string;
  /** OpenAPI 3.0. */
  readonly openapi: string;
};

const INFO = {
  title: "PV trading",
  description:
    "The registries and transactions of the community, as Hyperledger Composer's REST server had them.",
  version: "1.0.0",
};
const BASE = "/api";

const TOKEN_IN = [
  ["access_token", "query"],
  ["X-Access-Token", "header"],
  ["Authorization", "header"],
] as const;

export async function describeApi(context: RestContext): Promise<ApiDescription> {
  const securitySchemes = Object.fromEntries(
    TOKEN_IN.map(([name, place]) => [name, { type: "apiKey", name, in: place } as const]),
  );
  const security = TOKEN_IN.map(([name]) => ({ [name]: [] }));
  const { default: swaggerPlugin } = await import("@fastify/swagger");
  const refResolver = {
    buildLocalReference: (schema: { readonly $id?: unknown }): string => String(schema.$id),
  };
  const describe = async (register: (app: FastifyInstance) => Promise<void>): Promise<string> => {
    const app = fastify({ schemaController: { compilersFactory: UNCOMPILED } });
    await register(app);
    const routes: FastifyPluginAsync = (api) => registerApi(api, context);
    await app.register(routes);
    await app.ready();
    const text = JSON.stringify(app.swagger());
    await app.close();
    return text;
  };
  const swagger = await describe(async (app) => {
    await app.register(swaggerPlugin, {
      swagger: {
        ...{ info: INFO, basePath: BASE, security, securityDefinitions: securitySchemes },
        ...{ consumes: ["application/json"], produces: ["application/json"] },
      },
      ...{ refResolver, exposeHeadRoutes: true },
    });
  });
  const openapi = await describe(async (app) => {
    await app.register(swaggerPlugin, {
      openapi: {
        ...{ openapi: "3.0.3", info: INFO, servers: [{ url: BASE }], security },
        components: { securitySchemes },
      },
      ...{ refResolver, exposeHeadRoutes: true },
    });
  });
  return { swagger, openapi };
}
