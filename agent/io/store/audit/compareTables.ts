// Two tables, row by row and column by column: what stands in the file, and what the blocks say.

import type Database from "better-sqlite3";
import { firstDifference } from "../../../core/audit/bytes.ts";
import { sameBytes } from "../../../core/codec/bytes.ts";
import { bytesToHex } from "../../../core/codec/hex.ts";
import { type Finding, WrongPlace } from "./finding.ts";
import type { RawRow } from "./rawRow.ts";

/** They say the same packed in another way; whether they are right was checked when they were unpacked. */
const PACKED: ReadonlySet<string> = new Set(["block.packed", "block.certificate"]);

/** Longer values are not printed whole. */
const SHOWN_MAX = 80;

/** Numbers that stand for something, and where its name is. */
const NAMES: { readonly [column: string]: string } = {
  card_no: "SELECT member_id FROM card WHERE card_no = ?",
  pv_no: "SELECT pv_id FROM pv WHERE pv_no = ?",
  listing_no: "SELECT listing_id FROM listing WHERE listing_no = ?",
};

export type Databases = {
  readonly expected: Database.Database;
  readonly found: Database.Database;
};

/** Throws WrongPlace at the first row, by key, that is missing, too many, or different. */
export function compareTable(table: string, { expected, found }: Databases): void {
  const columns = expected
    .prepare<[string], { name: string; pk: bigint }>("SELECT name, pk FROM pragma_table_info(?)")
    .all(table);
  const key = columns
    .filter(({ pk }) => pk > 0n)
    .sort((a, b) => Number(a.pk - b.pk))
    .map(({ name }) => name);
  const names = columns.map(({ name }) => name).filter((name) => !PACKED.has(`${table}.${name}`));
  // Through the table itself: an index may be damaged.
  const sql = `SELECT ${names.join(", ")} FROM ${table} NOT INDEXED ORDER BY ${key.join(", ")}`;
  const wanted = expected.prepare<[], RawRow>(sql).iterate();
  const rows = found.prepare<[], RawRow>(sql).iterate();
  try {
    for (;;) {
      const want = nextRow(wanted);
      const have = nextRow(rows);
      if (want === null && have === null) return;
      const wrong = compareRows({ want, have }, { key, names });
      if (wrong === null) continue;
      const row = rowName(expected, { row: want ?? have ?? {}, key });
      throw new WrongPlace({ table, row, ...wrong });
    }
  } finally {
    wanted.return?.();
    rows.return?.();
  }
}

/** "listing_no 7 (21Mar18-15:00), card_no 2 (buyer1@vt.edu)" */
export function rowName(
  db: Database.Database,
  { row, key }: { readonly row: RawRow; readonly key: readonly string[] },
): string {
  const named = (column: string): string => {
    const sql = NAMES[column];
    const name = sql === undefined ? undefined : db.prepare(sql).pluck().get(row[column]);
    return `${column} ${shown(row[column])}${typeof name === "string" ? ` (${name})` : ""}`;
  };
  return key.map(named).join(", ");
}

function nextRow(rows: IterableIterator<RawRow>): RawRow | null {
  const next = rows.next();
  return next.done === true ? null : next.value;
}

type Pair = { readonly want: RawRow | null; readonly have: RawRow | null };
type Columns = { readonly key: readonly string[]; readonly names: readonly string[] };
type Difference = Pick<Finding, "problem"> & Partial<Finding>;

/** null: the same. Where keys differ, the smaller one has no partner; both scans go by key. */
function compareRows({ want, have }: Pair, { key, names }: Columns): Difference | null {
  if (want === null) return { problem: "the blocks know of no such row" };
  if (have === null) return { problem: "the row is missing, or stands under another key" };
  const column = names.find((name) => !isSame(want[name], have[name]));
  if (column === undefined) return null;
  if (key.includes(column)) {
    return { column, problem: `the next row's key is ${shown(have[column])}` };
  }
  return { column, ...difference(want[column], have[column]) };
}

function difference(want: unknown, have: unknown): Difference {
  const problem = `it holds ${shown(have)}, and by the blocks it must be ${shown(want)}`;
  return want instanceof Uint8Array && have instanceof Uint8Array
    ? { offset: firstDifference(want, have), problem }
    : { problem };
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? sameBytes(a, b) : a === b;
}

function shown(value: unknown): string {
  const text =
    value instanceof Uint8Array
      ? `0x${bytesToHex(value.subarray(0, SHOWN_MAX))}`
      : value === null
        ? "nothing"
        : String(value);
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}...`;
}
