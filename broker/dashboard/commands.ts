// `page`: the page's server as a process of its own, beside a broker. As commander wants it, for the agent's command
// line and for main.ts beside this file.

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { Command } from "commander";
import type { PageFile } from "./pageFile.ts";
import type { PageLog } from "./server.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Exit codes: 0 ended by a signal, 1 it could not be served, 2 the file is wrong. */
export function pageCommand(): Command {
  return new Command("page")
    .description("serve the neighbourhood's page")
    .argument("<file>", "page.json: see config/page.example.json")
    .action(async (file: string) => {
      const { readPageFile } = await import("./pageFile.ts");
      const read = readPageFile(file);
      if (!read.ok) {
        for (const problem of read.problems) process.stderr.write(`${problem}\n`);
        process.exitCode = 2;
        return;
      }
      process.exitCode = await serve(read.value);
    });
}

/** Until a signal ends it. */
async function serve({
  title,
  host,
  port,
  timeZone,
  mqtt,
  record,
  homes,
}: PageFile): Promise<number> {
  const { openPage } = await import("./server.ts");
  const { openRecorder } = await import("./recorder.ts");
  await using closers = new AsyncDisposableStack();
  try {
    const recorder = record === null ? null : openRecorder(recorderOf(record));
    closers.defer(async () => recorder?.close());
    const page = await openPage({
      ...{ host, port, log },
      config: { title, mqttUrl: mqtt, homes, timeZone },
      ...(recorder === null ? {} : { history: recorder.history }),
    });
    closers.defer(() => page.close());
    for (const address of addressesOf(page.address)) {
      process.stdout.write(`the page: ${address}\n`);
    }
    await new Promise<void>((resolve) => {
      for (const signal of SIGNALS) process.once(signal, () => resolve());
    });
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`the page cannot be served on ${host}:${port}: ${why}\n`);
    return 1;
  }
}

/** 0.0.0.0 is no address that a telephone could open: all that this machine has. */
function addressesOf(address: string): readonly string[] {
  const url = new URL(address);
  if (url.hostname !== "0.0.0.0" && url.hostname !== "[::]") return [address];
  const own = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  return ["127.0.0.1", ...own.map((one) => one.address)].map((ip) => `http://${ip}:${url.port}`);
}

function recorderOf({ url, username, passwordFile, history }: NonNullable<PageFile["record"]>) {
  return {
    ...{ mqttUrl: url, log },
    ...(history === undefined ? {} : { file: history }),
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined
      ? {}
      : { password: readFileSync(passwordFile, "utf8").split("\n", 1)[0] ?? "" }),
  };
}

const log: PageLog = (level, message, facts) => {
  if (level === "debug") return;
  process.stderr.write(`${level} ${message} ${JSON.stringify(facts)}\n`);
};
