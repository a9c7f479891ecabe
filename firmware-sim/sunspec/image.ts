// The holding registers of a simulated SunSpec unit: common model, inverter, meter, end. Written from the SunSpec
// Information Model Specification, register by register; unset points hold their "not implemented" value.

import { faultyCounter } from "../faults.ts";
import type { SimulatedHome } from "../home.ts";
import type { HomeState } from "../world/registers.ts";

/** Where the map begins. */
export const BASE = 40_000;

const NONE_INT = 0x8000;
const NONE_UINT = 0xffff;
const ST_SLEEPING = 2;
const ST_MPPT = 4;
const ST_FAULT = 7;
const VOLTS = 240;
const HERTZ = 60;
/** 10^-1 and 10^-2 as int16. */
const TENTHS = 0xffff;
const HUNDREDTHS = 0xfffe;

type Words = readonly number[];

/** All registers from BASE on, as they are now. */
export function registerImage(home: SimulatedHome): Words {
  const state = home.stateAt(home.now());
  const { inverter, meter, sunspecModels } = home.config;
  const isFloat = sunspecModels === "float";
  const image = [0x5375, 0x6e53, ...commonModel(home)];
  if (inverter === "sunspec") {
    image.push(...(isFloat ? inverterFloat(home, state) : inverterWhole(home, state)));
  }
  if (meter === "sunspec") {
    image.push(...(isFloat ? meterFloat(home, state) : meterWhole(home, state)));
  }
  return [...image, 0xffff, 0];
}

/** Model 1 with its pad: 66 registers. */
function commonModel(home: SimulatedHome): Words {
  return [
    1,
    66,
    ...text("Fronius", 16),
    ...text("Symo 8.2-3-M", 16),
    ...text("", 8),
    ...text("0.3.30.2", 8),
    ...text(String(30_400_000 + home.index), 16),
    1,
    NONE_INT,
  ];
}

/** Model 103: 50 registers. */
function inverterWhole(home: SimulatedHome, state: HomeState): Words {
  const { st, watts, isZero } = inverterState(home, state);
  const volts = isZero ? 0 : VOLTS * 10;
  const amps = watts === null ? NONE_UINT : Math.round((watts / VOLTS) * 100);
  return [
    103,
    50,
    // A, AphA-C, A_SF
    ...[amps, amps, NONE_UINT, NONE_UINT, isZero ? 0 : HUNDREDTHS],
    // PPVphAB-CA, PhVphA-C, V_SF
    ...[NONE_UINT, NONE_UINT, NONE_UINT, volts, NONE_UINT, NONE_UINT, isZero ? 0 : TENTHS],
    // W, Hz, each with its scale factor
    ...[watts === null ? NONE_INT : watts, 0, isZero ? 0 : HERTZ * 100, isZero ? 0 : HUNDREDTHS],
    // VA, VAr, PF
    ...[NONE_INT, NONE_INT, NONE_INT, NONE_INT, NONE_INT, NONE_INT],
    // WH, WH_SF
    ...long(faultyCounter(home.fault(), state.produced)),
    0,
    // DCA, DCV, DCW, TmpCab-Ot, Tmp_SF
    ...[NONE_UINT, NONE_INT, NONE_UINT, NONE_INT, NONE_INT, NONE_INT],
    ...[NONE_INT, NONE_INT, NONE_INT, NONE_INT, NONE_INT],
    // St, StVnd, Evt1-2, EvtVnd1-4
    ...[st, st, 0, 0, 0, 0],
    ...new Array<number>(8).fill(NONE_UINT),
  ];
}

/** Model 113: 60 registers. */
function inverterFloat(home: SimulatedHome, state: HomeState): Words {
  const { st, watts, isZero } = inverterState(home, state);
  const none = (count: number): Words => Array.from({ length: count }, () => float(null)).flat();
  return [
    113,
    60,
    // A and phases, PPVphAB-CA
    ...none(7),
    // PhVphA-C
    ...float(isZero ? 0 : VOLTS),
    ...none(2),
    ...float(watts),
    ...float(isZero ? 0 : HERTZ),
    // VA, VAr, PF
    ...none(3),
    ...float(faultyCounter(home.fault(), state.produced)),
    // DCA, DCV, DCW, temperatures
    ...none(7),
    ...[st, st, 0, 0, 0, 0],
    ...new Array<number>(8).fill(NONE_UINT),
  ];
}

