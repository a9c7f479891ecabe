// What can go wrong with a home's devices, switched at run time.

/**
 * offline      connections are cut
 * stall        connections are taken, requests never answered
 * night        the inverter sleeps: power left out (fronius), not implemented and St 2 (sunspec)
 * code8        Fronius: status 8, the inverter did not answer its datalogger; SunSpec: exception 0x0B
 * allZero      every value 0, state fault
 * counterDrop  counters 0, everything else as usual
 * counterJump  counters 2000 kWh too high
 * disabled404  the interface is switched off: HTTP 404 (fronius), connections refused (sunspec)
 */
export const FAULTS = [
  "none",
  "offline",
  "stall",
  "night",
  "code8",
  "allZero",
  "counterDrop",
  "counterJump",
  "disabled404",
] as const;

export type Fault = (typeof FAULTS)[number];

/** A counter as the fault shows it. */
export function faultyCounter(fault: Fault, wh: number): number {
  if (fault === "counterDrop" || fault === "allZero") return 0;
  return fault === "counterJump" ? wh + 2_000_000 : wh;
}
