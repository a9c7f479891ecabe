// What simulated homes tell of the time before the market's clock began.

import { expect, test } from "vitest";
import { parseConfig } from "../../../firmware-sim/config.ts";
import { PAST_HOURS_MAX, pastStates } from "../../../firmware-sim/past.ts";
import { ORIGIN_MS } from "../../../firmware-sim/world/registers.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const stateAt = (at: number) => ({
  ...{ production: 1, load: 2, grid: 1, produced: at, imported: 4, exported: 5 },
});

test("full hours, and then full minutes up to the end", () => {
  const at = ORIGIN_MS + 10 * HOUR;
  const from = at - 30 * MINUTE;
  const range = { from, fineFrom: at + HOUR + 1, to: at + HOUR + 2 * MINUTE + 1 };
  expect(pastStates(stateAt, range)).toEqual(
    [at, at + HOUR, at + HOUR + MINUTE, at + HOUR + 2 * MINUTE].map((time) => [
      ...[time, 1, 2, time, 4, 5],
    ]),
  );
});

test("nothing from before the world began", () => {
  const range = { from: 0, fineFrom: 0, to: ORIGIN_MS + MINUTE };
  expect(pastStates(stateAt, range).map(([at]) => at)).toEqual([ORIGIN_MS, ORIGIN_MS + MINUTE]);
});

test("no more of it is told than fits", () => {
  const config = (past: object) => () =>
    parseConfig({
      clock: { realStart: 0, marketStart: ORIGIN_MS + 48 * HOUR, speed: 1 },
      ...{ seed: 1, timeZone: "UTC", pv: null, load: null, past },
      homes: [{ id: "a", pvCapacityW: 0, inverter: null, meter: "fronius" }],
    });
  const to = PAST_HOURS_MAX * HOUR;
  expect(config({ from: 0, fineFrom: to, to })().past?.to).toBe(to);
  expect(config({ from: 0, fineFrom: to, to: to + 1 })).toThrow("longer than is told");
  expect(config({ from: 0, fineFrom: 0, to })).toThrow("more minutes");
});
