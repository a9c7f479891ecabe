// /api/system: who one is, what was said, and which card speaks for whom.
//
// A card is issued in this order: key and certificate are made, the ledger binds the certificate, and only
// then the card goes out. A card that is lost on its way is revoked and issued anew; one that was handed out
// and never bound would look like a member's and be none.

import type { FastifyInstance, FastifyRequest } from "fastify";
import { isObject, own } from "../../core/composer/context.ts";
import { badRequest, doesNotExist, notFound } from "../../core/composer/errors.ts";
import { applyFilter, parseFilter } from "../../core/composer/filter.ts";
import { className, idOf, SYSTEM_NAMESPACE } from "../../core/composer/names.ts";
import {
  identityId,
  presentHistorianRecord,
  presentIdentity,
} from "../../core/composer/present.ts";
import type { Member } from "../../core/ledger/state.ts";
import { isHash, type MemberId, type TransactionId } from "../../core/units/ids.ts";
import { type UnixMs, unixMs } from "../../core/units/time.ts";
import { issueCertificate } from "../ca.ts";
import { type CardContents, createKey, publicKeyOf } from "../keys.ts";
import { fromPem } from "../pem.ts";
import { cardName, writeCardFile } from "../wallet/cardFile.ts";
import { usedByNewest, usedIn } from "./identityUsed.ts";
import type { Actor } from "./principal.ts";
import { readTransactions } from "./registryRead.ts";
import { actorOf, committed, may, mustMay, patiently, type RestContext } from "./restContext.ts";
import { orRefuse, RestError, restError } from "./restError.ts";
import { sendCard, ZIP } from "./walletRoutes.ts";

/** Of Composer, whose last release this is compatible with. */
const VERSION = "0.20.10";
/** Three years, as `ca issue` gives. */
const CARD_VALID_MS = 1095 * 24 * 3_600_000;
/** A name that may stand in a file name and a card. */
const USER_ID = /^[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}$/;
const REASON = "by hand";

const READ = { scope: "read" } as const;
const IDENTITY = { scope: "identity" } as const;
const TAGS = ["System"];
const OBJECT = { description: "As it is", type: "object" };
const LIST = { description: "As it is", type: "array", items: { type: "object" } };
const ID_PARAMETER = { type: "object", properties: { id: { type: "string" } }, required: ["id"] };

type WithId = { readonly Params: { readonly id: string } };

export function registerSystem(api: FastifyInstance, context: RestContext): void {
  registerPing(api, context);
  registerHistorian(api, context);
  registerIdentities(api, context);
}

function registerPing(api: FastifyInstance, context: RestContext): void {
  api.get(
    "/system/ping",
    {
      config: READ,
      schema: { tags: TAGS, summary: "Who one is here", response: { 200: OBJECT } },
    },
    (request) => {
      const { memberId, card } = actorOf(context, request);
      return {
        version: VERSION,
        participant: `${className(context.composer, "Member")}#${memberId}`,
        identity: `${SYSTEM_NAMESPACE}.Identity#${identityId(card.publicKey)}`,
      };
    },
  );
}

function registerHistorian(api: FastifyInstance, context: RestContext): void {
  const { composer, door } = context;
  const deed = { operation: "read", resource: "Historian", owner: null } as const;
  const asked = { operation: "read", type: "Historian", id: null } as const;
  api.get(
    "/system/historian",
    {
      config: READ,
      schema: {
        ...{ tags: TAGS, summary: "All that was said, oldest first" },
        response: { 200: LIST },
      },
    },
    (request, reply) => {
      mustMay(context, { actor: actorOf(context, request), deed, asked });
      const filter = orRefuse(parseFilter(request.query));
      const used = usedByNewest(context, door.rules);
      const { rows, isWhole } = readTransactions(context, null, (entry) =>
        presentHistorianRecord(composer, entry, used(entry)),
      );
      if (!isWhole) void reply.header("x-more", "older ones are not looked at");
      return orRefuse(applyFilter(filter, rows));
    },
  );
  api.get<WithId>(
    "/system/historian/:id",
    {
      config: READ,
      schema: {
        ...{ tags: TAGS, summary: "One by its transaction's id", params: ID_PARAMETER },
        response: { 200: OBJECT },
      },
    },
    (request) => {
      mustMay(context, { actor: actorOf(context, request), deed, asked });
      const { id } = request.params;
      const entry = isHash(id) ? door.history.transaction(id as TransactionId) : null;
      if (entry === null) throw unknownSystem("HistorianRecord", id);
      return presentHistorianRecord(composer, entry, usedIn(context, door.rules, entry));
    },
  );
}

function registerIdentities(api: FastifyInstance, context: RestContext): void {
  api.get(
    "/system/identities",
    {
      config: READ,
      schema: {
        ...{ tags: TAGS, summary: "The identities that one may see" },
        response: { 200: LIST },
      },
    },
    (request) => {
      const actor = actorOf(context, request);
      const filter = orRefuse(parseFilter(request.query));
      const rows = [...context.door.ledger().members.values()]
        .filter((member) => maySee(context, actor, member))
        .map((member) => presentIdentity(context.composer, member))
        .filter((row) => row !== null);
      return orRefuse(applyFilter(filter, rows));
    },
  );
  api.get<WithId>(
    "/system/identities/:id",
    {
      config: READ,
      schema: {
        ...{ tags: TAGS, summary: "One by its id", params: ID_PARAMETER },
        response: { 200: OBJECT },
      },
    },
    (request) => {
      const actor = actorOf(context, request);
      const { id } = request.params;
      const member = identified(context, id);
      const shown =
        member !== null && maySee(context, actor, member)
          ? presentIdentity(context.composer, member)
          : null;
      if (shown === null) throw unknownSystem("Identity", id);
      return shown;
    },
  );
  registerIdentityChanges(api, context);
}

