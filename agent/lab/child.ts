// One process of the laboratory: it speaks JSON lines on stdout, takes them on stdin, and logs to a file.
// It dies when its stdin closes, so nothing is left behind even if the laboratory is killed.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** A process that does not end after SIGTERM is killed after this long. */
const STOP_MAX_MS = 5000;
const LAST_LINES = 15;

export type ChildOptions = {
  readonly name: string;
  /** Arguments to this same Node: a file and its options. */
  readonly args: readonly string[];
  /** A command that becomes this Node, such as `nice`, before its name and arguments; left out: none. */
  readonly prefix?: readonly string[];
  /** Its stderr goes here, appended. */
  readonly logFile: string;
  readonly line: (value: unknown) => void;
  /** Ended without being asked to. */
  readonly died: (why: string) => void;
};

export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #ended: Promise<void>;
  #isStopping = false;

  constructor({ name, args, prefix = [], logFile, line, died }: ChildOptions) {
    this.name = name;
    this.#logFile = logFile;
    const log = openSync(logFile, "a", 0o600);
    const [command = process.execPath, ...rest] = [...prefix, process.execPath, ...args];
    this.#process = spawn(command, rest, {
      stdio: ["pipe", "pipe", log],
      // A group of its own: Ctrl-C reaches the laboratory alone, which then stops everyone in order.
      detached: true,
    });
    closeSync(log);
    const { stdout, stdin } = this.#process;
    if (stdout !== null) {
      createInterface({ input: stdout }).on("line", (text) => {
        const parsed = parse(text);
        if (parsed === null) died(`${name} printed no JSON: ${text.slice(0, 200)}`);
        else line(parsed.value);
      });
    }
    // A process that ended cannot be written to; its end is told by `died`.
    stdin?.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      const end = (why: string): void => {
        resolve();
        if (!this.#isStopping) died(`${name} ended: ${why}\n${this.lastLines()}`);
      };
      this.#process.on("error", (error) => end(error.message));
      this.#process.on("exit", (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  send(value: unknown): void {
    this.#process.stdin?.write(`${JSON.stringify(value)}\n`);
  }

  /** SIGTERM, and SIGKILL if that does not help; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), STOP_MAX_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** SIGKILL, as when the power goes; resolves when it has ended. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  get pid(): number | null {
    return this.#process.pid ?? null;
  }

  lastLines(): string {
    return readFileSync(this.#logFile, "utf8").trimEnd().split("\n").slice(-LAST_LINES).join("\n");
  }
}

function parse(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    // A line that is no JSON is told by whoever reads it.
    return null;
  }
}
