// Loaded into every process of a soak (node --import): writes down now and then what the heap holds once all
// garbage is collected, for a slope of anything else is mostly garbage. Does not keep its process alive.

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { HEAP_DIR } from "./sample.ts";

const TELL_MS = 15_000;

const dir = process.env[HEAP_DIR];
if (dir !== undefined) tellHeap(join(dir, `heap.${process.pid}`));

function tellHeap(file: string): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setInterval(() => {
    collect();
    writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed));
    renameSync(`${file}.new`, file);
  }, TELL_MS).unref();
}
