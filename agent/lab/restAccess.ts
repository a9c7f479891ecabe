// Who may knock at the laboratory's REST doors: everybody's card lies in each home's wallet, and one token of
// each works at all of them. So it is on one machine with one owner, and nowhere else.

import { cpSync } from "node:fs";
import { join } from "node:path";
import type { MemberId } from "../core/units/ids.ts";
import { HOUR_MS, type UnixMs } from "../core/units/time.ts";
import { readCardContents } from "../io/keys.ts";
import { cardName } from "../io/wallet/cardFile.ts";
import { openTokens, SCOPES, TOKENS_FOLDER } from "../io/wallet/tokens.ts";
import { OPERATOR, openWallet, WALLET_FOLDER } from "../io/wallet/wallet.ts";
import type { LabHome } from "./homes.ts";
import { ADMINISTRATOR_FOLDER, homeDir } from "./world.ts";

/** As long as Composer's tokens lived. */
const TOKEN_DAYS = 14;

export type RestAccess = {
  readonly dir: string;
  readonly homes: readonly LabHome[];
  /**
   * Whether the community has an administrator: its card is the operator's default, beside a copy of each
   * member's. A wallet has room for 31 of them.
   */
  readonly hasAdministrator: boolean;
  /** Real time. */
  readonly now: UnixMs;
};

/** By "admin" and member id. The community of a laboratory that is resumed gets new ones. */
export type LabTokens = { readonly [who: string]: string };

/** Fills the wallets and gives each card its token. */
export function giveAccess(access: RestAccess): LabTokens {
  const { dir, homes, hasAdministrator } = access;
  const folders = homes.map(({ name }) => homeDir(dir, name));
  for (const folder of folders) {
    const wallet = openWallet(join(folder, WALLET_FOLDER));
    const keep = (user: string, card: string): void => {
      const contents = readCardContents(card);
      if (wallet.get(cardName(contents), user) === null) wallet.add(contents, { user });
    };
    // The first is the default.
    if (hasAdministrator) keep(OPERATOR, join(dir, ADMINISTRATOR_FOLDER));
    for (const { name, memberId } of homes) {
      const card = join(homeDir(dir, name), "card");
      keep(memberId, card);
      // So that the administrator's token acts as each of them, by X-Composer-Card.
      if (hasAdministrator) keep(OPERATOR, card);
    }
  }
  return giveTokens(access, folders);
}

function giveTokens(
  { homes, hasAdministrator, now }: RestAccess,
  [first = "", ...others]: readonly string[],
): LabTokens {
  const folder = join(first, TOKENS_FOLDER);
  const issuer = openTokens(folder);
  const expiresAt = (now + TOKEN_DAYS * 24 * HOUR_MS) as UnixMs;
  const issue = (user: MemberId | typeof OPERATOR): string =>
    issuer.issue({
      ...{ user, card: null, expiresAt },
      isOperator: user === OPERATOR,
      scopes: SCOPES,
    });
  const tokens = {
    ...(hasAdministrator ? { admin: issue(OPERATOR) } : {}),
    ...Object.fromEntries(homes.map(({ memberId }) => [memberId, issue(memberId)])),
  };
  // Only their hashes are there, each in a file of its own.
  for (const other of others) {
    const copy = join(other, TOKENS_FOLDER);
    openTokens(copy);
    cpSync(folder, copy, { recursive: true });
  }
  return tokens;
}

/** A token with which the page reads at every door, and can do nothing else. After `giveAccess`. */
export function giveReadToken({ dir, homes, now }: RestAccess): string {
  const [first = "", ...others] = homes.map(({ name }) => join(homeDir(dir, name), TOKENS_FOLDER));
  const [reader] = homes;
  if (reader === undefined) throw new Error("a laboratory has homes");
  const token = openTokens(first).issue({
    ...{ user: reader.memberId, isOperator: false, card: null, scopes: ["read"] },
    expiresAt: (now + TOKEN_DAYS * 24 * HOUR_MS) as UnixMs,
  });
  for (const other of others) cpSync(first, other, { recursive: true });
  return token;
}
