// What a Fronius Datamanager answers, written from the Solar API V1 manual. Keys of the night are left out, as it does.

import { faultyCounter } from "../faults.ts";
import type { SimulatedHome } from "../home.ts";
import { DAY_MS, offsetMinutes } from "../world/calendar.ts";
import type { HomeState } from "../world/registers.ts";

type Json = { readonly [key: string]: unknown };

/** The Body.Data of an answer, or the status in place of it. */
export type Answer = { readonly data: Json } | { readonly status: number };

export const NOT_AVAILABLE: Answer = { status: 12 };
const ARGUMENT_ERROR: Answer = { status: 6 };

const REASONS: ReadonlyMap<number, string> = new Map([
  [6, "Invalid argument."],
  [8, "Transfer timeout."],
  [12, "Device not available."],
]);

const INVERTER_ID = "1";
const METER_ID = "0";
const SENSOR_ID = "1";
const VOLTS = 240;
const HERTZ = 60;

/** Each by the name of its call; `query` as sent. */
export const CALLS: ReadonlyMap<string, (home: SimulatedHome, query: URLSearchParams) => Answer> =
  new Map([
    ["GetInverterRealtimeData.cgi", inverterData],
    ["GetMeterRealtimeData.cgi", meterData],
    ["GetSensorRealtimeData.cgi", sensorData],
    ["GetPowerFlowRealtimeData.fcgi", powerFlow],
    ["GetInverterInfo.cgi", inverterInfo],
    ["GetActiveDeviceInfo.cgi", activeDevices],
  ]);

/** The whole answer. */
export function envelope(home: SimulatedHome, query: URLSearchParams, answer: Answer): Json {
  const status = "status" in answer ? answer.status : 0;
  return {
    Head: {
      RequestArguments: Object.fromEntries(query),
      Status: { Code: status, Reason: REASONS.get(status) ?? "", UserMessage: "" },
      Timestamp: localTime(home.now(), home.timeZone),
    },
    Body: { Data: "status" in answer ? {} : answer.data },
  };
}

function inverterData(home: SimulatedHome, query: URLSearchParams): Answer {
  if (home.config.inverter !== "fronius") return NOT_AVAILABLE;
  const scope = query.get("Scope");
  if (scope === "System") return { data: systemData(home) };
  if (scope !== "Device") return ARGUMENT_ERROR;
  if (query.get("DeviceId") !== INVERTER_ID) return NOT_AVAILABLE;
  if (query.get("DataCollection") !== "CommonInverterData") return ARGUMENT_ERROR;
  return { data: commonData(home) };
}

function commonData(home: SimulatedHome): Json {
  const state = home.stateAt(home.now());
  const fault = home.fault();
  const energies = counters(home, state);
  if (fault === "allZero") {
    const point = (unit: string): Json => ({ Unit: unit, Value: 0 });
    const measured = { FAC: point("Hz"), IAC: point("A"), PAC: point("W"), UAC: point("V") };
    return { ...energies, ...measured, DeviceStatus: deviceStatus(10, 0) };
  }
  if (fault === "night" || state.production === 0) {
    return { ...energies, DeviceStatus: deviceStatus(3, 523) };
  }
  const watts = state.production;
  return {
    ...energies,
    DeviceStatus: deviceStatus(7, 0),
    FAC: { Unit: "Hz", Value: HERTZ },
    IAC: { Unit: "A", Value: Math.round((100 * watts) / VOLTS) / 100 },
    IDC: { Unit: "A", Value: Math.round((100 * watts) / 392 / 0.96) / 100 },
    PAC: { Unit: "W", Value: watts },
    UAC: { Unit: "V", Value: VOLTS },
    UDC: { Unit: "V", Value: 392 },
  };
}

function counters(home: SimulatedHome, state: HomeState): Json {
  const now = home.now();
  const midnight = localMidnight(now, home.timeZone, "day");
  const newYear = localMidnight(now, home.timeZone, "year");
  const zero = home.fault() === "allZero";
  const since = (from: number): number => (zero ? 0 : state.produced - home.stateAt(from).produced);
  return {
    DAY_ENERGY: { Unit: "Wh", Value: since(midnight) },
    TOTAL_ENERGY: { Unit: "Wh", Value: faultyCounter(home.fault(), state.produced) },
    YEAR_ENERGY: { Unit: "Wh", Value: since(newYear) },
  };
}

function deviceStatus(code: number, error: number): Json {
  return {
    ErrorCode: error,
    LEDColor: code === 7 ? 2 : 1,
    LEDState: 0,
    MgmtTimerRemainingTime: -1,
    StateToReset: false,
    StatusCode: code,
  };
}

function systemData(home: SimulatedHome): Json {
  const state = home.stateAt(home.now());
  const energies = Object.entries(counters(home, state)).map(([key, point]) => {
    const { Unit, Value } = point as { Unit: string; Value: number };
    return [key, { Unit, Values: { [INVERTER_ID]: Value } }];
  });
  const isDark = home.fault() === "night" || home.fault() === "allZero";
  const watts = isDark ? 0 : state.production;
  return {
    PAC: { Unit: "W", Values: { [INVERTER_ID]: watts } },
    ...Object.fromEntries(energies),
  };
}

