// What `npm start -- ...` may be told. Everything wrong is told at once.

import { existsSync, statSync } from "node:fs";
import { VALIDATORS_MAX } from "../core/ledger/rules.ts";

export const HOMES_MAX = 50;
const SPEED_MAX = 3600;
const HOURS_MAX = 24 * 366;
const SEED_MAX = 0xffff_ffff;

/** As the command line gives them; undefined is "not said". */
export type RawOptions = {
  readonly hours?: string;
  readonly speed?: string;
  readonly pv?: string;
  readonly load?: string;
  readonly homes?: string;
  readonly validators?: string;
  readonly data?: string;
  readonly scenario?: string;
  readonly manual?: boolean;
  readonly portBase?: string;
  readonly pagePort?: string;
  readonly page?: boolean;
  readonly past?: string;
  readonly seed?: string;
  readonly json?: boolean;
};

export type LabOptions = {
  /** Listings to see through; null: until stopped. */
  readonly hours: number | null;
  readonly speed: number;
  readonly pv: string | null;
  readonly load: string | null;
  readonly homes: number;
  readonly validators: number;
  /** null: a temporary folder, removed at the end. */
  readonly data: string | null;
  readonly scenario: "paper" | null;
  /** People do everything by REST, as in the paper's laboratory. */
  readonly manual: boolean;
  /** The first home's REST port, the others' follow; null: no REST. */
  readonly portBase: number | null;
  /** The page's port; 8080 may be taken, then it is another. null: no page, and no broker. */
  readonly pagePort: number | null;
  /** Hours of trading that are on the ledger when a new laboratory begins; 0: none. */
  readonly past: number;
  readonly seed: number;
  readonly json: boolean;
  /** Options that were said: on resuming they must be those of the folder. */
  readonly said: ReadonlySet<keyof RawOptions>;
};

export type OptionsResult =
  | { readonly ok: true; readonly value: LabOptions }
  | { readonly ok: false; readonly problems: readonly string[] };

const DEFAULT_HOMES = 5;
const DEFAULT_VALIDATORS = 4;
const DEFAULT_SPEED = 60;
/** Composer's port. */
const DEFAULT_PORT_BASE = 3000;
/** The page's, if it is free. */
export const DEFAULT_PAGE_PORT = 8080;
const PORT_MAX = 65_535;
/** Hours, up to so many homes: a day and the one before it, and where many homes start, what is quick enough. */
const DEFAULT_PASTS = [
  [10, 48],
  [20, 24],
  [HOMES_MAX, 12],
] as const;
const PAST_MAX = 24 * 5;

export function readOptions(raw: RawOptions, exists = existsSync): OptionsResult {
  const problems: string[] = [];
  const whole = (name: keyof RawOptions, max: number, otherwise: number): number => {
    const text = raw[name];
    if (text === undefined) return otherwise;
    const value = /^\d{1,10}$/.test(String(text)) ? Number(text) : Number.NaN;
    const min = name === "seed" || name === "past" ? 0 : 1;
    if (value >= min && value <= max) return value;
    problems.push(`--${spelled(name)} ${text}: a whole number from ${min} to ${max}`);
    return otherwise;
  };
  const file = (name: "pv" | "load"): string | null => {
    const path = raw[name] ?? null;
    if (path !== null && !exists(path)) problems.push(`--${name} ${path}: no such file`);
    return path;
  };
  if (raw.data !== undefined && statSync(raw.data, { throwIfNoEntry: false })?.isFile() === true) {
    problems.push(`--data ${raw.data}: a file, not a folder`);
  }
  const paper = raw.scenario === "paper";
  const manual = raw.manual === true;
  if (raw.scenario !== undefined && !paper) problems.push(`--scenario ${raw.scenario}: paper`);
  const homes = whole("homes", HOMES_MAX, DEFAULT_HOMES);
  // Who wants so many hours' result, or a scenario's, looks at the result.
  const isWatched = raw.hours === undefined && raw.scenario === undefined && raw.json !== true;
  const pagePort = whole("pagePort", PORT_MAX, DEFAULT_PAGE_PORT);
  if (raw.page === false && raw.pagePort !== undefined)
    problems.push("--page-port: not with --no-page");
  if (paper && raw.pagePort !== undefined) problems.push("--page-port: not with --scenario paper");
  const validatorsMax = Math.min(homes, VALIDATORS_MAX);
  const hasPage = raw.page !== false && (isWatched || raw.pagePort !== undefined);
  const usual = DEFAULT_PASTS.find(([most]) => homes <= most)?.[1] ?? 0;
  const past = whole("past", PAST_MAX, hasPage && isWatched && !manual ? usual : 0);
  const value: LabOptions = {
    hours: raw.hours === undefined ? null : whole("hours", HOURS_MAX, 1),
    speed: whole("speed", SPEED_MAX, paper || manual ? 1 : DEFAULT_SPEED),
    pv: file("pv"),
    load: file("load"),
    homes,
    validators: whole("validators", validatorsMax, Math.min(DEFAULT_VALIDATORS, validatorsMax)),
    data: raw.data ?? null,
    scenario: paper ? "paper" : null,
    manual,
    portBase:
      raw.portBase === undefined && !manual
        ? null
        : whole("portBase", PORT_MAX - homes + 1, DEFAULT_PORT_BASE),
    pagePort: hasPage ? pagePort : null,
    past,
    seed: whole("seed", SEED_MAX, 1),
    json: raw.json === true,
    said: new Set(Object.keys(raw) as (keyof RawOptions)[]),
  };
  const alone = paper ? "--scenario paper" : manual ? "--manual" : null;
  const others = ["hours", "homes", "pv", "load", "data", "past"] as const;
  for (const name of manual ? [...others, "speed" as const, "scenario" as const] : others) {
    if (alone === null || raw[name] === undefined || (paper && name === "scenario")) continue;
    problems.push(`--${name}: not with ${alone}`);
  }
  if (paper && manual) problems.push("--manual: not with --scenario paper");
  return problems.length === 0 ? { ok: true, value } : { ok: false, problems };
}

/** As it is typed. */
function spelled(name: keyof RawOptions): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
