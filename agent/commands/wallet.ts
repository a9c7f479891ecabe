// `wallet`: the cards that a home's agent can act as, beside it or while it runs.

import fs from "node:fs";
import { readCertificate } from "../core/certificate.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import { KeyError, openCard } from "../io/keys.ts";
import { writePrivateFile } from "../io/privateFiles.ts";
import { CARD_FILE_BYTES_MAX, cardName, readCardFile } from "../io/wallet/cardFile.ts";
import { readPassphrase } from "../io/wallet/vault.ts";
import { openWallet, WALLET_FOLDER, type Wallet, type WalletCard } from "../io/wallet/wallet.ts";
import { inHomeFolder } from "./homeFolder.ts";
import type { Printed } from "./printed.ts";

export type WalletOptions = {
  /** The home's data directory; or the wallet's folder itself. */
  readonly data?: string;
  readonly wallet?: string;
  readonly passphraseFile?: string;
  /** Left out: anybody's. */
  readonly user?: string;
  readonly json?: boolean;
};

export function listWallet(options: WalletOptions): Promise<Printed> {
  return withWallet(options, (wallet) => {
    const cards = wallet.list(options.user ?? null).map(factsOf);
    if (options.json === true) return [JSON.stringify(cards)];
    if (cards.length === 0) return ["no cards"];
    return cards.map(({ user, name, member, isDefault, notAfter }) =>
      [user, name, member, `until ${notAfter}`, ...(isDefault ? ["default"] : [])].join("  "),
    );
  });
}

/** A .card file; left out, its user is its member. Another card of its name is replaced only if that is said. */
export function importCard(
  file: string,
  options: WalletOptions & { readonly name?: string; readonly replace?: boolean },
): Promise<Printed> {
  const work = (wallet: Wallet): readonly string[] => {
    const contents = readCardFile(readBytes(file), file);
    const { memberId, publicKey } = openCard(contents, file);
    const { user = memberId, name = cardName(contents), replace = false } = options;
    const there = wallet.get(name, user);
    if (there !== null && !replace && !sameBytes(there.card.publicKey, publicKey)) {
      const sentence = `${user} has a card ${name} with another key: give --name, or --replace`;
      throw new KeyError("exists", { path: file, sentence });
    }
    const card = wallet.add(contents, { user, name });
    return options.json === true
      ? [JSON.stringify(factsOf(card))]
      : [`card: ${card.name}`, `user: ${card.user}`];
  };
  return withWallet(options, work, true);
}

/** The file has the private key, and is never written over another. */
export function exportCard(
  name: string,
  options: WalletOptions & { readonly out: string },
): Promise<Printed> {
  return withWallet(options, (wallet) => {
    writePrivateFile(options.out, wallet.export(name, options.user ?? null), true);
    return [`written: ${options.out}`, "Whoever has this file is the member: keep it as a key."];
  });
}

export function setDefaultCard(name: string, options: WalletOptions): Promise<Printed> {
  return withWallet(options, (wallet) => {
    wallet.setDefault(name, options.user ?? null);
    return [`default: ${name}`];
  });
}

export function deleteCard(name: string, options: WalletOptions): Promise<Printed> {
  return withWallet(options, (wallet) => {
    wallet.delete(name, options.user ?? null);
    return [`deleted: ${name}`];
  });
}

function withWallet(
  { data, wallet, passphraseFile }: WalletOptions,
  work: (wallet: Wallet) => readonly string[],
  mayMake = false,
): Promise<Printed> {
  const where = { data, folder: wallet, option: "--wallet", inData: WALLET_FOLDER, mayMake };
  return inHomeFolder(where, (dir) => {
    const secret =
      passphraseFile === undefined ? {} : { passphrase: readPassphrase(passphraseFile) };
    return work(openWallet(dir, secret));
  });
}

type CardFacts = {
  readonly user: string;
  readonly name: string;
  readonly member: string;
  readonly isDefault: boolean;
  readonly notAfter: string;
};

function factsOf({ user, name, card, isDefault }: WalletCard): CardFacts {
  const read = readCertificate(card.certificate);
  const notAfter = read.ok ? new Date(read.value.notAfter).toISOString() : "?";
  return { user, name, member: card.memberId, isDefault, notAfter };
}

function readBytes(file: string): Uint8Array {
  try {
    if (fs.statSync(file).size <= CARD_FILE_BYTES_MAX) return fs.readFileSync(file);
  } catch (cause) {
    throw new KeyError("notFound", { path: file, sentence: "cannot be opened", cause });
  }
  throw new KeyError("malformed", { path: file, sentence: "too large for a card" });
}
