#!/usr/bin/env node
// The commands. Each is one file in commands/ or lab/; this one only reads the command line.
// Nothing is imported before it is needed: `--help` is quick, and `lab` loads no network of its own.

import { Command, Option } from "commander";
import { brokerCommand } from "../broker/commands.ts";
import { pageCommand } from "../broker/dashboard/commands.ts";
import type { CardOrder, CompleteOrder } from "./commands/identity.ts";
import type { OrderWanted } from "./commands/orderMake.ts";
import type { RunOptions } from "./commands/run.ts";
import type { VerifyOptions } from "./commands/verify.ts";
import { addWalletCommands } from "./commands/walletCommands.ts";
import type { UnixMs } from "./core/units/time.ts";

const NODE_MIN = 24;
/** After everything is closed, nothing may keep the process longer than this. */
const EXIT_MAX_MS = 2000;

function program(): Command {
  const program = new Command("pvtrading");
  // A command's own options and those of its subcommands may be called alike.
  program.enablePositionalOptions();
  program.description("Neighbours trade rooftop solar energy: one agent per home, no server.");
  program
    .command("run")
    .description("run one home's agent")
    .requiredOption("--config <file>", "the agent's file, see config/agent.example.yaml")
    .option("--json", "events as lines of JSON on stdout, commands on stdin", false)
    .option("--restart <file>", "a restart that the CA made, see docs/restart.md")
    .option("--order <file>", "an order that `ca order` made; may be given again", collect, [])
    .option("--trust <height:id>", "a home that joins: the last block of a neighbour's `verify`")
    .action(async (options: RunOptions) => {
      const { run } = await import("./commands/run.ts");
      exit(await run(options));
    });
  program
    .command("check")
    .description("check an agent's file and its community's file")
    .requiredOption("--config <file>", "the agent's file")
    .action(async ({ config }: { config: string }) => {
      const { formatProblem, readConfig } = await import("./config.ts");
      const { communityId } = await import("./core/ledger/rules.ts");
      const read = readConfig(config);
      if (read.ok) print(0, [`right; community ${communityId(read.value.rules)}`]);
      else print(2, read.problems.map(formatProblem));
    });
  program
    .command("device")
    .description("the home's inverter and meter")
    .command("read")
    .description("ask each device once and say what it answered")
    .requiredOption("--config <file>", "the agent's file")
    .option("--json", "a line of JSON for each device", false)
    .action(async ({ config, json }: { config: string; json: boolean }) => {
      const { readDevices } = await import("./commands/deviceRead.ts");
      const { code, lines } = await readDevices(config, json);
      print(code, lines);
    });
  addLab(program);
  addIdentity(program);
  addWalletCommands(program, { print, now });
  addAudit(program);
  addRestart(program);
  program.addCommand(brokerCommand());
  program.addCommand(pageCommand());
  program
    .command("schema")
    .description("print the JSON Schema of a config file")
    .argument("<file>", "agent, community or page")
    .action(async (name: string) => {
      const { jsonSchemas } = await import("./config/jsonSchema.ts");
      const { pageSchema } = await import("../broker/dashboard/pageFile.ts");
      const schemas: { [name: string]: object } = { ...jsonSchemas(), page: pageSchema() };
      const schema = schemas[name];
      if (schema === undefined) print(2, [`schema ${name}: agent, community or page`]);
      else print(0, [JSON.stringify(schema, null, 2)]);
    });
  return program;
}

function addLab(program: Command): void {
  program
    .command("lab")
    .description("run a neighbourhood of real agents on this machine")
    .option("--hours <n>", "see n listings through, then exit")
    .option("--speed <n>", "market time runs n times faster (60; the paper's scenario: 1)")
    .option("--pv <file>", "recorded production, lines of timestamp,power_w")
    .option("--load <file>", "recorded consumption, likewise")
    .option("--homes <n>", "how many homes (5)")
    .option("--validators <n>", "how many of them vote (4, or all homes if fewer)")
    .option("--data <dir>", "keep everything here, and resume it")
    .addOption(new Option("--scenario <name>", "the paper's experiment").choices(["paper"]))
    .option("--manual", "the paper's laboratory: five homes with REST, everything is done by hand")
    .option("--port-base <n>", "REST of the first home, the next on n + 1 (3000 with --manual)")
    .option("--page-port <n>", "the page's port (8080, or another if that is taken)")
    .option("--no-page", "without the page, its broker and the homes' doors for it")
    .option("--past <hours>", "trading before it begins, on the ledger (with the page 48, else 0)")
    .option("--seed <n>", "of the simulated sun and households (1)")
    .option("--json", "the last line of stdout is one JSON object; the timeline goes to stderr")
    .action(async (options: { [name: string]: string | boolean }) => {
      const { runLab } = await import("./lab/main.ts");
      exit(await runLab(options));
    });
}

