// A process to be killed. `hold DIR` takes the directory and says so; `commit DIR` commits blocks for
// ever and writes each height once commit has returned.

import { writeSync } from "node:fs";
import { openStore } from "../../../agent/io/store/store.ts";
import { chainBlock, durable, options, vote } from "./fixtures.ts";

const HEIGHTS_MAX = 1_000_000;
const [, , task = "", dir = ""] = process.argv;
const store = openStore(dir, options);

if (task === "hold") {
  // Nothing refers to the store any more, and much is collected: its lock must not go with it.
  setInterval(() => globalThis.gc?.(), 20);
  setTimeout(() => writeSync(1, "held\n"), 200);
}
if (task === "commit") {
  const first = store.status().height + 1;
  for (let height = first; height < first + HEIGHTS_MAX; height += 1) {
    store.saveSigned(durable(height), vote(height, `block ${height}`));
    store.commit(chainBlock(height));
    // Synchronous, so that no line is ever ahead of its commit.
    writeSync(1, `${height}\n`);
  }
}
