// The laboratory's last word, as one JSON object. Decimals of people's units; exact, for they are short.

import { decimalToInteger, integerToDecimal } from "../core/units/decimal.ts";
import type { ListingRecord } from "./record.ts";

/** Where one agent stood at the end. */
export type AgentStatus = {
  readonly home: string;
  readonly height: number;
  readonly stateRoot: string;
  /** Tokens as decimal text. */
  readonly issued: string;
  readonly balances: { readonly [memberId: string]: string };
};

export type ListingResult = {
  readonly listingid: string;
  readonly state: ListingRecord["state"];
  /** Tokens per kWh. */
  readonly mcp: number | null;
  readonly soldKwh: number;
  readonly fills: readonly {
    readonly seller: string;
    readonly buyer: string;
    readonly kWh: number;
    readonly price: number;
  }[];
  readonly metered: {
    readonly [memberId: string]: {
      readonly importKwh: number | null;
      readonly exportKwh: number | null;
    };
  };
};

export type HoursResult = {
  readonly hours: number;
  readonly listings: readonly ListingResult[];
  readonly tokens: { readonly issued: number; readonly sum: number };
  readonly balances: { readonly [memberId: string]: number };
  readonly agents: readonly AgentPlace[];
};

export type PaperResult = {
  readonly scenario: "paper";
  readonly listingid: string;
  readonly mcp: number | null;
  readonly balances: { readonly [memberId: string]: number };
  readonly agents: readonly AgentPlace[];
};

export type AgentPlace = Pick<AgentStatus, "home" | "height" | "stateRoot">;

export function listingResult(listing: ListingRecord): ListingResult {
  const { listingId, state, mcp, fills, statements } = listing;
  return {
    listingid: listingId,
    state,
    mcp: mcp === null ? null : thousandths(mcp),
    soldKwh: thousandths(fills.reduce((sum, fill) => sum + fill.energy, 0)),
    fills: fills.map(({ seller, buyer, energy, price }) => ({
      ...{ seller, buyer, kWh: thousandths(energy), price: thousandths(price) },
    })),
    metered: Object.fromEntries(
      statements
        .filter(
          ({ meteredImport, meteredExport }) => meteredImport !== null || meteredExport !== null,
        )
        .map(({ memberId, meteredImport, meteredExport }) => [
          memberId,
          {
            importKwh: meteredImport === null ? null : thousandths(meteredImport),
            exportKwh: meteredExport === null ? null : thousandths(meteredExport),
          },
        ]),
    ),
  };
}

/** Tokens of each home's member, in the homes' order. */
export function balanceNumbers(statuses: readonly AgentStatus[]): { [memberId: string]: number } {
  const balances = statuses[0]?.balances ?? {};
  return Object.fromEntries(
    statuses
      .filter(({ home }) => balances[home] !== undefined)
      .map(({ home }) => [home, Number(balances[home])]),
  );
}

/** All tokens that members hold, added in micro-tokens. */
export function tokenTotals(status: AgentStatus): HoursResult["tokens"] {
  const sum = Object.values(status.balances)
    .map((tokens) => decimalToInteger(tokens, 6) ?? 0n)
    .reduce((total, tokens) => total + tokens, 0n);
  return { issued: Number(status.issued), sum: Number(integerToDecimal(sum, 6)) };
}

export function places(statuses: readonly AgentStatus[]): readonly AgentPlace[] {
  return statuses.map(({ home, height, stateRoot }) => ({ home, height, stateRoot }));
}

function thousandths(value: number): number {
  return Number(integerToDecimal(value, 3));
}
