// How far this machine's clock is from NTP's time, as the machine's own time service says. Both say by how much
// the clock must go forward, as NTP does; here it is by how much it is ahead, as people ask.

import { toolOutput } from "./toolOutput.ts";

/** ms by which this clock is ahead of NTP's time, negative: behind; null: this tool cannot say. */
export type OffsetProbe = () => Promise<number | null>;

/** Asked in this order; the first that can say decides. */
export const OFFSET_PROBES: readonly OffsetProbe[] = [
  async () => chronyOffset(await toolOutput("chronyc", ["-c", "tracking"])),
  async () => timesyncOffset(await toolOutput("timedatectl", ["timesync-status"])),
];

const SYSTEM_TIME_FIELD = 4;
const FIELDS_MIN = 10;

/**
 * From `chronyc -c tracking`: the fifth field, seconds, positive where the clock is slow; null while it has no source.
 * Source: chronyc(1), "tracking", System time.
 */
export function chronyOffset(answer: string | null): number | null {
  const fields = answer?.split(",") ?? [];
  const isKnown = fields.length >= FIELDS_MIN && fields.at(-1) !== "Not synchronised";
  const slow = Number(fields[SYSTEM_TIME_FIELD] ?? "");
  return isKnown && Number.isFinite(slow) ? aheadMs(slow * 1000) : null;
}

const UNIT_MS: { readonly [unit: string]: number } = {
  ...{ us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 },
};

/**
 * From `timedatectl timesync-status`: the line "Offset: +1min 2.5s", of the newest answer of the server; null where
 * there was none. Source: timedatectl(1).
 */
export function timesyncOffset(answer: string | null): number | null {
  const [, sign, spans = ""] = /^\s*Offset: ([+-]?)(.+)$/m.exec(answer ?? "") ?? [];
  let ms: number | null = null;
  for (const [, amount, unit = ""] of spans.matchAll(/([\d.]+)([a-z]+)/g)) {
    const inMs = UNIT_MS[unit];
    if (inMs === undefined) return null;
    ms = (ms ?? 0) + Number(amount) * inMs;
  }
  return ms === null || !Number.isFinite(ms) ? null : aheadMs(sign === "-" ? -ms : ms);
}

/** To the microsecond, and no -0. */
function aheadMs(behindMs: number): number {
  return Math.round(-behindMs * 1000) / 1000 || 0;
}
