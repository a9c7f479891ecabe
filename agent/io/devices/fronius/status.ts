// The numbers of the Solar API in words. Source: Fronius Solar API V1 (42,0410,2012), Head.Status and DeviceStatus.

import type { DeviceReading } from "../../../ports.ts";
import { asWholeNumber } from "./wire.ts";

/** Head.Status.Code. The HTTP status is 200 for all of them. */
export const STATUS_NAMES: ReadonlyMap<number, string> = new Map([
  [0, "OK"],
  [1, "NotImplemented"],
  [2, "Uninitialized"],
  [3, "Initialized"],
  [4, "Running"],
  [5, "Timeout"],
  [6, "ArgumentError"],
  [7, "LNRequestError"],
  [8, "LNRequestTimeout"],
  [9, "LNParseError"],
  [10, "ConfigIOError"],
  [11, "NotSupported"],
  [12, "DeviceNotAvailable"],
  [255, "Unknown"],
]);

export const STATUS_OK = 0;
/** The datalogger knows no such request; the same question in another scope may do. */
export const STATUS_NOT_IMPLEMENTED = 1;
/** The inverter did not answer its datalogger; happens to one request in a hundred and passes. */
export const STATUS_REQUEST_TIMEOUT = 8;
export const STATUS_NOT_SUPPORTED = 11;

/** What a person can do about a status, where anything. */
export const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [12, "check deviceId: the device's number as shown on its display or web page"],
  [11, "this device cannot answer that; on a GEN24 read it by driver: sunspec instead"],
]);

type InverterState = Extract<DeviceReading, { kind: "inverter" }>["state"];

/** DeviceStatus.StatusCode where it alone decides; 0 to 6 are start-up, 11 and above GEN24 only. */
const STATES: ReadonlyMap<number, InverterState> = new Map([
  [7, "producing"],
  [8, "asleep"],
  [9, "starting"],
  [10, "fault"],
  [11, "asleep"],
  [12, "starting"],
  [13, "asleep"],
]);

const START_UP_MAX = 6;
export const STATUS_CODE_ERROR = 10;

/** Some firmware sends the name in place of the number. */
const CODES: ReadonlyMap<string, number> = new Map([
  ["startup", 0],
  ["running", 7],
  ["standby", 8],
  ["bootloading", 9],
  ["error", STATUS_CODE_ERROR],
  ["fault", STATUS_CODE_ERROR],
  ["idle", 11],
  ["ready", 12],
  ["sleeping", 13],
]);

/** DeviceStatus.StatusCode as a number; null if it is missing or INVALID. */
export function statusCode(value: unknown): number | null {
  if (typeof value === "string" && CODES.has(value.trim().toLowerCase())) {
    return CODES.get(value.trim().toLowerCase()) ?? null;
  }
  return asWholeNumber(value);
}

/**
 * What the inverter is doing. `statusCode` null: it did not say or said INVALID.
 * The same start-up codes are sent all night by an inverter that sleeps beside its datalogger; it
 * is then that the power is left out.
 */
export function inverterState(statusCode: number | null, hasPower: boolean): InverterState {
  if (statusCode === null) return "unknown";
  if (statusCode >= 0 && statusCode <= START_UP_MAX) return hasPower ? "starting" : "asleep";
  const state = STATES.get(statusCode) ?? "unknown";
  return state === "producing" && !hasPower ? "unknown" : state;
}
