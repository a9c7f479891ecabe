// `npm start` as a process of its own, as somebody types it, with its page and its REST doors.

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export type LabProcess = {
  /** http://127.0.0.1:8080 */
  readonly page: string;
  readonly rest: readonly string[];
  readonly tokens: { readonly [who: string]: string };
  readonly end: () => Promise<void>;
};

export async function startLabProcess(...options: readonly string[]): Promise<LabProcess> {
  const child = spawn(process.execPath, ["agent/main.ts", "lab", ...options], { cwd: ROOT });
  let [said, errors] = ["", ""];
  child.stderr.on("data", (data: Buffer) => {
    errors += data.toString();
  });
  return await new Promise((resolve, reject) => {
    child.on("close", () => reject(new Error(`the laboratory ended: ${errors}`)));
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      const page = /^the page: (http:\S+)$/m.exec(said)?.[1];
      const access = /^REST (\{.*\})$/m.exec(said)?.[1];
      if (page === undefined || access === undefined) return;
      const { rest, tokens } = JSON.parse(access) as Pick<LabProcess, "rest" | "tokens">;
      resolve({ page, rest, tokens, end: () => end(child) });
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGINT");
  await ended;
}
