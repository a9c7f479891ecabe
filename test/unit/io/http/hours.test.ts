// The sums of an hour are made once, whoever is asked about: fifty homes on a page are not fifty times the work.

import { expect, test } from "vitest";
import { HOURS_MAX, hoursOf, type KnownSums } from "../../../../agent/io/http/hourRoutes.ts";
import type { AgentDoor, ListingRecord } from "../../../../agent/ports.ts";

function street(count: number) {
  const asked: string[] = [];
  const records = Array.from({ length: count }, (_, i) => ({
    ...{ listingId: `hour ${i}`, state: "AUCTION_CLOSED", mcp: 3000, resultHash: `result ${i}` },
  }));
  const energy = { now: 500 };
  const history = {
    // The newest first.
    listings: (max: number) => records.slice(-max).reverse(),
    fills: (id: string) => {
      asked.push(id);
      return [
        { seller: "s", buyer: "b", energy: energy.now, price: 2000 },
        { seller: "s", buyer: "c", energy: 1, price: 3000 },
      ];
    },
  };
  const door = { history } as unknown as Pick<AgentDoor, "history">;
  return { asked, records: records as unknown as { resultHash: string }[], energy, door };
}

test("each result is looked at once, and again where it is another", () => {
  const { asked, records, energy, door } = street(3);
  const known: KnownSums = new Map();
  const soldBy = (member: string) => hoursOf(door, member, known).map(({ soldKwh }) => soldKwh);
  expect(soldBy("s")).toEqual([0.501, 0.501, 0.501]);
  // 0.5 kWh at 2 and 0.001 at 3.
  expect(hoursOf(door, "s", known)[0]).toMatchObject({ earned: 1.003, spent: 0, boughtKwh: 0 });
  expect(hoursOf(door, "b", known)[0]).toMatchObject({ earned: 0, spent: 1, boughtKwh: 0.5 });
  expect(soldBy("nobody")).toEqual([0, 0, 0]);
  expect(asked).toEqual(["hour 0", "hour 1", "hour 2"]);
  // A restart took the block away in which it was closed, and it was closed otherwise.
  energy.now = 600;
  Object.assign(records[1] as object, { resultHash: "another" } satisfies Partial<ListingRecord>);
  expect(soldBy("s")).toEqual([0.501, 0.601, 0.501]);
  expect(asked).toHaveLength(4);
});

test("no more are kept than one answer has", () => {
  const known: KnownSums = new Map();
  hoursOf(street(HOURS_MAX + 5).door, "s", known);
  expect(known.size).toBe(HOURS_MAX);
  const { records, door } = street(HOURS_MAX);
  for (const record of records) Object.assign(record, { listingId: `later ${record.resultHash}` });
  hoursOf(door, "s", known);
  expect(known.size).toBe(HOURS_MAX);
});
