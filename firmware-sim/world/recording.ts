// A recording: a CSV of `timestamp,power_w`, each row the mean power of the interval that STARTS at its
// time, UTC; an empty power is unknown. Any interval length; it is inferred.

import { DAY_MINUTES, DAY_MS, dayOf, MINUTE_MS } from "./calendar.ts";

export type Recording = {
  readonly name: string;
  readonly startMs: number;
  readonly intervalMs: number;
  /** W, one per interval from startMs on; null: unknown. */
  readonly watts: readonly (number | null)[];
};

/** What is wrong, in which file and line. The user must mend the file. */
export class RecordingError extends Error {
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, sentence: string) {
    super(`${file}, line ${line}: ${sentence}`);
    this.name = "RecordingError";
    this.file = file;
    this.line = line;
  }
}

/** 5 years of minutes. */
const ROWS_MAX = 2_700_000;
const INTERVALS_MAX = 20_000_000;
const TIME_NAMES = ["timestamp", "time", "datetime", "date", "utc"];
const POWER_NAMES = ["power_w", "power", "watts", "watt", "w", "value"];
const UNKNOWN = ["", "nan", "null", "none", "na", "n/a", "-"];

type Row = { readonly timeMs: number; readonly watts: number | null; readonly line: number };

/** Reads a recording. Throws RecordingError with the line at fault. */
export function parseRecording(text: string, name: string): Recording {
  const rows = parseRows(text.replace(/^\uFEFF/, ""), name);
  const [first, second] = rows;
  if (first === undefined || second === undefined) {
    throw new RecordingError(name, 1, "needs at least two rows of timestamp,power_w");
  }
  let intervalMs = Number.POSITIVE_INFINITY;
  rows.forEach((row, index) => {
    const previous = rows[index - 1];
    if (previous === undefined) return;
    const step = row.timeMs - previous.timeMs;
    if (step <= 0) throw new RecordingError(name, row.line, "its time is not after the row before");
    intervalMs = Math.min(intervalMs, step);
  });
  const last = rows.at(-1) ?? second;
  const count = Math.floor((last.timeMs - first.timeMs) / intervalMs) + 1;
  if (count > INTERVALS_MAX) {
    throw new RecordingError(name, last.line, `more than ${INTERVALS_MAX} intervals`);
  }
  const watts = new Array<number | null>(count).fill(null);
  for (const row of rows) {
    const place = (row.timeMs - first.timeMs) / intervalMs;
    if (!Number.isInteger(place)) {
      const minutes = intervalMs / MINUTE_MS;
      throw new RecordingError(name, row.line, `its time is not on the grid of ${minutes} min`);
    }
    watts[place] = row.watts;
  }
  if (watts.every((value) => value === null)) {
    throw new RecordingError(name, first.line, "no power is known in the whole file");
  }
  return { name, startMs: first.timeMs, intervalMs, watts };
}

/**
 * Watts for each minute of a UTC day.
 * A day outside the recording's span is played from the same date in it, or from the nearest date
 * that it has; an unknown interval from the same time of the nearest day that knows it. So PV and
 * load both keep the shape of a day, and a gap is never taken for a night or an empty house.
 */
export function recordedDay(recording: Recording, day: number): Float64Array {
  const known = knownAt(recording);
  const reference = referenceDay(recording, day);
  const { first, last } = span(recording);
  const watts = new Float64Array(DAY_MINUTES);
  let interval = Number.NaN;
  for (let minute = 0; minute < DAY_MINUTES; minute += 1) {
    const fromMs = day * DAY_MS + minute * MINUTE_MS - recording.startMs;
    const previous = interval;
    interval = Math.floor(fromMs / recording.intervalMs);
    if (interval === previous) {
      watts[minute] = watts[minute - 1] ?? 0;
      continue;
    }
    for (let distance = 0; distance <= last - first; distance += 1) {
      const value = known(reference - distance, minute) ?? known(reference + distance, minute);
      if (value === null) continue;
      watts[minute] = value;
      break;
    }
  }
  return watts;
}

/** The largest mean of 5 minutes (or of one interval, where that is longer), W. */
export function largestMean(recording: Recording): number {
  const perWindow = Math.max(1, Math.round((5 * MINUTE_MS) / recording.intervalMs));
  let largest = 0;
  for (let at = 0; at < recording.watts.length; at += perWindow) {
    const window = recording.watts.slice(at, at + perWindow).filter((value) => value !== null);
    const sum = window.reduce((total, value) => total + value, 0);
    if (window.length > 0) largest = Math.max(largest, sum / window.length);
  }
  return largest;
}

