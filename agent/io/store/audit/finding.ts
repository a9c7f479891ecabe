// What an audit of the database finds wrong, with its place: table, row, column, and byte in a blob.

export type Finding = {
  readonly table: string | null;
  /** The row's key: "height 12", "card_no 2 (buyer1@vt.edu)" */
  readonly row: string | null;
  readonly column: string | null;
  /** The byte of the column's blob at which it differs or fails, from 0; null where that cannot be told. */
  readonly offset: number | null;
  /** A clause for residents. */
  readonly problem: string;
};

/** Ends the part of the audit that found it. */
export class WrongPlace extends Error {
  readonly finding: Finding;
  constructor(finding: Partial<Finding> & Pick<Finding, "problem">) {
    super(finding.problem);
    this.name = "WrongPlace";
    this.finding = { table: null, row: null, column: null, offset: null, ...finding };
  }
}

/** A whole sentence: where, then what. */
export function findingSentence({ table, row, column, offset, problem }: Finding): string {
  const places = [
    ...(table === null ? [] : [`table ${table}`]),
    ...(row === null ? [] : [`row ${row}`]),
    ...(column === null ? [] : [`column ${column}`]),
    ...(offset === null ? [] : [`byte ${offset}`]),
  ];
  return places.length === 0 ? `${problem}.` : `In ${places.join(", ")}: ${problem}.`;
}
