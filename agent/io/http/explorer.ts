// /explorer: the routes, described from their own schemas, as Composer's explorer showed them. It is Swagger's
// page, served from the disk without any other host; what describes is loaded when somebody first asks.

import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import type { FastifyInstance } from "fastify";
import { describeApi } from "./describeApi.ts";
import type { RestContext } from "./restContext.ts";

const TYPES: { readonly [file: string]: string } = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "index.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "swagger-ui-standalone-preset.js": "text/javascript; charset=utf-8",
  "favicon-16x16.png": "image/png",
  "favicon-32x32.png": "image/png",
};

const PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>PV trading: REST</title>
<link rel="stylesheet" href="/explorer/swagger-ui.css">
<link rel="stylesheet" href="/explorer/index.css">
<link rel="icon" type="image/png" href="/explorer/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/explorer/swagger-ui-bundle.js"></script>
<script src="/explorer/swagger-ui-standalone-preset.js"></script>
<script src="/explorer/start.js"></script>
</body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({
  url: "/explorer/swagger.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "BaseLayout",
});
`;

/** Nothing from elsewhere: a home's page works without the Internet. */
const POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
].join("; ");

export function registerExplorer(app: FastifyInstance, context: RestContext): void {
  const described = once(() => describeApi(context));
  app.get("/", (_request, reply) => reply.redirect("/explorer/"));
  app.get("/explorer", (_request, reply) =>
    reply.header("content-security-policy", POLICY).type("text/html; charset=utf-8").send(PAGE),
  );
  app.get("/explorer/config.json", () => ({ url: "/explorer/swagger.json" }));
  app.get("/explorer/swagger.json", async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send((await described()).swagger),
  );
  app.get("/explorer/openapi.json", async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send((await described()).openapi),
  );
  app.get("/explorer/start.js", (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(START),
  );
  const { resolve } = createRequire(import.meta.url);
  for (const [file, type] of Object.entries(TYPES)) {
    app.get(`/explorer/${file}`, (_request, reply) =>
      reply
        .header("cache-control", "public, max-age=86400")
        .type(type)
        .send(createReadStream(resolve(`@fastify/swagger-ui/static/${file}`))),
    );
  }
}

/** Keeps what `make` made; what failed is tried again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
}
