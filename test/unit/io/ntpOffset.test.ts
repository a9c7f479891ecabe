// By how much the clock is ahead, from what chrony and timesyncd print.

import { expect, test } from "vitest";
import { chronyOffset, timesyncOffset } from "../../../agent/io/ntpOffset.ts";

const chrony = (seconds: string, leap = "Normal") =>
  `C0A80101,192.168.1.1,3,1784731200.123456789,${seconds},-0.000003372,0.000002759,1.274,-0.005,0.161,0.01,0.0002,64.2,${leap}`;

test("chrony says by how much it is slow, seconds", () => {
  expect(chronyOffset(chrony("0.002500000"))).toBe(-2.5);
  expect(chronyOffset(chrony("-1.250000000"))).toBe(1250);
  expect(chronyOffset(chrony("-0.000012345"))).toBe(0.012);
  expect(Object.is(chronyOffset(chrony("0.000000000")), 0)).toBe(true);
});

test("chrony without a source, and another program's words, say nothing", () => {
  expect(chronyOffset(chrony("0.000000000", "Not synchronised"))).toBeNull();
  expect(chronyOffset(chrony("soon"))).toBeNull();
  expect(chronyOffset("506 Cannot talk to daemon")).toBeNull();
  expect(chronyOffset(null)).toBeNull();
});

const timesync = (offset: string) => `       Server: 192.168.1.1 (pool.example)
Poll interval: 34min 8s (min: 32s; max 34min 8s)
         Leap: normal
      Version: 4
       Offset: ${offset}
        Delay: 12.345ms
 Packet count: 7`;

test("timesyncd says how far to go forward, in people's units", () => {
  expect(timesyncOffset(timesync("+1.055ms"))).toBe(-1.055);
  expect(timesyncOffset(timesync("-322us"))).toBe(0.322);
  expect(timesyncOffset(timesync("-1min 2.5s"))).toBe(62_500);
  expect(timesyncOffset(timesync("+2h 3min"))).toBe(-7_380_000);
});

test("timesyncd without an answer, and units that nobody knows, say nothing", () => {
  expect(timesyncOffset(timesync("n/a"))).toBeNull();
  expect(timesyncOffset(timesync("+1fortnight"))).toBeNull();
  expect(timesyncOffset("Packet count: 0")).toBeNull();
  expect(timesyncOffset(null)).toBeNull();
});
