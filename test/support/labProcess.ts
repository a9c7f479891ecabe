// `npm start` as a process of its own, as somebody types it, with its page and its REST doors.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export type LabProcess = {
  /** http://127.0.0.1:8080 */
  readonly page: string;
  readonly rest: readonly string[];
  readonly tokens: { readonly [who: string]: string };
  readonly end: () => Promise<void>;
};

export type Ended = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** The laboratory with these options; `ended` resolves when it is over, with all that it said. */
export function runLab(...options: readonly string[]): {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
} {
  const child = spawn(process.execPath, ["agent/main.ts", "lab", ...options], { cwd: ROOT });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

/** Resolves when its page and its doors are there. */
export async function startLabProcess(...options: readonly string[]): Promise<LabProcess> {
  const { child, ended } = runLab(...options);
  let said = "";
  return await new Promise((resolve, reject) => {
    void ended.then(({ stderr }) => reject(new Error(`the laboratory ended: ${stderr}`)));
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      const page = /^the page: (http:\S+)$/m.exec(said)?.[1];
      const access = /^REST (\{.*\})$/m.exec(said)?.[1];
      if (page === undefined || access === undefined) return;
      const { rest, tokens } = JSON.parse(access) as Pick<LabProcess, "rest" | "tokens">;
      const end = async (): Promise<void> => {
        if (child.exitCode === null) child.kill("SIGINT");
        await ended;
      };
      resolve({ page, rest, tokens, end });
    });
  });
}
