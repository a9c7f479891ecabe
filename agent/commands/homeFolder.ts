// A folder of a home's, for commands that look into it: named by the home's data directory, or itself.

import fs from "node:fs";
import path from "node:path";
import { KeyError } from "../io/keys.ts";
import { guarded, type Printed, wrong } from "./printed.ts";

export type HomeFolder = {
  readonly data: string | undefined;
  /** The folder itself, as `option` names it. */
  readonly folder: string | undefined;
  readonly option: string;
  /** Its name in the data directory. */
  readonly inData: string;
  /** What is named by itself need not be there yet. */
  readonly mayMake: boolean;
};

/** Exit code 2 unless exactly one of the two is named. A mistyped folder is not made, nor found to be empty. */
export async function inHomeFolder(
  { data, folder, option, inData, mayMake }: HomeFolder,
  work: (dir: string) => readonly string[],
): Promise<Printed> {
  const dir = data === undefined ? folder : path.join(data, inData);
  if (dir === undefined || (data !== undefined && folder !== undefined)) {
    return wrong(`name either --data or ${option}`);
  }
  return guarded(() => {
    const needed = data ?? (mayMake ? null : dir);
    if (needed !== null && !fs.existsSync(needed)) {
      throw new KeyError("notFound", { path: needed, sentence: "there is no such folder" });
    }
    return work(dir);
  });
}