function addIdentity(program: Command): void {
  const ca = program.command("ca").description("the community's certificate authority");
  ca.command("init")
    .alias("create")
    .description("make a CA; prints the key for the community's file")
    .argument("<dir>", "a new folder for it")
    .option("--name <name>", "what people call it", "Neighbourhood CA")
    .action(async (dir: string, { name }: { name: string }) => {
      const { createCaFolder } = await import("./commands/identity.ts");
      const { code, lines } = await createCaFolder(dir, name, now());
      print(code, lines);
    });
  const issue = async (options: Omit<CardOrder, "now">): Promise<void> => {
    const { createCardFolder } = await import("./commands/identity.ts");
    const { code, lines } = await createCardFolder({ ...options, now: now() });
    print(code, lines);
  };
  issueOptions(ca.command("issue"))
    .requiredOption("--out <path>", "a new folder, or a new file that ends in .card")
    .option("--request <file>", "certify this key, made at home by `card request`")
    .action(issue);
  orderOptions(ca.command("revoke"), "end a member's card: short for `ca order revoke`")
    .requiredOption("--member <id>")
    .option("--reason <text>", "for the ledger", "")
    .action(revoke);
  addOrders(ca.command("order").description("sign what any one home carries to the ledger"));
  const card = program.command("card").description("members' identities");
  issueOptions(card.command("create"))
    .argument("<dir>", "a new folder for it")
    .action((out: string, options: Omit<CardOrder, "now" | "out">) => issue({ ...options, out }));
  card
    .command("request")
    .description("make a key at home, and the request for its certificate")
    .argument("<dir>", "a new folder for them")
    .requiredOption("--member <id>", "e-mail address, lower case")
    .action(async (dir: string, { member }: { member: string }) => {
      const { createRequestFolder } = await import("./commands/identity.ts");
      const { code, lines } = await createRequestFolder(dir, member);
      print(code, lines);
    });
  card
    .command("complete")
    .description("make the card of a requested key")
    .argument("<dir>", "the folder of `card request`")
    .requiredOption("--certificate <file>", "as the CA issued it")
    .requiredOption("--out <path>", "a new folder, or a new file that ends in .card")
    .option("--network <name>", "the community's name on the card")
    .action(async (dir: string, options: CompleteOrder) => {
      const { completeCard } = await import("./commands/identity.ts");
      const { code, lines } = await completeCard(dir, options);
      print(code, lines);
    });
}

function issueOptions(command: Command): Command {
  return command
    .description("make a member's card; prints what the community's file needs of a validator")
    .requiredOption("--ca <dir>", "the CA's folder")
    .requiredOption("--member <id>", "e-mail address, lower case")
    .requiredOption("--first-name <name>")
    .requiredOption("--last-name <name>")
    .option("--days <n>", "valid so long", "1095")
    .option("--network <name>", "the community's name on the card");
}

type OrderOptions = Record<"ca" | "data" | "out", string> & {
  sequence?: string;
  json: boolean;
};

function orderOptions(command: Command, description: string): Command {
  return command
    .description(`${description}; checks the ledger first`)
    .requiredOption("--ca <dir>", "the CA's folder")
    .requiredOption("--data <dir>", "a home's data directory, or a copy")
    .requiredOption("--out <file>", "a new file for the home")
    .option("--sequence <n>", "the CA's number for it, where one before is not on the ledger yet")
    .option("--json", "one JSON object on stdout", false);
}

async function signOrder(options: OrderOptions, wanted: OrderWanted): Promise<void> {
  const { makeOrder } = await import("./commands/orderMake.ts");
  const { tell } = await import("./commands/auditOutcome.ts");
  exit(tell(makeOrder({ ...options, now: now() }, wanted), options.json));
}

