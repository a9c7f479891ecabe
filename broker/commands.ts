// `broker`: a broker of its own, and its users. As commander wants it, for the agent's command line and for
// main.ts beside this file.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { BrokerError, causeText } from "./brokerError.ts";
import { lineLog } from "./log.ts";
import { ROLES, type Role } from "./rights.ts";

/** Printed as hex: no shell and no option parser takes it for something else. */
const PASSWORD_BYTES = 20;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

type RunOptions = {
  readonly host: string;
  readonly port: number;
  readonly wsPort?: number;
  readonly users?: string;
  readonly anonymous: "none" | "read";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsPort: number;
  readonly wssPort?: number;
  readonly retained?: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly json: boolean;
};

type UserOptions = {
  readonly users: string;
  readonly role: Role;
  readonly passwordFile?: string;
};

/** A new command; exit codes: 0 done, 1 it could not be done, 2 an option is wrong. */
export function brokerCommand(): Command {
  const broker = new Command("broker")
    // So that `user add --users` is not taken for the broker's.
    .enablePositionalOptions()
    .description("run an MQTT broker for agents, dashboards and Home Assistant")
    .option("--host <address>", "where to listen; 0.0.0.0: the whole network", "127.0.0.1")
    .option("--port <n>", "MQTT", port, 1883)
    .option("--ws-port <n>", "MQTT over WebSocket, for pages; left out: none", port)
    .option("--users <file>", "made by `broker user add`")
    .addOption(
      new Option("--anonymous <what>", "what one may do without a name")
        .choices(["none", "read"])
        .default("none"),
    )
    .option("--tls-cert <file>", "PEM; with it and its key MQTT over TLS, too")
    .option("--tls-key <file>", "PEM")
    .option("--tls-port <n>", "MQTT over TLS", port, 8883)
    .option("--wss-port <n>", "MQTT over WebSocket over TLS, for pages; left out: none", port)
    .option("--retained <file>", "keep retained messages here over a restart")
    .addOption(
      new Option("--log-level <level>", "the least that is told")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .option("--json", "the log as lines of JSON", false)
    .action((options: RunOptions) => guarded(() => run(options)));
  addUsers(broker.command("user").description("who may use the broker"));
  return broker;
}

function addUsers(user: Command): void {
  const add = (name: string, description: string): Command =>
    user.command(name).description(description).requiredOption("--users <file>", "the users' file");
  add("add", "add a user, or change one; prints a new password unless one is given")
    .argument("<name>", "an agent's is its home's name in the topics")
    .addOption(
      new Option("--role <role>", "what it may do").choices([...ROLES]).makeOptionMandatory(),
    )
    .option("--password-file <file>", "its first line is the password")
    .action((name: string, options: UserOptions) =>
      guarded(async () => {
        const { setUser } = await import("./users.ts");
        const given = options.passwordFile === undefined ? null : firstLine(options.passwordFile);
        const password = given ?? randomBytes(PASSWORD_BYTES).toString("hex");
        await setUser(options.users, { name, role: options.role, password });
        process.stdout.write(given === null ? `${password}\n` : "");
      }),
    );
  add("list", "print names and roles").action((options: UserOptions) =>
    guarded(async () => {
      const { readUsers } = await import("./users.ts");
      for (const { name, role } of readUsers(options.users).values()) {
        process.stdout.write(`${name}  ${role}\n`);
      }
    }),
  );
  add("remove", "take a user out; a running broker drops its connections within seconds")
    .argument("<name>")
    .action((name: string, options: UserOptions) =>
      guarded(async () => {
        const { removeUser } = await import("./users.ts");
        if (await removeUser(options.users, name)) return;
        throw new BrokerError("badOption", `${name}: there is no such user (see broker user list)`);
      }),
    );
}

/** Until a signal ends it. */
async function run(options: RunOptions): Promise<void> {
  const { tlsCert, tlsKey, tlsPort, wssPort } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new BrokerError("badOption", "--tls-cert and --tls-key go together");
  }
  if (wssPort !== undefined && tlsCert === undefined) {
    throw new BrokerError("badOption", "--wss-port goes with --tls-cert and --tls-key");
  }
  const { openBroker } = await import("./broker.ts");
  const { BROKER_LIMITS } = await import("./limits.ts");
  const isTls = tlsCert !== undefined && tlsKey !== undefined;
  const broker = await openBroker({
    host: options.host,
    port: options.port,
    wsPort: options.wsPort ?? null,
    tls: isTls
      ? { certFile: tlsCert, keyFile: tlsKey, port: tlsPort, wsPort: wssPort ?? null }
      : null,
    usersFile: options.users ?? null,
    anonymous: options.anonymous,
    limits: BROKER_LIMITS,
    retainedFile: options.retained ?? null,
    log: lineLog(options.logLevel, {
      json: options.json,
      write: (line) => process.stderr.write(line),
      now: () => new Date(),
    }),
  });
  await new Promise<void>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, () => resolve());
  });
  await broker.close();
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("a port is a whole number from 0 to 65535");
}

function firstLine(file: string): string {
  try {
    return fs.readFileSync(file, "utf8").split(/\r?\n/)[0] ?? "";
  } catch (cause) {
    throw new BrokerError("fileFailed", `${file}: cannot be read (${causeText(cause)})`, cause);
  }
}

/** What a person can mend is one sentence; bugs keep their stack. */
async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.code === "badOption" ? 2 : 1;
  }
}
