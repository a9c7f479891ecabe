// `token`: who may use a home's REST door. A token is printed once, when it is issued.

import { type UnixMs, unixMs } from "../core/units/time.ts";
import {
  openTokens,
  SCOPES,
  type Scope,
  TOKENS_FOLDER,
  type TokenRecord,
  type Tokens,
} from "../io/wallet/tokens.ts";
import { OPERATOR } from "../io/wallet/wallet.ts";
import { inHomeFolder } from "./homeFolder.ts";
import { type Printed, wrong } from "./printed.ts";

const DAY_MS = 24 * 3_600_000;
const DAYS_MAX = 3650;

export type TokenOptions = {
  /** The home's data directory; or the tokens' folder itself. */
  readonly data?: string;
  readonly tokens?: string;
  readonly json?: boolean;
};

export type TokenOrder = TokenOptions & {
  /** Whose wallet; left out: the operator's. */
  readonly user?: string;
  /** Of that wallet; left out: its default. */
  readonly card?: string;
  readonly scope?: readonly string[];
  readonly days: string;
  readonly now: UnixMs;
};

export async function issueToken(order: TokenOrder): Promise<Printed> {
  const { user = OPERATOR, card = null, now } = order;
  const isOperator = order.user === undefined;
  const scopes = order.scope ?? (isOperator ? SCOPES : ["read", "trade", "wallet"]);
  const days = Number(order.days);
  const problems = [
    ...(Number.isInteger(days) && days >= 1 && days <= DAYS_MAX
      ? []
      : [`--days ${order.days}: a whole number from 1 to ${DAYS_MAX}`]),
    ...scopes
      .filter((scope) => !isScope(scope))
      .map((scope) => `--scope ${scope}: one of ${SCOPES.join(", ")}`),
    ...(user === "" || user.length > 256 ? ["--user: 1 to 256 characters"] : []),
  ];
  if (problems.length > 0) return wrong(...problems);
  const work = (tokens: Tokens): readonly string[] => {
    const expiresAt = unixMs(now + days * DAY_MS);
    const wanted = { user, isOperator, card, scopes: scopes.filter(isScope), expiresAt };
    const token = tokens.issue(wanted);
    const facts = { ...wanted, expiresAt: new Date(expiresAt).toISOString() };
    return [order.json === true ? JSON.stringify({ token, ...facts }) : token];
  };
  return withTokens(order, work, true);
}

export function listTokens(options: TokenOptions): Promise<Printed> {
  return withTokens(options, (tokens) => {
    const all = tokens.list().map(factsOf);
    if (options.json === true) return [JSON.stringify(all)];
    if (all.length === 0) return ["no tokens"];
    return all.map(({ id, user, card, scopes, expiresAt }) =>
      [id, user, card ?? "default card", scopes.join(","), `until ${expiresAt}`].join("  "),
    );
  });
}

/** By the id that `token list` prints, for a token is a secret and an argument is not. */
export async function revokeToken(id: string, options: TokenOptions): Promise<Printed> {
  let isThere = false;
  const printed = await withTokens(options, (tokens) => {
    isThere = tokens.revoke(id);
    return [`revoked: ${id}`];
  });
  if (printed.code !== 0 || isThere) return printed;
  return { code: 1, lines: [`${id}: there is no such token (see token list)`] };
}

function withTokens(
  { data, tokens }: TokenOptions,
  work: (tokens: Tokens) => readonly string[],
  mayMake = false,
): Promise<Printed> {
  const where = { data, folder: tokens, option: "--tokens", inData: TOKENS_FOLDER, mayMake };
  return inHomeFolder(where, (dir) => work(openTokens(dir)));
}

function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}

function factsOf(record: TokenRecord): Omit<TokenRecord, "expiresAt"> & { expiresAt: string } {
  return { ...record, expiresAt: new Date(record.expiresAt).toISOString() };
}
