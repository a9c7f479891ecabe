// The command line of `wallet` and `token`, as commander wants it.

import type { Command } from "commander";
import type { UnixMs } from "../core/units/time.ts";
import type { Printed } from "./printed.ts";
import type { TokenOptions, TokenOrder } from "./token.ts";
import type { WalletOptions } from "./wallet.ts";

type Print = (code: number, lines: readonly string[]) => void;

export type CommandLine = { readonly print: Print; readonly now: () => UnixMs };

export function addWalletCommands(program: Command, { print, now }: CommandLine): void {
  const show = ({ code, lines }: Printed): void => print(code, lines);
  addWallet(program, show);
  addToken(program, { show, now });
}

type Show = (printed: Printed) => void;

function addWallet(program: Command, show: Show): void {
  const wallet = program.command("wallet").description("the cards that an agent can act as");
  const add = (name: string, description: string): Command =>
    wallet
      .command(name)
      .description(description)
      .option("--data <dir>", "the home's data directory")
      .option("--wallet <dir>", "or the wallet's folder")
      .option("--passphrase-file <file>", "of a wallet with a passphrase (mode 0600)")
      .option("--user <user>", "whose cards: a member's id, operator, or <provider>:<subject>")
      .option("--json", "one JSON value on stdout", false);
  add("list", "print the cards").action(async (options: WalletOptions) => {
    show(await (await import("./wallet.ts")).listWallet(options));
  });
  add("import", "put a .card file into the wallet")
    .argument("<file>", "a .card file")
    .option("--name <name>", "what to call it; left out: <userName>@<network>")
    .option("--replace", "in place of a card of this name with another key", false)
    .action(async (file: string, options: WalletOptions & { name?: string; replace: boolean }) => {
      show(await (await import("./wallet.ts")).importCard(file, options));
    });
  add("export", "write a .card file, private key and all")
    .argument("<name>", "the card's name")
    .requiredOption("--out <file>", "a new .card file")
    .action(async (name: string, options: WalletOptions & { out: string }) => {
      show(await (await import("./wallet.ts")).exportCard(name, options));
    });
  add("default", "act as this card where none is named")
    .argument("<name>", "the card's name")
    .action(async (name: string, options: WalletOptions) => {
      show(await (await import("./wallet.ts")).setDefaultCard(name, options));
    });
  add("delete", "take a card out of the wallet")
    .argument("<name>", "the card's name")
    .action(async (name: string, options: WalletOptions) => {
      show(await (await import("./wallet.ts")).deleteCard(name, options));
    });
}

function addToken(program: Command, { show, now }: { show: Show; now: () => UnixMs }): void {
  const token = program.command("token").description("who may use an agent's REST door");
  const add = (name: string, description: string): Command =>
    token
      .command(name)
      .description(description)
      .option("--data <dir>", "the home's data directory")
      .option("--tokens <dir>", "or the tokens' folder")
      .option("--json", "one JSON value on stdout", false);
  add("issue", "print a new token; it is shown this once")
    .option("--user <user>", "acts with this user's cards; left out: the operator's")
    .option("--card <name>", "acts as this card; left out: the user's default")
    .option("--scope <scope...>", "read, trade, wallet, identity; left out: all but identity")
    .option("--days <n>", "valid so long", "14")
    .action(async (options: Omit<TokenOrder, "now">) => {
      show(await (await import("./token.ts")).issueToken({ ...options, now: now() }));
    });
  add("list", "print what tokens there are, not the tokens").action(
    async (options: TokenOptions) => {
      show(await (await import("./token.ts")).listTokens(options));
    },
  );
  add("revoke", "end a token")
    .argument("<id>", "as `token list` prints it")
    .action(async (id: string, options: TokenOptions) => {
      show(await (await import("./token.ts")).revokeToken(id, options));
    });
}
