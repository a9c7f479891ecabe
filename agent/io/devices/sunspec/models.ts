// The models that we read, point by point. Source: github.com/sunspec/models, json/model_*.json.
// Every model begins with its id and L, the number of registers that follow these two.

import { POINT_LENGTHS, type PointType } from "./points.ts";

export type Point = {
  readonly name: string;
  readonly type: PointType;
  /** From the model's id, which is at 0. */
  readonly offset: number;
  readonly length: number;
  /** The point with its power of ten. */
  readonly scale: string | null;
};

export const MODEL_COMMON = 1;
/** In order of preference: whole numbers count energy exactly, floats to one part in 16 million. */
export const MODELS_INVERTER: readonly number[] = [101, 102, 103, 111, 112, 113, 701];
export const MODELS_METER: readonly number[] = [201, 202, 203, 204, 211, 212, 213, 214];

/** The model's points in order; null for a model that we do not read. */
export function modelPoints(modelId: number): readonly Point[] | null {
  return MODELS.get(modelId) ?? null;
}

type Row = Omit<Point, "offset">;

function rows(type: Exclude<PointType, "string">, names: readonly string[], scale?: string): Row[] {
  const length = POINT_LENGTHS[type];
  return names.map((name) => ({ name, type, length, scale: scale ?? null }));
}

/** Points that share a scale factor, followed by it. */
function scaled(
  type: Exclude<PointType, "string">,
  names: readonly string[],
  scale: string,
): Row[] {
  return [...rows(type, names, scale), ...rows("sunssf", [scale])];
}

function text(name: string, length: number): Row {
  return { name, type: "string", length, scale: null };
}

function layOut(body: readonly Row[]): readonly Point[] {
  let offset = 0;
  return [...rows("uint16", ["ID", "L"]), ...body].map((row) => {
    const point = { ...row, offset };
    offset += row.length;
    return point;
  });
}

/** "", PhA, PhB, PhC, as most groups of a meter repeat. */
function phases(name: string, letter: "Ph" | "ph"): string[] {
  return [name, `${name}${letter}A`, `${name}${letter}B`, `${name}${letter}C`];
}

const common = layOut([
  text("Mn", 16),
  text("Md", 16),
  text("Opt", 8),
  text("Vr", 8),
  text("SN", 16),
  ...rows("uint16", ["DA"]),
]);

const lineVoltages = ["PPVphAB", "PPVphBC", "PPVphCA"];
const phaseVoltages = ["PhVphA", "PhVphB", "PhVphC"];
const temperatures = ["TmpCab", "TmpSnk", "TmpTrns", "TmpOt"];
const inverterEvents = ["Evt1", "Evt2", "EvtVnd1", "EvtVnd2", "EvtVnd3", "EvtVnd4"];

const inverterWhole = layOut([
  ...scaled("uint16", phases("A", "ph"), "A_SF"),
  ...scaled("uint16", [...lineVoltages, ...phaseVoltages], "V_SF"),
  ...scaled("int16", ["W"], "W_SF"),
  ...scaled("uint16", ["Hz"], "Hz_SF"),
  ...scaled("int16", ["VA"], "VA_SF"),
  ...scaled("int16", ["VAr"], "VAr_SF"),
  ...scaled("int16", ["PF"], "PF_SF"),
  ...scaled("acc32", ["WH"], "WH_SF"),
  ...scaled("uint16", ["DCA"], "DCA_SF"),
  ...scaled("uint16", ["DCV"], "DCV_SF"),
  ...scaled("int16", ["DCW"], "DCW_SF"),
  ...scaled("int16", temperatures, "Tmp_SF"),
  ...rows("enum16", ["St", "StVnd"]),
  ...rows("bitfield32", inverterEvents),
]);

const inverterFloat = layOut([
  ...rows("float32", [...phases("A", "ph"), ...lineVoltages, ...phaseVoltages]),
  ...rows("float32", ["W", "Hz", "VA", "VAr", "PF", "WH", "DCA", "DCV", "DCW", ...temperatures]),
  ...rows("enum16", ["St", "StVnd"]),
  ...rows("bitfield32", inverterEvents),
]);

const quadrants = ["TotVArhImpQ1", "TotVArhImpQ2", "TotVArhExpQ3", "TotVArhExpQ4"];

