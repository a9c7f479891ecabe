// The wallet and the tokens of a home that runs: its doors, REST and MQTT, let in the same users.

import type { RestConfig } from "../config.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import { type CardContents, openCard, readCardContents } from "../io/keys.ts";
import { openTokens, type Tokens } from "../io/wallet/tokens.ts";
import { readPassphrase } from "../io/wallet/vault.ts";
import { openWallet, type Wallet } from "../io/wallet/wallet.ts";

export type Access = { readonly wallet: Wallet; readonly tokens: Tokens };

/** Who may act at this home's doors, and as whom; `cards` are in the wallet from then on. */
export function openAccess(
  at: Pick<RestConfig, "wallet" | "walletPassphraseFile" | "tokens">,
  cards: readonly string[],
): Access {
  const passphrase = at.walletPassphraseFile;
  const wallet = openWallet(
    at.wallet,
    passphrase === null ? {} : { passphrase: readPassphrase(passphrase) },
  );
  for (const dir of cards) keepOwn(wallet, readCardContents(dir), dir);
  return { wallet, tokens: openTokens(at.tokens) };
}

/** Once for each key: what its member did with it since is left alone. */
function keepOwn(wallet: Wallet, contents: CardContents, dir: string): void {
  const { memberId: user, publicKey } = openCard(contents, dir);
  const isThere = wallet.list(null).some(({ card }) => sameBytes(card.publicKey, publicKey));
  if (!isThere) wallet.add(contents, { user });
}
