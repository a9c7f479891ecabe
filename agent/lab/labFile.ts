// lab.json: what a kept laboratory must be resumed with, and how far its market's clock has come.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { LabOptions } from "./options.ts";

const FILE = "lab.json";

const labFileSchema = z.strictObject({
  version: z.literal(1),
  homes: z.int(),
  validators: z.int(),
  speed: z.number(),
  seed: z.int(),
  pv: z.string().nullable(),
  load: z.string().nullable(),
  /** The first delivery hour, Unix ms. */
  firstDelivery: z.int(),
  /** The market's clock when it was last written, Unix ms. */
  marketTime: z.int(),
  /** Hours of trading that are still to be put on the ledgers, up to `marketTime`; 0: none, or it is done. */
  past: z.int().min(0).default(0),
});

export type LabFile = z.infer<typeof labFileSchema>;

/** null: nothing was kept there yet. */
export function readLabFile(dir: string): LabFile | null {
  let text: string;
  try {
    text = readFileSync(join(dir, FILE), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
  return labFileSchema.parse(JSON.parse(text));
}

/** Whole or not at all: a crash leaves the old one. */
export function writeLabFile(dir: string, file: LabFile): void {
  const draft = join(dir, `${FILE}.new`);
  writeFileSync(draft, `${JSON.stringify(file, null, 2)}\n`);
  renameSync(draft, join(dir, FILE));
}

const FIXED = ["homes", "validators", "speed", "seed", "pv", "load"] as const;

/** Options that were said and are not those that the folder was made with: one sentence each. */
export function differences(options: LabOptions, kept: LabFile): readonly string[] {
  return FIXED.filter((name) => options.said.has(name) && options[name] !== kept[name]).map(
    (name) => `--${name} ${options[name]}: this folder was made with ${kept[name] ?? "none"}`,
  );
}
