// A log that nobody reads.

import type { Log } from "../../agent/ports.ts";

export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

function ignore(): void {}