/** First and last UTC day with a row. */
export function span(recording: Recording): { readonly first: number; readonly last: number } {
  const endMs = recording.startMs + recording.watts.length * recording.intervalMs;
  return { first: dayOf(recording.startMs), last: dayOf(endMs - 1) };
}

/** The day itself, or the one whose date is nearest in any year of the recording; the later of two. */
function referenceDay(recording: Recording, day: number): number {
  const { first, last } = span(recording);
  if (day >= first && day <= last) return day;
  const date = new Date(day * DAY_MS);
  const firstYear = new Date(first * DAY_MS).getUTCFullYear() - 1;
  const lastYear = new Date(last * DAY_MS).getUTCFullYear() + 1;
  let best = last;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (let year = lastYear; year >= firstYear; year -= 1) {
    const same = dayOf(Date.UTC(year, date.getUTCMonth(), date.getUTCDate()));
    const within = Math.min(last, Math.max(first, same));
    if (Math.abs(within - same) >= bestDistance) continue;
    best = within;
    bestDistance = Math.abs(within - same);
  }
  return best;
}

/** The mean of a minute: of its intervals where they are shorter, of the one it lies in where longer. */
function knownAt(recording: Recording): (day: number, minute: number) => number | null {
  const { startMs, intervalMs, watts } = recording;
  return (day, minute) => {
    const from = day * DAY_MS + minute * MINUTE_MS - startMs;
    const first = Math.floor(from / intervalMs);
    const end = Math.max(first + 1, Math.ceil((from + MINUTE_MS) / intervalMs));
    if (intervalMs >= MINUTE_MS) return watts[first] ?? null;
    const values = watts.slice(Math.max(0, first), Math.max(0, end)).filter((v) => v !== null);
    if (values.length === 0) return null;
    return values.reduce((total, value) => total + value, 0) / values.length;
  };
}

function parseRows(text: string, name: string): readonly Row[] {
  const rows: Row[] = [];
  let columns: { readonly time: number; readonly power: number } | null = null;
  let line = 0;
  for (const content of text.split(/\r?\n/)) {
    line += 1;
    if (content.trim() === "" || content.startsWith("#")) continue;
    const cells = content.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    if (columns === null) {
      columns = findColumns(cells);
      if (columns === null) {
        throw new RecordingError(name, line, "expected a header with timestamp and power_w");
      }
      if (parseTime(cells[columns.time] ?? "") === null) continue;
    }
    if (rows.length === ROWS_MAX) throw new RecordingError(name, line, `over ${ROWS_MAX} rows`);
    rows.push(parseRow(cells, columns, { name, line }));
  }
  return rows;
}

/** By name in any order and case; a file that begins with a time has no header. */
function findColumns(cells: readonly string[]): { time: number; power: number } | null {
  const names = cells.map((cell) => cell.toLowerCase());
  const find = (wanted: readonly string[]): number =>
    wanted.map((each) => names.indexOf(each)).find((at) => at !== -1) ?? -1;
  const time = find(TIME_NAMES);
  const power = find(POWER_NAMES);
  if (time !== -1 && power !== -1) return { time, power };
  return parseTime(cells[0] ?? "") !== null && cells.length > 1 ? { time: 0, power: 1 } : null;
}

function parseRow(
  cells: readonly string[],
  columns: { readonly time: number; readonly power: number },
  at: { readonly name: string; readonly line: number },
): Row {
  const time = cells[columns.time] ?? "";
  const timeMs = parseTime(time);
  if (timeMs === null) {
    const sentence = `not a UTC time: "${time.slice(0, 40)}"`;
    throw new RecordingError(at.name, at.line, sentence);
  }
  const power = cells[columns.power];
  if (power === undefined) throw new RecordingError(at.name, at.line, "has no power column");
  if (UNKNOWN.includes(power.toLowerCase())) return { timeMs, watts: null, line: at.line };
  const watts = Number(power);
  if (!Number.isFinite(watts)) {
    const sentence = `not a power in W: "${power.slice(0, 40)}"`;
    throw new RecordingError(at.name, at.line, sentence);
  }
  // A few watts below zero are an inverter's own consumption or a sensor's offset.
  return { timeMs, watts: Math.max(0, watts), line: at.line };
}

/** ISO 8601; without a zone it is UTC, as the format says. */
function parseTime(cell: string): number | null {
  const match =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|UTC|[+-]\d\d:?\d\d)?$/.exec(cell);
  if (match === null) return null;
  const [, date, time, zone = "Z"] = match;
  const timeMs = Date.parse(`${date}T${time}${zone === "UTC" ? "Z" : zone}`);
  return Number.isFinite(timeMs) ? timeMs : null;
}
