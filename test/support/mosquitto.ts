// Debian's MQTT clients, as people use them on a command line.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";

const { PATH = "" } = process.env;

/** Whether `mosquitto_pub` and `mosquitto_sub` are installed; tells if not. */
export function haveMosquittoClients(): boolean {
  const isThere = ["mosquitto_pub", "mosquitto_sub"].every((name) =>
    PATH.split(":").some((folder) => existsSync(`${folder}/${name}`)),
  );
  if (!isThere) process.stderr.write("skipped: no mosquitto_pub and mosquitto_sub are installed\n");
  return isThere;
}

export type Ended = { readonly code: number; readonly out: string };

/** Runs to its end, 20 s at most; `out` is stdout and stderr. */
export function ended(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, [...args], { timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, out: stdout + stderr });
    });
  });
}

export type Running = { readonly child: ChildProcess; readonly lines: () => readonly string[] };

export function running(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8");
    });
  }
  return { child, lines: () => out.split("\n").filter((line) => line !== "") };
}