function meterData(home: SimulatedHome, query: URLSearchParams): Answer {
  if (home.config.meter !== "fronius") return NOT_AVAILABLE;
  const scope = query.get("Scope");
  if (scope === "System") return { data: { [METER_ID]: meter(home) } };
  if (scope !== "Device") return ARGUMENT_ERROR;
  return query.get("DeviceId") === METER_ID ? { data: meter(home) } : NOT_AVAILABLE;
}

function meter(home: SimulatedHome): Json {
  const state = home.stateAt(home.now());
  const fault = home.fault();
  const zero = fault === "allZero";
  const imported = faultyCounter(fault, state.imported);
  const exported = faultyCounter(fault, state.exported);
  return {
    Details: {
      Manufacturer: "Fronius",
      Model: "Smart Meter TS 65A-3",
      Serial: String(18_400_000 + home.index),
    },
    Enable: 1,
    EnergyReal_WAC_Minus_Absolute: exported,
    EnergyReal_WAC_Plus_Absolute: imported,
    EnergyReal_WAC_Sum_Consumed: imported,
    EnergyReal_WAC_Sum_Produced: exported,
    Frequency_Phase_Average: zero ? 0 : HERTZ,
    Meter_Location_Current: 0,
    PowerReal_P_Sum: zero ? 0 : state.grid,
    TimeStamp: Math.floor(home.now() / 1000),
    Visible: 1,
    Voltage_AC_Phase_1: zero ? 0 : VOLTS,
  };
}

/** The card of the paper's Fig. 5. */
function sensorData(home: SimulatedHome, query: URLSearchParams): Answer {
  const { inverter, pvCapacityW } = home.config;
  if (inverter !== "fronius" || query.get("DeviceId") !== SENSOR_ID) return NOT_AVAILABLE;
  const { production } = home.stateAt(home.now());
  const sun = pvCapacityW === 0 ? 0 : Math.round((1000 * production) / pvCapacityW);
  return {
    data: {
      "0": { Unit: "°F", Value: 47 + Math.round(sun / 80) },
      "1": { Unit: "°F", Value: 47 },
      "2": { Unit: "W/m²", Value: sun },
      "4": { Unit: "m/s", Value: 1 },
    },
  };
}

function powerFlow(home: SimulatedHome): Answer {
  const state = home.stateAt(home.now());
  const hasInverter = home.config.inverter === "fronius";
  const hasMeter = home.config.meter === "fronius";
  const watts = hasInverter && state.production > 0 ? state.production : null;
  return {
    data: {
      Inverters: hasInverter ? { [INVERTER_ID]: { DT: 102, P: watts } } : {},
      Site: {
        E_Total: hasInverter ? faultyCounter(home.fault(), state.produced) : null,
        Meter_Location: hasMeter ? "grid" : "unknown",
        Mode: hasMeter ? "meter" : "produce-only",
        P_Akku: null,
        P_Grid: hasMeter ? state.grid : null,
        P_Load: hasMeter ? -state.load : null,
        P_PV: watts,
      },
      Version: "12",
    },
  };
}

function inverterInfo(home: SimulatedHome): Answer {
  if (home.config.inverter !== "fronius") return { data: {} };
  const name = [...home.config.id].map((letter) => `&#${letter.codePointAt(0)};`).join("");
  const info = {
    CustomName: name,
    DT: 102,
    ErrorCode: 0,
    PVPower: home.config.pvCapacityW,
    Show: 1,
    StatusCode: home.stateAt(home.now()).production > 0 ? 7 : 3,
    UniqueID: String(30_400_000 + home.index),
  };
  return { data: { [INVERTER_ID]: info } };
}

function activeDevices(home: SimulatedHome, query: URLSearchParams): Answer {
  const serial = (number: number): Json => ({ DT: 102, Serial: String(number + home.index) });
  const devices: { readonly [deviceClass: string]: Json } = {
    Inverter: home.config.inverter === "fronius" ? { [INVERTER_ID]: serial(30_400_000) } : {},
    Meter: home.config.meter === "fronius" ? { [METER_ID]: serial(18_400_000) } : {},
    SensorCard: home.config.inverter === "fronius" ? { [SENSOR_ID]: { DT: 254 } } : {},
    Storage: {},
  };
  const deviceClass = query.get("DeviceClass") ?? "System";
  if (deviceClass === "System") return { data: devices };
  const data = devices[deviceClass];
  return data === undefined ? ARGUMENT_ERROR : { data };
}

/** RFC 3339 in local time, with its offset. */
function localTime(timeMs: number, timeZone: string): string {
  const offset = offsetMinutes(timeZone, timeMs);
  const local = new Date(timeMs + offset * 60_000).toISOString().slice(0, 19);
  const two = (n: number): string => String(n).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** The local day or year began then; never before there were counters. */
function localMidnight(timeMs: number, timeZone: string, of: "day" | "year"): number {
  const offset = offsetMinutes(timeZone, timeMs) * 60_000;
  const local = timeMs + offset;
  const day = Math.floor(local / DAY_MS) * DAY_MS;
  const start = of === "day" ? day : Date.UTC(new Date(local).getUTCFullYear(), 0, 1);
  return Math.max(start - offset, Date.UTC(2015, 0, 1));
}
