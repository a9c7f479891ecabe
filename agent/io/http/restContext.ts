// What every route needs: the agent's door, the wallet, and who asks.

import { setTimeout } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { type Operation, permits, type Resource } from "../../core/access/permissions.ts";
import type { ComposerContext } from "../../core/composer/context.ts";
import {
  type Asked,
  errorOf,
  expiredToken,
  forbidden,
  noCard,
  notByHand,
  notCaughtUp,
  notCommitted,
  unauthorized,
} from "../../core/composer/errors.ts";
import { identityId } from "../../core/composer/present.ts";
import type { Verifier } from "../../core/crypto.ts";
import type { TransactionId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { AgentDoor, Intent, Log } from "../../ports.ts";
import type { Ca } from "../ca.ts";
import type { Scope, TokenRecord, Tokens } from "../wallet/tokens.ts";
import type { Wallet } from "../wallet/wallet.ts";
import type { Commit } from "./commits.ts";
import type { RestLimits } from "./limits.ts";
import { type Actor, type Authentication, findActor, rolesOf } from "./principal.ts";
import { RestError, restError } from "./restError.ts";

export type RestContext = {
  readonly door: AgentDoor;
  readonly wallet: Wallet;
  readonly tokens: Tokens;
  /** Where this agent keeps the community's CA. */
  readonly ca: Ca | null;
  readonly composer: ComposerContext;
  readonly commit: Commit;
  readonly verifier: Verifier;
  readonly limits: RestLimits;
  /** Wall clock, for what ends. */
  readonly now: () => UnixMs;
  readonly log: Log;
};

declare module "fastify" {
  interface FastifyRequest {
    /** Set before any route sees the request. */
    authentication: Authentication;
  }
  interface FastifyContextConfig {
    /** What the token must be for. */
    scope?: Scope;
  }
}

/** The token of a request to what needs one; 401 without, 403 where it is not for this. */
export function tokenOf({ authentication, routeOptions }: FastifyRequest): TokenRecord {
  return permittedToken(authentication, routeOptions.config.scope);
}

/** The same for any door. */
export function permittedToken(
  authentication: Authentication,
  scope: Scope | undefined,
): TokenRecord {
  if (authentication.status === "expired") throw new RestError(expiredToken());
  if (authentication.status !== "valid") throw new RestError(unauthorized());
  const { record } = authentication;
  if (scope === undefined || record.scopes.includes(scope)) return record;
  throw restError(403, `This token is not for "${scope}"`, { code: "INSUFFICIENT_SCOPE" });
}

/** The card that the request is made as; 403 where there is none. */
export function actorOf(context: RestContext, request: FastifyRequest): Actor {
  const header = request.headers["x-composer-card"];
  const named = typeof header === "string" && header !== "" ? header : undefined;
  return actorAs(context, tokenOf(request), named);
}

/** The same for any door; `named`: the user's card that is to act. */
export function actorAs(
  context: Pick<RestContext, "door" | "wallet" | "verifier">,
  record: TokenRecord,
  named: string | undefined,
): Actor {
  const found = findActor(context, record, named);
  switch (found.status) {
    case "found":
      return known(found.actor);
    case "unknownCard":
      throw restError(403, `The business network card "${found.name}" does not exist`);
    case "noCard":
      throw new RestError(noCard());
  }
}

/** 403, in Composer's words, for a card that is revoked, replaced, or not of this community. */
function known(actor: Actor): Actor {
  const { memberId, role, card } = actor;
  if (role !== "revoked" && role !== "anonymous") return actor;
  const id = identityId(card.publicKey);
  const has = role === "revoked" ? "been revoked" : "not been registered";
  const name = `with the name '${memberId}' and the identifier '${id}'`;
  throw restError(403, `The current identity, ${name}, has ${has}`);
}

export type Deed = {
  readonly operation: Operation;
  readonly resource: Resource;
  /** Whose the thing is; null: nobody's. */
  readonly owner: string | null;
};

export function may({ door }: Pick<RestContext, "door">, actor: Actor, deed: Deed): boolean {
  return mayIn(door.rules.schedule, actor, deed);
}

function mayIn(schedule: Schedule, actor: Actor, { operation, resource, owner }: Deed): boolean {
  return rolesOf(actor, owner).some((role) => permits(schedule, role, operation, resource));
}

type Schedule = AgentDoor["rules"]["schedule"];

/**
 * 403: the table does not permit `deed`. What was asked for is told in Composer's words, or that nobody does it
 * by hand here.
 */
export function denied(
  { composer, door }: Pick<RestContext, "composer" | "door">,
  { actor, deed, asked }: { actor: Actor; deed: Deed; asked: Omit<Asked, "participant"> },
): RestError {
  const said = { ...asked, participant: actor.memberId };
  const isOnlyByHand = door.rules.schedule === "hourly" && mayIn("manual", actor, deed);
  return new RestError(isOnlyByHand ? notByHand(composer, said) : forbidden(composer, said));
}

/** Throws `denied` unless the table permits it. */
export function mustMay(
  context: Pick<RestContext, "composer" | "door">,
  what: Parameters<typeof denied>[1],
): void {
  if (!may(context, what.actor, what.deed)) throw denied(context, what);
}

/** Longer than a block takes from one home to the next. */
const NOT_YET_MS = 1000;
const LOOK_EVERY_MS = 50;

/**
 * What `work` returns. 404 is told only after a moment: whoever was answered by one home asks the next about the
 * same thing at once, and the block may still be on its way there.
 */
export async function patiently<T>(work: () => T): Promise<T> {
  const until = performance.now() + NOT_YET_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      const isMissing = error instanceof RestError && error.error.statusCode === 404;
      if (!isMissing || performance.now() >= until) throw error;
    }
    await setTimeout(LOOK_EVERY_MS);
  }
}

/** Signs, and answers with the transaction's id once it is on the ledger. */
export async function committed(
  { composer, commit, door }: Pick<RestContext, "composer" | "commit" | "door">,
  { actor, intent, asked }: { actor: Actor; intent: Intent; asked: Omit<Asked, "participant"> },
): Promise<TransactionId> {
  if (!door.isCaughtUp()) throw new RestError(notCaughtUp());
  const outcome = await commit(intent, actor.card);
  switch (outcome.type) {
    case "committed":
      return outcome.id;
    case "refused":
      throw new RestError(
        outcome.refusal.code === "notCaughtUp"
          ? notCaughtUp()
          : errorOf(composer, outcome.refusal, { ...asked, participant: actor.memberId }),
      );
    case "late":
      throw new RestError(notCommitted(outcome.id));
  }
}
