// The wallet: the cards that an agent can act as, each in the hands of one user. A private key leaves it by
// export alone. The agent and the command line may use one wallet at the same time.
//
// Composer's rules: a user's first card is the default; a second of the same name takes the first one's place;
// deleting the default leaves none.

import type { MemberId } from "../../core/units/ids.ts";
import { type Card, type CardContents, KeyError } from "../keys.ts";
import { cardName, readCardFile, writeCardFile } from "./cardFile.ts";
import { type CardKey, type CardStore, openCardStore, type StoredCard } from "./cardStore.ts";

/** In a home's data directory. */
export const WALLET_FOLDER = "wallet";
/** The user of who runs the agent. */
export const OPERATOR = "operator";

const CARDS_MAX = 1024;
const CARDS_OF_USER_MAX = 32;
/** They stand in paths, headers and file names of downloads. */
const NAME = /^[^\p{Cc}\p{Cs}"/\\]{1,256}$/u;
const USER = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

export type WalletCard = {
  readonly name: string;
  readonly user: string;
  readonly isDefault: boolean;
  readonly card: Card;
};

/** Every call throws KeyError where the disk fails or somebody damaged a file. */
export type Wallet = {
  /** By user, then name; null: everybody's, for the operator. */
  readonly list: (user: string | null) => readonly WalletCard[];
  /** Null for the user: anybody's of that name, the operator's first; `ambiguous` if two others have one. */
  readonly get: (name: string, user: string | null) => WalletCard | null;
  readonly defaultOf: (user: string) => WalletCard | null;
  /** A member's card, whoever has it; of several the one that was issued last. */
  readonly ofMember: (id: MemberId) => WalletCard | null;
  /** A .card; left out, its name is `<userName>@<network>`. Throws `malformed`, `mismatch` or `full`. */
  readonly import: (zip: Uint8Array, as: { user: string; name?: string }) => WalletCard;
  readonly add: (contents: CardContents, as: { user: string; name?: string }) => WalletCard;
  /** A .card with its private key; throws `notFound`. */
  readonly export: (name: string, user: string | null) => Uint8Array;
  /** Throws `notFound`. */
  readonly setDefault: (name: string, user: string | null) => void;
  /** Throws `notFound`. */
  readonly delete: (name: string, user: string | null) => void;
};

/** Opens a wallet's folder, made if there is none (0700, files 0600). Throws KeyError, `locked` among them. */
export function openWallet(dir: string, options: { passphrase?: string } = {}): Wallet {
  const store = openCardStore(dir, options.passphrase);
  const must = (name: string, user: string | null): StoredCard => {
    const found = find(store, name, user);
    if (found !== null) return found;
    const sentence = `The business network card "${name}" does not exist`;
    throw new KeyError("notFound", { path: dir, sentence });
  };
  const add: Wallet["add"] = (contents, { user, name = cardName(contents) }) => {
    checkNames({ user, name });
    const own = store.cards().filter((one) => one.user === user);
    if (!own.some((one) => one.name === name)) checkRoom(store, own.length);
    // Before the card, or a power cut between the two would leave a first card that is no default.
    if (own.length === 0) store.setDefault(user, name);
    store.put({ user, name }, contents);
    return shown(store, must(name, user));
  };
  return {
    list: (user) =>
      store
        .cards()
        .filter((one) => user === null || one.user === user)
        .map((one) => shown(store, one))
        .sort(byUserAndName),
    get: (name, user) => {
      const found = find(store, name, user);
      return found === null ? null : shown(store, found);
    },
    defaultOf: (user) => {
      const name = store.defaults().get(user);
      const found = name === undefined ? null : find(store, name, user);
      return found === null ? null : shown(store, found);
    },
    ofMember: (id) => {
      const cards = store.cards().filter(({ card }) => card.memberId === id);
      const [latest] = cards.sort((a, b) => b.notBefore - a.notBefore || byUserAndName(a, b));
      return latest === undefined ? null : shown(store, latest);
    },
    import: (zip, as) => add(readCardFile(zip), as),
    add,
    export: (name, user) => writeCardFile(must(name, user).contents),
    setDefault: (name, user) => {
      const { user: owner } = must(name, user);
      store.setDefault(owner, name);
    },
    delete: (name, user) => {
      const { user: owner } = must(name, user);
      // Before the card, or a later one of that name would be the default once more.
      if (store.defaults().get(owner) === name) store.setDefault(owner, null);
      store.remove({ user: owner, name });
    },
  };
}

function find(store: CardStore, name: string, user: string | null): StoredCard | null {
  const named = store.cards().filter((one) => one.name === name);
  if (user !== null) return named.find((one) => one.user === user) ?? null;
  const found = named.find((one) => one.user === OPERATOR) ?? named[0] ?? null;
  if (named.length <= 1 || found?.user === OPERATOR) return found;
  const users = named.map((one) => one.user).join(", ");
  throw new KeyError("ambiguous", { path: name, sentence: `several users have it: ${users}` });
}

function shown(store: CardStore, { user, name, card }: StoredCard): WalletCard {
  return { name, user, isDefault: store.defaults().get(user) === name, card };
}

function checkNames({ user, name }: CardKey): void {
  const problem = !USER.test(user)
    ? "a user is 1 to 256 characters of text"
    : !NAME.test(name)
      ? "a card's name is 1 to 256 characters without \" / and \\"
      : null;
  if (problem !== null) throw new KeyError("malformed", { path: "wallet", sentence: problem });
}

function checkRoom(store: CardStore, own: number): void {
  const isFull = own >= CARDS_OF_USER_MAX || store.cards().length >= CARDS_MAX;
  if (!isFull) return;
  const sentence = `a user has at most ${CARDS_OF_USER_MAX} cards, a wallet ${CARDS_MAX}: delete some`;
  throw new KeyError("full", { path: "wallet", sentence });
}

function byUserAndName(a: CardKey, b: CardKey): number {
  if (a.user !== b.user) return a.user < b.user ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
