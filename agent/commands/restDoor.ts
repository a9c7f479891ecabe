// The REST door of a home that runs: its wallet with the home's own cards, its tokens, and the server.

import type { RestConfig } from "../config.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import { readCa } from "../io/ca.ts";
import { DEFAULT_REST_LIMITS } from "../io/http/limits.ts";
import { GITHUB_ENDPOINTS } from "../io/http/login.ts";
import { openRest } from "../io/http/server.ts";
import { type CardContents, openCard, readCardContents } from "../io/keys.ts";
import { openTokens } from "../io/wallet/tokens.ts";
import { readPassphrase } from "../io/wallet/vault.ts";
import { openWallet, type Wallet } from "../io/wallet/wallet.ts";
import type { AgentDoor, Log, Publisher } from "../ports.ts";

export type RestDoor = {
  /** http://127.0.0.1:3000 */
  readonly address: string;
  readonly publisher: Publisher;
  readonly close: () => Promise<void>;
};

export type RestParts = {
  readonly door: AgentDoor;
  /** Folders of the home's own cards: each is in the wallet, its member's. */
  readonly cards: readonly string[];
  readonly log: Log;
};

/** Throws KeyError where a folder is not right, and what the system says where the port is taken. */
export async function openRestDoor(rest: RestConfig, parts: RestParts): Promise<RestDoor> {
  const { door, cards, log } = parts;
  const passphrase = rest.walletPassphraseFile;
  const wallet = openWallet(
    rest.wallet,
    passphrase === null ? {} : { passphrase: readPassphrase(passphrase) },
  );
  for (const dir of cards) keepOwn(wallet, readCardContents(dir), dir);
  return await openRest({
    ...{ door, wallet, log },
    tokens: openTokens(rest.tokens),
    ca: rest.ca === null ? null : readCa(rest.ca),
    options: {
      ...{ host: rest.host, port: rest.port, namespace: rest.namespace, cors: rest.cors },
      limits: { ...DEFAULT_REST_LIMITS, ...rest.limits },
      logins: rest.logins.map(({ endpoints, ...login }) => ({
        ...login,
        endpoints: endpoints === "github" ? GITHUB_ENDPOINTS : endpoints,
      })),
      commitWithinMs: rest.commitWithin,
    },
  });
}

/** Once for each key: what its member did with it since is left alone. */
function keepOwn(wallet: Wallet, contents: CardContents, dir: string): void {
  const { memberId: user, publicKey } = openCard(contents, dir);
  const isThere = wallet.list(null).some(({ card }) => sameBytes(card.publicKey, publicKey));
  if (!isThere) wallet.add(contents, { user });
}
