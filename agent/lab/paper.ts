// The paper's experiment (section IV C): Tables II to IV in, Table V out. The administrator opens and closes.

import type { Submittable } from "../commands/protocol.ts";
import { listingId } from "../core/units/ids.ts";
import type { UnixMs } from "../core/units/time.ts";
import type { Plain } from "../plain.ts";
import { type LabHome, labHomes } from "./homes.ts";
import type { Laboratory } from "./laboratory.ts";
import { balanceNumbers, listingResult, type PaperResult, places } from "./result.ts";

/** Noon of the paper's day in Blacksburg; the listing's hour begins at 13:00. */
export const PAPER_START = Date.parse("2018-03-21T12:00:00-04:00") as UnixMs;
export const PAPER_LISTING = listingId("21Mar18-13:00");
export const PAPER_ADMINISTRATOR = "seller1";

/** Table IV has both sellers offer 6 kWh, so both roofs carry the larger PV. */
export function paperHomes(): readonly LabHome[] {
  return labHomes(PAPER_HOMES).map((home) =>
    home.pv === null ? home : { ...home, pv: { ...home.pv, capacityW: 6400 } },
  );
}

const PAPER_HOMES = 5;
const REGISTERED_MAX_MS = 60_000;
const CLOSED_MAX_MS = 30_000;

type Said = { readonly home: string; readonly payload: Plain<Submittable> };

/** Table IV by its timestamps, 12:50:06 to 12:51:51; kWh as Wh, tokens per kWh as thousandths. */
export const TABLE_IV: readonly Said[] = [
  sells("seller1", 6000),
  sells("seller2", 6000),
  buys("buyer3", 1000),
  buys("buyer2", 3000),
  buys("buyer1", 5000),
];

export async function runPaper(lab: Laboratory): Promise<PaperResult> {
  const { record } = lab;
  const everyone = () => record.members.size === 5 && record.pvs.size === 2;
  await lab.until("five members and two PVs on the ledger", everyone, REGISTERED_MAX_MS);
  await administrator(lab, { type: "createListing", sequence: 1 });
  await administrator(lab, { type: "acceptOfferBroadcast", sequence: 2 });
  for (const { home, payload } of TABLE_IV) await lab.submit(home, payload);
  await administrator(lab, { type: "closeBidding", sequence: 3 });
  const isClosed = () => record.listings.get(PAPER_LISTING)?.state === "AUCTION_CLOSED";
  await lab.until("the clearing", isClosed, CLOSED_MAX_MS);
  const statuses = await lab.settled();
  const listing = record.listings.get(PAPER_LISTING);
  if (listing === undefined) throw new Error("no listing, no result");
  const { listingid, mcp } = listingResult(listing);
  return {
    ...{ scenario: "paper", listingid, mcp },
    balances: balanceNumbers(statuses),
    agents: places(statuses),
  };
}

type Step = Extract<
  Submittable,
  { type: "createListing" | "acceptOfferBroadcast" | "closeBidding" }
>["type"];

async function administrator(
  lab: Laboratory,
  step: { readonly type: Step; readonly sequence: number },
): Promise<void> {
  await lab.submit(PAPER_ADMINISTRATOR, { ...step, listingId: PAPER_LISTING }, "administrator");
}

function sells(home: string, energy: number): Said {
  const pvId = `${home}house`;
  const offer = { listingId: PAPER_LISTING, pvId, sequence: 1, energy, reservePrice: 0 };
  return { home, payload: { type: "pvOffer", ...offer } as Plain<Submittable> };
}

function buys(home: string, energy: number): Said {
  const bid = { listingId: PAPER_LISTING, sequence: 1, energy, bidPrice: 3000 };
  return { home, payload: { type: "buyOffer", ...bid } as Plain<Submittable> };
}
