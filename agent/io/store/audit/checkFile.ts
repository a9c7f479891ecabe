// The file as SQLite sees it: whole pages and indexes, and the tables that this program makes, no others.

import type Database from "better-sqlite3";
import { WrongPlace } from "./finding.ts";

type SchemaRow = {
  readonly type: string;
  readonly name: string;
  readonly tbl_name: string;
  readonly sql: string | null;
};

/** Pages, cells, indexes, types and CHECKs; throws WrongPlace with what SQLite says first. */
export function checkPages(db: Database.Database): void {
  const found = db.prepare("PRAGMA integrity_check(1)").pluck().get();
  if (found === "ok") return;
  const said = String(found).replaceAll("*** in database main ***", "").trim();
  // SQLite names a table's tree by the number of its first page.
  const root = /\bTree (\d+)/.exec(said)?.[1];
  const table = root === undefined ? null : tableAt(db, Number(root));
  const problem = `SQLite finds the file itself damaged (${said.replaceAll("\n", " ")})`;
  throw new WrongPlace({ table, problem });
}

/** `expected`: a database that was just made. */
export function checkSchema(found: Database.Database, expected: Database.Database): void {
  const select = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name, type";
  const wanted = new Map(
    expected
      .prepare<[], SchemaRow>(select)
      .all()
      .map((row) => [`${row.type} ${row.name}`, row]),
  );
  for (const { type, name, tbl_name, sql } of found.prepare<[], SchemaRow>(select).all()) {
    const want = wanted.get(`${type} ${name}`);
    const table = "sqlite_schema";
    const row = `${type} ${name}`;
    // Bytes instead of text read the same in a sentence.
    if ([type, name, tbl_name].some((value) => typeof value !== "string")) {
      throw new WrongPlace({ table, row, problem: "its name is no text" });
    }
    if (want === undefined) {
      throw new WrongPlace({ table, row, problem: "this program makes no such thing" });
    }
    const column = want.sql !== sql ? "sql" : want.tbl_name !== tbl_name ? "tbl_name" : null;
    if (column !== null) {
      throw new WrongPlace({ table, row, column, problem: "it is defined in another way" });
    }
    wanted.delete(row);
  }
  const [missing] = wanted.keys();
  if (missing === undefined) return;
  throw new WrongPlace({ table: "sqlite_schema", row: missing, problem: "it is missing" });
}

function tableAt(db: Database.Database, rootPage: number): string | null {
  const select = "SELECT tbl_name FROM sqlite_schema WHERE rootpage = ?";
  const name = db.prepare(select).pluck().get(rootPage);
  return typeof name === "string" ? name : null;
}
