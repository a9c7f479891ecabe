// /api/queries: the questions that are asked most, by name. Composer's were a network's own; these are ours.
//
//   selectOpenListings                      listings that accept offers now
//   selectListingsByState   ?state=         listings in this state
//   selectPVsByOwner        ?owner=         a member's PVs
//   selectPVOffersByPV      ?pv=            what was offered from a PV, amended and cancelled offers included
//   selectBUYOffersByMember ?member=        the same of a member's bids

import type { FastifyInstance } from "fastify";
import { isObject, type JsonObject, own } from "../../core/composer/context.ts";
import { badRequest, noMethod } from "../../core/composer/errors.ts";
import { STATES } from "../../core/composer/model.ts";
import { className, idOf, relationshipTo, type TypeName } from "../../core/composer/names.ts";
import { OTHER_STATES } from "../../core/composer/quirks.ts";
import { readAll } from "./registryRead.ts";
import { actorOf, may, type RestContext } from "./restContext.ts";
import { orRefuse, RestError, restError } from "./restError.ts";

type Query = {
  readonly of: TypeName;
  /** The field that is compared, and the query's parameter but for its name. */
  readonly field: string;
  readonly parameter: string | null;
  readonly says: string;
  /** The value that the field must have. */
  readonly wanted: (context: RestContext, value: string) => string;
};

const member: Query["wanted"] = (context, value) => relationship(context, "Member", value);

const QUERIES: { readonly [name: string]: Query } = {
  selectOpenListings: {
    ...{ of: "kWhlisting", field: "state", parameter: null },
    ...{ says: "Listings that accept offers now", wanted: () => "ACCEPT_OFFERS" },
  },
  selectListingsByState: {
    ...{ of: "kWhlisting", field: "state", parameter: "state" },
    ...{ says: "Listings in this state", wanted: (_context, value) => state(value) },
  },
  selectPVsByOwner: {
    ...{ of: "PV", field: "owner", parameter: "owner" },
    ...{ says: "A member's PVs", wanted: member },
  },
  selectPVOffersByPV: {
    ...{ of: "PVOffer", field: "pv", parameter: "pv", says: "What was offered from a PV" },
    wanted: (context, value) => relationship(context, "PV", value),
  },
  selectBUYOffersByMember: {
    ...{ of: "BUYOffer", field: "member", parameter: "member", says: "What a member bid" },
    wanted: member,
  },
};

export function registerQueries(api: FastifyInstance, context: RestContext): void {
  for (const [name, query] of Object.entries(QUERIES)) registerQuery(api, context, { name, query });
  api.get<{ readonly Params: { readonly name: string } }>(
    "/queries/:name",
    { config: { scope: "read" }, schema: { hide: true } },
    (request) => {
      throw new RestError(noMethod("GET", `/queries/${request.params.name}`));
    },
  );
}

function registerQuery(
  api: FastifyInstance,
  context: RestContext,
  { name, query }: { readonly name: string; readonly query: Query },
): void {
  const { of, field, parameter, says, wanted } = query;
  const properties = parameter === null ? {} : { [parameter]: { type: "string" } };
  const items = { $ref: `${className(context.composer, of)}#` };
  api.get(
    `/queries/${name}`,
    {
      config: { scope: "read" },
      schema: {
        ...{ tags: ["Query"], summary: says },
        querystring: { type: "object", properties, required: Object.keys(properties) },
        response: { 200: { description: "As it is", type: "array", items } },
      },
    },
    (request, reply): readonly JsonObject[] => {
      const actor = actorOf(context, request);
      const said = parameter === null ? "" : argument(request.query, parameter);
      const value = wanted(context, said);
      if (!may(context, actor, { operation: "read", resource: of, owner: null })) return [];
      const { rows, isWhole } = readAll(context, of);
      if (!isWhole) void reply.header("x-more", "older ones are not looked at");
      return rows.filter((row) => row[field] === value);
    },
  );
}

function argument(query: unknown, name: string): string {
  const value = isObject(query) ? own(query, name) : undefined;
  if (typeof value === "string" && value !== "") return value;
  throw new RestError(badRequest(`${name} is a required argument`));
}

function relationship({ composer }: RestContext, type: TypeName, value: string): string {
  return relationshipTo(composer, type, orRefuse(idOf(composer, type, value)));
}

function state(value: string): string {
  const known = STATES.find((one) => one === (OTHER_STATES.get(value) ?? value));
  if (known !== undefined) return known;
  throw restError(422, `state: one of ${STATES.join(", ")}`);
}