function revoke(options: OrderOptions & Record<"member" | "reason", string>): Promise<void> {
  return signOrder(options, { ...options, type: "revoke" });
}

function addOrders(order: Command): void {
  const orderCommand = (name: string, description: string): Command =>
    orderOptions(order.command(name), description);
  orderCommand("grant", "give a member tokens, or take free ones back")
    .requiredOption("--member <id>")
    .requiredOption("--tokens <n>", "a decimal; negative: taken back")
    .option("--reason <text>", "for the ledger", "")
    .action((options: OrderOptions & Record<"member" | "tokens" | "reason", string>) =>
      signOrder(options, { ...options, type: "grant" }),
    );
  orderCommand("revoke", "end a member's card")
    .requiredOption("--member <id>")
    .option("--reason <text>", "for the ledger", "")
    .action(revoke);
  orderCommand("bind", "give another card to a member whose card was ended, or that has none")
    .requiredOption("--member <id>")
    .requiredOption("--certificate <file>", "the new card's credentials/certificate")
    .action((options: OrderOptions & Record<"member" | "certificate", string>) =>
      signOrder(options, { ...options, type: "bindIdentity" }),
    );
  orderCommand("validators", "change who votes")
    .option("--add <id...>", "members who vote, too", [])
    .option("--remove <id...>", "who votes no more", [])
    .action((options: OrderOptions & Record<"add" | "remove", string[]>) =>
      signOrder(options, { ...options, type: "validatorChange" }),
    );
}

function addAudit(program: Command): void {
  program
    .command("verify")
    .description("check a home's whole ledger from its first block, or a proof; changes nothing")
    .option("--data <dir>", "the home's data directory; its agent may be running")
    .option("--proof <file>", "a file made by prove")
    .option("--community <file>", "the community's file, to compare with")
    .option("--json", "one JSON object on stdout", false)
    .action(async (options: VerifyOptions & { json: boolean }) => {
      const started = performance.now();
      const { verify } = await import("./commands/verify.ts");
      const { tell } = await import("./commands/auditOutcome.ts");
      const elapsed = () => (performance.now() - started) / 1000;
      exit(tell(verify(options, elapsed), options.json));
    });
  program
    .command("prove")
    .description("write a file that proves when a transaction was on the ledger")
    .requiredOption("--data <dir>", "a home's data directory; its agent may be running")
    .requiredOption("--transaction <id>", "the transaction's id, 64 hex digits")
    .requiredOption("--out <file>", "a new file for the proof")
    .option("--json", "one JSON object on stdout", false)
    .action(async (options: Record<"data" | "transaction" | "out", string> & { json: boolean }) => {
      const { prove } = await import("./commands/prove.ts");
      const { tell } = await import("./commands/auditOutcome.ts");
      exit(tell(prove(options), options.json));
    });
}

function addRestart(program: Command): void {
  program
    .command("restart")
    .description("when too many validators are gone for good, see docs/restart.md")
    .command("make")
    .description("sign who votes after a ledger's last block; checks the ledger first")
    .requiredOption("--ca <dir>", "the CA's folder")
    .requiredOption("--data <dir>", "data directory of the home with the highest block, or a copy")
    .requiredOption("--validator <id...>", "members who vote from then on")
    .requiredOption("--out <file>", "a new file for the homes")
    .option("--json", "one JSON object on stdout", false)
    .action(
      async (
        options: Record<"ca" | "data" | "out", string> & { validator: string[]; json: boolean },
      ) => {
        const { makeRestart } = await import("./commands/restartMake.ts");
        const { tell } = await import("./commands/auditOutcome.ts");
        exit(tell(makeRestart(options), options.json));
      },
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function now(): UnixMs {
  return Date.now() as UnixMs;
}

function print(code: number, lines: readonly string[]): void {
  for (const line of lines) (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  exit(code);
}

function exit(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), EXIT_MAX_MS).unref();
}

if (Number.parseInt(process.versions.node, 10) < NODE_MIN) {
  process.stderr.write(
    `Node ${process.versions.node} is too old, ${NODE_MIN} is needed: ` +
      "use the npm scripts, which bring their own (npm start, npm run pvtrading -- COMMAND).\n",
  );
  process.exitCode = 1;
} else {
  await program().parseAsync();
}