/** Model 203: 105 registers. */
function meterWhole(home: SimulatedHome, state: HomeState): Words {
  const isZero = home.fault() === "allZero";
  const watts = isZero ? 0 : signed(state.grid);
  const volts = isZero ? 0 : VOLTS * 10;
  const exported = long(faultyCounter(home.fault(), state.exported));
  const imported = long(faultyCounter(home.fault(), state.imported));
  const none = (count: number): Words => new Array<number>(count).fill(NONE_INT);
  const phases = new Array<number>(6).fill(0);
  return [
    203,
    105,
    // A, AphA-C, A_SF
    ...none(5),
    // PhV, PhVphA-C, PPV, three line voltages, V_SF
    ...[volts, volts, NONE_INT, NONE_INT, NONE_INT, NONE_INT, NONE_INT, NONE_INT],
    isZero ? 0 : TENTHS,
    // Hz, Hz_SF; W, WphA-C, W_SF
    ...[isZero ? 0 : HERTZ * 100, isZero ? 0 : HUNDREDTHS],
    ...[watts, watts, NONE_INT, NONE_INT, 0],
    // VA, VAR, PF with phases and scale factors
    ...none(15),
    // TotWhExp, TotWhImp with phases, TotWh_SF
    ...[...exported, ...phases, ...imported, ...phases, 0],
    // TotVAh, TotVArh
    ...[...new Array<number>(16).fill(0), NONE_INT],
    ...[...new Array<number>(32).fill(0), NONE_INT],
    // Evt
    ...[0, 0],
  ];
}

/** Model 213: 124 registers, 126 with its header, one more than a request may ask for. */
function meterFloat(home: SimulatedHome, state: HomeState): Words {
  const isZero = home.fault() === "allZero";
  const none = (count: number): Words => Array.from({ length: count }, () => float(null)).flat();
  return [
    213,
    124,
    // A and phases
    ...none(4),
    // PhV and phases, PPV and line voltages
    ...float(isZero ? 0 : VOLTS),
    ...none(7),
    ...float(isZero ? 0 : HERTZ),
    ...float(isZero ? 0 : state.grid),
    // phases of W; VA, VAR, PF with phases
    ...none(15),
    ...float(faultyCounter(home.fault(), state.exported)),
    ...none(3),
    ...float(faultyCounter(home.fault(), state.imported)),
    ...none(3),
    // TotVAh, TotVArh with phases
    ...none(24),
    ...[0, 0],
  ];
}

/** watts null: not implemented, as at night. */
function inverterState(
  home: SimulatedHome,
  state: HomeState,
): { readonly st: number; readonly watts: number | null; readonly isZero: boolean } {
  const fault = home.fault();
  if (fault === "allZero") return { st: ST_FAULT, watts: 0, isZero: true };
  const isAsleep = fault === "night" || state.production === 0;
  return isAsleep
    ? { st: ST_SLEEPING, watts: null, isZero: false }
    : { st: ST_MPPT, watts: state.production, isZero: false };
}

/** An int16, at its ends where the value is beyond. */
function signed(value: number): number {
  return Math.max(-0x7fff, Math.min(0x7fff, value)) & 0xffff;
}

/** Two registers, the high word first; rolls over at 2^32. */
function long(value: number): Words {
  return [Math.floor(value / 0x10000) % 0x10000, value % 0x10000];
}

function float(value: number | null): Words {
  if (value === null) return [0x7fc0, 0];
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
}

/** ASCII, two letters a register, padded with NULs. */
function text(value: string, registers: number): Words {
  return Array.from({ length: registers }, (_, index) => {
    const letter = (at: number): number => (value.charCodeAt(at) || 0) & 0x7f;
    return letter(2 * index) * 0x100 + letter(2 * index + 1);
  });
}
