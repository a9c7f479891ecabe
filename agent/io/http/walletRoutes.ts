// /api/wallet, as Composer's multi-user mode had it: each user its own cards. What leaves by export has the
// private key in it; nothing else here shows any.

import fastifyMultipart from "@fastify/multipart";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "../../core/composer/errors.ts";
import { CARD_FILE_BYTES_MAX } from "../wallet/cardFile.ts";
import type { WalletCard } from "../wallet/wallet.ts";
import { type RestContext, tokenOf } from "./restContext.ts";
import { RestError, restError } from "./restError.ts";

const WALLET = { scope: "wallet" } as const;
const TAGS = ["Wallet"];
const PARAMETER = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
const CARD = {
  type: "object",
  properties: { name: { type: "string" }, default: { type: "boolean" } },
};
const NOTHING = { 204: { type: "null" } };

/** How the schema says that `sendCard` answers. */
export const ZIP = {
  produces: ["application/octet-stream"],
  response: { 200: { description: "A zip", type: "string", format: "binary" } },
};

type Named = { readonly Params: { readonly name: string } };

export async function registerWallet(api: FastifyInstance, context: RestContext): Promise<void> {
  const { wallet } = context;
  await api.register(fastifyMultipart, {
    limits: { files: 1, fileSize: CARD_FILE_BYTES_MAX, fields: 4, fieldSize: 1024, parts: 5 },
  });
  const must = (request: FastifyRequest<Named>): WalletCard => {
    const { name } = request.params;
    const found = wallet.get(name, userOf(request));
    if (found !== null) return found;
    throw new RestError(notFound(`The business network card "${name}" does not exist`));
  };

  api.get(
    "/wallet",
    {
      config: WALLET,
      schema: {
        ...{ tags: TAGS, summary: "The user's cards" },
        response: { 200: { description: "As they are", type: "array", items: CARD } },
      },
    },
    (request) => wallet.list(userOf(request)).map(shown),
  );
  api.head<Named>(
    "/wallet/:name",
    {
      config: WALLET,
      schema: { tags: TAGS, summary: "Whether there is one", params: PARAMETER, response: NOTHING },
    },
    (request, reply) => {
      must(request);
      return reply.code(204).send();
    },
  );
  api.get<Named>(
    "/wallet/:name",
    {
      ...{ config: WALLET, exposeHeadRoute: false },
      schema: {
        ...{ tags: TAGS, summary: "One card", params: PARAMETER },
        response: { 200: { description: "As it is", ...CARD } },
      },
    },
    (request) => shown(must(request)),
  );
  api.post<{ readonly Querystring: { readonly name?: unknown } }>(
    "/wallet/import",
    {
      config: WALLET,
      schema: {
        ...{ tags: TAGS, summary: "Takes a .card, as the part `card` of a form" },
        consumes: ["multipart/form-data"],
        querystring: { type: "object", properties: { name: { type: "string" } } },
        response: NOTHING,
      },
    },
    async (request, reply) => {
      const { user } = tokenOf(request);
      const { name } = request.query;
      const zip = await sentCard(request);
      wallet.import(zip, typeof name === "string" && name !== "" ? { user, name } : { user });
      return reply.code(204).send();
    },
  );
  api.get<Named>(
    "/wallet/:name/export",
    {
      ...{ config: WALLET, exposeHeadRoute: false },
      schema: {
        ...{ tags: TAGS, summary: "The .card, private key and all", params: PARAMETER },
        ...ZIP,
      },
    },
    (request, reply) => {
      const { name } = must(request);
      return sendCard(reply, name, wallet.export(name, userOf(request)));
    },
  );
  api.post<Named>(
    "/wallet/:name/setDefault",
    {
      config: WALLET,
      schema: { tags: TAGS, summary: "Makes it the default", params: PARAMETER, response: NOTHING },
    },
    (request, reply) => {
      const { name } = must(request);
      wallet.setDefault(name, userOf(request));
      return reply.code(204).send();
    },
  );
  api.delete<Named>(
    "/wallet/:name",
    {
      config: WALLET,
      schema: { tags: TAGS, summary: "Removes it", params: PARAMETER, response: NOTHING },
    },
    (request, reply) => {
      const { name } = must(request);
      wallet.delete(name, userOf(request));
      return reply.code(204).send();
    },
  );
}

/** Whose cards a token sees: its user's alone, the operator's too. */
function userOf(request: FastifyRequest): string {
  return tokenOf(request).user;
}

function shown({ name, isDefault }: WalletCard): {
  readonly name: string;
  readonly default: boolean;
} {
  return { name, default: isDefault };
}

async function sentCard(request: FastifyRequest): Promise<Uint8Array> {
  if (!request.isMultipart()) {
    const name = "UnsupportedMediaTypeError";
    throw restError(415, "The card is sent as multipart/form-data, part `card`", { name });
  }
  const part = await request.file();
  const bytes = await part?.toBuffer();
  if (part?.fieldname === "card" && bytes !== undefined) return bytes;
  throw restError(400, "card is a required argument");
}

/** Answers with the card's file. */
export function sendCard(reply: FastifyReply, name: string, zip: Uint8Array): FastifyReply {
  return reply
    .header("content-disposition", attachment(`${name}.card`))
    .type("application/octet-stream")
    .send(Buffer.from(zip));
}

/** Quotes and line breaks never stand in a card's name; letters beyond ASCII go encoded (RFC 6266). */
function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\]/g, "_");
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, percent);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