/** Models 202 to 204 name the line voltages otherwise than 201. */
function meterWhole(line: "PPV" | "PhV"): readonly Point[] {
  const lines = ["PPV", `${line}phAB`, `${line}phBC`, `${line}phCA`];
  const energy = (name: string): string[] =>
    [`${name}Exp`, `${name}Imp`].flatMap((each) => phases(each, "Ph"));
  return layOut([
    ...scaled("int16", phases("A", "ph"), "A_SF"),
    ...scaled("int16", [...phases("PhV", "ph"), ...lines], "V_SF"),
    ...scaled("int16", ["Hz"], "Hz_SF"),
    ...scaled("int16", phases("W", "ph"), "W_SF"),
    ...scaled("int16", phases("VA", "ph"), "VA_SF"),
    ...scaled("int16", phases("VAR", "ph"), "VAR_SF"),
    ...scaled("int16", phases("PF", "ph"), "PF_SF"),
    ...scaled("acc32", energy("TotWh"), "TotWh_SF"),
    ...scaled("acc32", energy("TotVAh"), "TotVAh_SF"),
    ...scaled(
      "acc32",
      quadrants.flatMap((each) => phases(each, "Ph")),
      "TotVArh_SF",
    ),
    ...rows("bitfield32", ["Evt"]),
  ]);
}

const meterFloat = layOut([
  ...rows("float32", [...phases("A", "ph"), ...phases("PhV", "ph"), "PPV", ...lineVoltages, "Hz"]),
  ...rows(
    "float32",
    ["W", "VA", "VAR", "PF"].flatMap((each) => phases(each, "ph")),
  ),
  ...rows(
    "float32",
    ["TotWhExp", "TotWhImp"].flatMap((each) => phases(each, "Ph")),
  ),
  ...rows(
    "float32",
    ["TotVAhExp", "TotVAhImp"].flatMap((each) => phases(each, "Ph")),
  ),
  ...rows(
    "float32",
    quadrants.flatMap((each) => phases(each, "ph")),
  ),
  ...rows("bitfield32", ["Evt"]),
]);

/** One of the three phases of model 701: `phase` L1, `line` to the next. */
function derPhase(phase: string, line: string): Row[] {
  return [
    ...rows("int16", [`W${phase}`], "W_SF"),
    ...rows("int16", [`VA${phase}`], "VA_SF"),
    ...rows("int16", [`Var${phase}`], "Var_SF"),
    ...rows("int16", [`PF${phase}`], "PF_SF"),
    ...rows("int16", [`A${phase}`], "A_SF"),
    ...rows("uint16", [`V${line}`, `V${phase}`], "V_SF"),
    ...rows("uint64", [`TotWhInj${phase}`, `TotWhAbs${phase}`], "TotWh_SF"),
    ...rows("uint64", [`TotVarhInj${phase}`, `TotVarhAbs${phase}`], "TotVarh_SF"),
  ];
}

/** Model 701 up to its scale factors; the 32 registers of alarm text behind them are left out. */
const derMeasurement = layOut([
  ...rows("enum16", ["ACType", "St", "InvSt", "ConnSt"]),
  ...rows("bitfield32", ["Alrm", "DERMode"]),
  ...rows("int16", ["W"], "W_SF"),
  ...rows("int16", ["VA"], "VA_SF"),
  ...rows("int16", ["Var"], "Var_SF"),
  ...rows("int16", ["PF"], "PF_SF"),
  ...rows("int16", ["A"], "A_SF"),
  ...rows("uint16", ["LLV", "LNV"], "V_SF"),
  ...rows("uint32", ["Hz"], "Hz_SF"),
  ...rows("uint64", ["TotWhInj", "TotWhAbs"], "TotWh_SF"),
  ...rows("uint64", ["TotVarhInj", "TotVarhAbs"], "TotVarh_SF"),
  ...rows("int16", ["TmpAmb", "TmpCab", "TmpSnk", "TmpTrns", "TmpSw", "TmpOt"], "Tmp_SF"),
  ...derPhase("L1", "L1L2"),
  ...derPhase("L2", "L2L3"),
  ...derPhase("L3", "L3L1"),
  ...rows("uint16", ["ThrotPct"]),
  ...rows("bitfield32", ["ThrotSrc"]),
  ...rows("sunssf", ["A_SF", "V_SF", "Hz_SF", "W_SF", "PF_SF", "VA_SF", "Var_SF"]),
  ...rows("sunssf", ["TotWh_SF", "TotVarh_SF", "Tmp_SF"]),
]);

const MODELS: ReadonlyMap<number, readonly Point[]> = new Map([
  [MODEL_COMMON, common],
  [101, inverterWhole],
  [102, inverterWhole],
  [103, inverterWhole],
  [111, inverterFloat],
  [112, inverterFloat],
  [113, inverterFloat],
  [201, meterWhole("PPV")],
  [202, meterWhole("PhV")],
  [203, meterWhole("PhV")],
  [204, meterWhole("PhV")],
  [211, meterFloat],
  [212, meterFloat],
  [213, meterFloat],
  [214, meterFloat],
  [701, derMeasurement],
]);
