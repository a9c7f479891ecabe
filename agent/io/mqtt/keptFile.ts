// What dashboards were told and must never be told less of, in one small file of the data directory: it
// outlives restarts and power cuts. A damaged or foreign file is put aside and said; the market does without it.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { z } from "zod";
import type { KeptCounter } from "../../core/metering/shownCounter.ts";
import type { Wh } from "../../core/units/energy.ts";
import type { ListingId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { Log } from "../../ports.ts";
import { readPrivateFile, writePrivateFile } from "../privateFiles.ts";
import { NO_TRADES, type Trades } from "./trades.ts";

/** In a home's data directory. */
export const KEPT_FILE = "mqtt.json";

export type KeptDevice = {
  readonly kind: "inverter" | "meter";
  readonly source: string;
  /** By register. */
  readonly counters: { readonly [register: string]: KeptCounter };
};

export type Kept = {
  readonly version: 1;
  /** Of the client's id: the same for this data directory, and no other. */
  readonly clientSuffix: string;
  /** By the name in the agent's file. */
  readonly devices: { readonly [name: string]: KeptDevice };
  readonly trades: Trades;
};

export type KeptFile = {
  readonly value: Kept;
  /** False: the disk refuses; nothing of it may be shown. */
  readonly save: (kept: Kept) => boolean;
};

const time = z
  .int()
  .min(0)
  .transform((n) => n as UnixMs);
const anyWh = z.int().transform((n) => n as Wh);
const someWh = z
  .int()
  .min(0)
  .transform((n) => n as Wh);
const counter = z.strictObject({ at: time, value: someWh, offset: anyWh, promised: someWh });
const traded = { sold: someWh, bought: someWh };
const shape = z.strictObject({
  version: z.literal(1),
  clientSuffix: z.string().regex(/^[0-9a-f]{12}$/),
  devices: z.record(
    z.string(),
    z.strictObject({
      kind: z.enum(["inverter", "meter"]),
      source: z.string(),
      counters: z.record(z.string(), counter),
    }),
  ),
  trades: z.strictObject({
    total: z.strictObject(traded),
    days: z.array(z.strictObject({ day: z.string(), ...traded })),
    counted: z.array(z.string().transform((id) => id as ListingId)),
  }),
});

export function openKeptFile(file: string, log: Log): KeptFile {
  let isRefusalTold = false;
  return {
    value: read(file, log),
    save: (kept) => {
      try {
        writePrivateFile(file, JSON.stringify(kept));
        isRefusalTold = false;
        return true;
      } catch (error) {
        // A full disk must not stop the market for a dashboard's sake: counters stand still until it is not.
        if (!isRefusalTold) log.error("dashboards' counters stand still", { what: String(error) });
        isRefusalTold = true;
        return false;
      }
    },
  };
}

function read(file: string, log: Log): Kept {
  const fresh: Kept = {
    version: 1,
    clientSuffix: randomBytes(6).toString("hex"),
    devices: {},
    trades: NO_TRADES,
  };
  if (!fs.existsSync(file)) return fresh;
  try {
    return shape.parse(JSON.parse(readPrivateFile(file)));
  } catch (error) {
    const keptAs = `${file}.damaged`;
    log.error("what dashboards were told cannot be read, their counters begin anew", {
      ...{ keptAs, what: String(error) },
    });
    setAside(file, keptAs, log);
    return fresh;
  }
}

function setAside(file: string, keptAs: string, log: Log): void {
  try {
    fs.renameSync(file, keptAs);
  } catch (error) {
    log.warn("it could not be put aside", { what: String(error) });
  }
}