function registerIdentityChanges(api: FastifyInstance, context: RestContext): void {
  api.post(
    "/system/identities/issue",
    {
      config: IDENTITY,
      schema: {
        ...{ tags: TAGS, summary: "A card for a member without one, as a .card" },
        body: {
          type: "object",
          required: ["participant", "userID"],
          properties: {
            participant: { type: "string" },
            userID: { type: "string" },
            options: { type: "object" },
          },
        },
        ...ZIP,
      },
    },
    async (request, reply) => {
      const actor = mayChangeIdentity(context, request, "create");
      const userId = argument(request.body, "userID");
      if (!USER_ID.test(userId)) throw restError(422, "userID: letters, digits and any of @._+-");
      const member = await patiently(() => participantOf(context, request.body));
      const contents = await newCard(context, member, userId);
      const { certificate } = contents;
      await bind(context, { actor, member, certificate });
      return await sendCard(reply, cardName(contents), writeCardFile(contents));
    },
  );
  api.post(
    "/system/identities/bind",
    {
      config: IDENTITY,
      schema: {
        ...{ tags: TAGS, summary: "Gives a member without a card the key of a certificate" },
        body: {
          type: "object",
          required: ["participant", "certificate"],
          properties: { participant: { type: "string" }, certificate: { type: "string" } },
        },
        response: { 204: { type: "null" } },
      },
    },
    async (request, reply) => {
      const actor = mayChangeIdentity(context, request, "create");
      const certificate = fromPem("CERTIFICATE", argument(request.body, "certificate"));
      if (certificate === null) throw restError(422, "certificate: one certificate in PEM");
      const member = await patiently(() => participantOf(context, request.body));
      await bind(context, { actor, member, certificate });
      return await reply.code(204).send();
    },
  );
  api.post<WithId>(
    "/system/identities/:id/revoke",
    {
      config: IDENTITY,
      schema: {
        ...{ tags: TAGS, summary: "Ends a card", params: ID_PARAMETER },
        response: { 204: { type: "null" } },
      },
    },
    async (request, reply) => {
      const actor = mayChangeIdentity(context, request, "delete");
      const { id } = request.params;
      const { memberId } = await patiently(() => {
        const member = identified(context, id);
        if (member === null) throw unknownSystem("Identity", id);
        return member;
      });
      await committed(context, {
        actor,
        intent: { type: "revoke", memberId, reason: REASON },
        asked: { operation: "delete", type: "Identity", id },
      });
      return await reply.code(204).send();
    },
  );
}

function maySee(context: RestContext, actor: Actor, { memberId }: Member): boolean {
  return may(context, actor, { operation: "read", resource: "Identity", owner: memberId });
}

/** Before the body is looked at. */
function mayChangeIdentity(
  context: RestContext,
  request: FastifyRequest,
  operation: "create" | "delete",
): Actor {
  const actor = actorOf(context, request);
  const deed = { operation, resource: "Identity", owner: null } as const;
  mustMay(context, { actor, deed, asked: { operation, type: "Identity", id: null } });
  return actor;
}

function identified({ door }: RestContext, id: string): Member | null {
  for (const member of door.ledger().members.values()) {
    if (member.publicKey !== null && identityId(member.publicKey) === id) return member;
  }
  return null;
}

function participantOf({ composer, door }: RestContext, body: unknown): Member {
  const id = orRefuse(idOf(composer, "Member", argument(body, "participant")));
  const member = door.ledger().members.get(id as MemberId);
  if (member === undefined) throw new RestError(doesNotExist(composer, "Member", id));
  return member;
}

function argument(body: unknown, name: string): string {
  const value = isObject(body) ? own(body, name) : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new RestError(badRequest(`${name} is a required argument`));
}

async function newCard(
  { ca, door }: RestContext,
  { memberId, firstName, lastName }: Member,
  userName: string,
): Promise<CardContents> {
  if (ca === null) {
    const instead = "ask whoever holds it for a card (ca issue), and bind its certificate";
    throw restError(501, `The community's CA is not on this agent: ${instead}`);
  }
  const privateKey = createKey();
  const notBefore = door.now();
  const notAfter: UnixMs = unixMs(notBefore + CARD_VALID_MS);
  const certificate = await issueCertificate(ca, {
    ...{ memberId, publicKey: publicKeyOf(privateKey), firstName, lastName, notBefore, notAfter },
  });
  const { name } = door.rules;
  return {
    metadata: { version: 1, userName, businessNetwork: name },
    connection: { name: "pvtrading" },
    ...{ certificate, privateKey },
  };
}

async function bind(
  context: RestContext,
  { actor, member, certificate }: { actor: Actor; member: Member; certificate: Uint8Array },
): Promise<void> {
  const { memberId } = member;
  await committed(context, {
    actor,
    intent: { type: "bindIdentity", memberId, certificate },
    asked: { operation: "create", type: "Identity", id: memberId },
  });
}

function unknownSystem(type: string, id: string): RestError {
  const model = `${SYSTEM_NAMESPACE}.${type}`.replaceAll(".", "_");
  const error = notFound(`Unknown "${model}" id "${id}".`);
  return new RestError({ ...error, code: "MODEL_NOT_FOUND" });
}
