// Who asks: a token says which user, the user's wallet which card, and the ledger what that card is there.
//
//   X-Composer-Card, if the request says one; else the card of the token; else the user's default
//
// A card counts for what the ledger knows of its key: one that was revoked, replaced or never the
// community's is not the member whose name stands on it.

import type { IncomingHttpHeaders } from "node:http";
import type { Role } from "../../core/access/permissions.ts";
import { checkCertificate } from "../../core/certificate.ts";
import { sameBytes } from "../../core/codec/bytes.ts";
import type { Verifier } from "../../core/crypto.ts";
import type { MemberId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { AgentDoor } from "../../ports.ts";
import type { Card } from "../keys.ts";
import type { TokenRecord, Tokens } from "../wallet/tokens.ts";
import type { Wallet, WalletCard } from "../wallet/wallet.ts";
import { saidToken } from "./token.ts";

/** What a request is answered as. */
export type Actor = {
  readonly card: Card;
  readonly memberId: MemberId;
  /** Towards what is not its own; `owner` follows from the thing. */
  readonly role: Exclude<Role, "owner">;
};

export type Authentication =
  | { readonly status: "valid"; readonly record: TokenRecord; readonly token: string }
  | { readonly status: "expired" }
  /** No token, or one that nobody knows. */
  | { readonly status: "none" };

export type Request = { readonly url: string; readonly headers: IncomingHttpHeaders };

export type AuthenticationOptions = {
  readonly tokens: Tokens;
  readonly now: UnixMs;
  /** Whether the page that sends cookies with this request may. */
  readonly mayUseCookie: boolean;
};

export function authenticate(
  { url, headers }: Request,
  { tokens, now, mayUseCookie }: AuthenticationOptions,
): Authentication {
  const said = saidToken(url, headers);
  if (said === null || (said.isCookie && !mayUseCookie)) return { status: "none" };
  let isExpired = false;
  for (const token of said.candidates) {
    const found = tokens.find(token, now);
    if (found.status === "valid") return { status: "valid", record: found.record, token };
    isExpired ||= found.status === "expired";
  }
  return isExpired ? { status: "expired" } : { status: "none" };
}

export type ActorDependencies = {
  readonly door: Pick<AgentDoor, "rules" | "ledger" | "now">;
  readonly wallet: Wallet;
  readonly verifier: Verifier;
};

export type FoundActor =
  | { readonly status: "found"; readonly actor: Actor }
  /** The user has no card by this name. */
  | { readonly status: "unknownCard"; readonly name: string }
  /** The user has no default card. */
  | { readonly status: "noCard" };

/** The card that a user acts as; `named` as X-Composer-Card has it. */
export function findActor(
  { door, wallet, verifier }: ActorDependencies,
  { user, card: ofToken }: TokenRecord,
  named: string | undefined,
): FoundActor {
  const wanted = named ?? ofToken;
  const found: WalletCard | null =
    wanted === null ? wallet.defaultOf(user) : wallet.get(wanted, user);
  if (found === null) {
    return named === undefined ? { status: "noCard" } : { status: "unknownCard", name: named };
  }
  const { card } = found;
  return { status: "found", actor: actorOf({ door, verifier }, card) };
}

function actorOf(
  { door, verifier }: Pick<ActorDependencies, "door" | "verifier">,
  card: Card,
): Actor {
  const { memberId, publicKey, certificate } = card;
  const { administrator, caPublicKey } = door.rules;
  const member = door.ledger().members.get(memberId);
  const as = (role: Actor["role"]): Actor => ({ card, memberId, role });
  if (member?.revoked === true) return as("revoked");
  if (administrator?.memberId === memberId && sameBytes(administrator.publicKey, publicKey)) {
    return as("administrator");
  }
  if (member !== undefined && member.publicKey !== null) {
    return as(sameBytes(member.publicKey, publicKey) ? "member" : "revoked");
  }
  // Not on the ledger, or there without a key: the community's CA says whose card it is.
  const checked = checkCertificate(certificate, { caPublicKey, verifier, at: door.now() });
  return as(checked.ok ? "member" : "anonymous");
}

/** Every role that the actor has towards what belongs to `owner`; null: to nobody, or not known yet. */
export function rolesOf({ memberId, role }: Actor, owner: string | null): readonly Role[] {
  return role !== "revoked" && role !== "anonymous" && owner === memberId
    ? ["owner", role]
    : [role];
}
