// Rows of a file that may be damaged: any value may be of any type, whatever the schema says.

import { plainBytes } from "../plainBytes.ts";
import { WrongPlace } from "./finding.ts";

export type RawRow = { readonly [column: string]: unknown };

export type Place = { readonly table: string; readonly row: string };

/** The values of a row, each of the type that its column has, or WrongPlace. */
export class RowReader {
  readonly #values: RawRow;
  readonly #place: Place;

  constructor(values: RawRow, place: Place) {
    this.#values = values;
    this.#place = place;
  }

  bytes(column: string): Uint8Array {
    const value = this.#values[column];
    return value instanceof Uint8Array
      ? plainBytes(value)
      : this.wrong(column, "it holds no bytes");
  }

  text(column: string): string {
    const value = this.#values[column];
    return typeof value === "string" ? value : this.wrong(column, "it holds no text");
  }

  /** A whole number that JavaScript has exactly. */
  integer(column: string): number {
    const value = Number(this.#values[column]);
    return typeof this.#values[column] === "bigint" && Number.isSafeInteger(value)
      ? value
      : this.wrong(column, "it holds no whole number");
  }

  wrong(column: string | null, problem: string, offset: number | null = null): never {
    throw new WrongPlace({ ...this.#place, column, offset, problem });
  }
}
