// The laboratory's past in real folders: figures by hand, every ledger audited, and what follows it.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../../agent/config.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../agent/core/ledger/block.ts";
import { buildBlock } from "../../../agent/core/ledger/buildBlock.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { formatTokens } from "../../../agent/core/units/money.ts";
import { addTime, HOUR_MS, MINUTE_MS, unixMs } from "../../../agent/core/units/time.ts";
import { hoursOf } from "../../../agent/io/http/hourRoutes.ts";
import { readCard } from "../../../agent/io/keys.ts";
import { KEPT_FILE, openKeptFile } from "../../../agent/io/mqtt/keptFile.ts";
import { openSigningMark } from "../../../agent/io/signingMark.ts";
import { auditLedger } from "../../../agent/io/store/audit/auditLedger.ts";
import { openHistory } from "../../../agent/io/store/history.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { labHomes } from "../../../agent/lab/homes.ts";
import { labPast, samplesOf } from "../../../agent/lab/past/labPast.ts";
import { writePast } from "../../../agent/lab/past/writePast.ts";
import { makeWorld, writeAgentFile } from "../../../agent/lab/world.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { silentLog } from "../../support/silentLog.ts";

const HOURS = 4;
const START = unixMs(Date.parse("2018-03-21T09:15:00-04:00"));
const HOMES = labHomes(5);

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-past-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** W: the first roof gives 600 W to the grid, the second nothing; each buyer takes 200 W. */
const POWER: { readonly [home: string]: { made: number; used: number } } = {
  seller1: { made: 900, used: 300 },
  seller2: { made: 300, used: 300 },
};
const BUYER = { made: 0, used: 200 };

/** What counters would show that began a day before the range. */
function states(name: string, { from, to }: { readonly from: number; readonly to: number }) {
  const { made, used } = POWER[name] ?? BUYER;
  const wh = (watts: number, at: number) => Math.floor((watts * (at - from)) / HOUR_MS) + 1000;
  return Array.from({ length: Math.floor((to - from) / MINUTE_MS) + 1 }, (_, i) => {
    const at = Math.ceil(from / MINUTE_MS) * MINUTE_MS + i * MINUTE_MS;
    const [imported, exported] = [Math.max(0, used - made), Math.max(0, made - used)];
    return {
      ...{ at, production: made, load: used, produced: wh(made, at) },
      ...{ imported: wh(imported, at), exported: wh(exported, at) },
    };
  }).filter(({ at }) => at <= to);
}

async function makePast(speed = 60) {
  const past = labPast(START, HOURS);
  await makeWorld({
    ...{ dir, homes: HOMES, validators: 4, speed, schedule: "hourly", marketStart: past.begin },
  });
  const ports = new Map(HOMES.map(({ name }, i) => [name, 4001 + i]));
  const device = { name: "meter", kind: "meter", driver: "fronius", deviceId: 0 } as const;
  const files = new Map(
    HOMES.map((home) => [
      home.name,
      writeAgentFile({
        ...{ dir, home, ports, isAdministrator: false },
        clock: { realStart: START, marketStart: START, speed },
        devices: [{ ...device, url: "http://127.0.0.1:9" }],
      }),
    ]),
  );
  const samples = new Map(
    HOMES.map((home) => {
      const range = { from: past.range.fineFrom, to: past.end };
      return [home.name, samplesOf(home, states(home.name, range))] as const;
    }),
  );
  const write = () => writePast({ files, samples, ...past });
  return { ...write(), files, past, write };
}

function configOf(file: string) {
  const config = readConfig(file);
  if (!config.ok) throw new Error(JSON.stringify(config.problems));
  return config.value;
}

test("four hours are on every ledger, and verify has nothing to say about any", async () => {
  const { height, files, events } = await makePast();
  const closed = events.filter((event) => event.type === "biddingClosed");
  expect(closed.map(({ listingId }) => listingId)).toEqual([
    ...["21Mar18-06:00", "21Mar18-07:00", "21Mar18-08:00", "21Mar18-09:00"],
  ]);
  // Each buyer bids its 200 Wh at 3; the first roof offers 600 Wh from 2, the second has nothing to spare.
  for (const { mcp, fills } of closed) {
    expect(mcp).toBe(3000);
    expect(fills.map(({ seller, energy }) => [seller, energy])).toEqual(
      Array.from({ length: 3 }, () => ["seller1@vt.edu", 200]),
    );
  }
  const roots = new Set<string>();
  for (const file of files.values()) {
    const { rules, data } = configOf(file);
    const { findings, facts } = auditLedger(data, { rules, verifier: new Verifier() });
    expect(findings).toEqual([]);
    expect([facts?.height, facts?.members]).toEqual([height, 5]);
    // Five times 200 tokens, and no more.
    expect(facts?.issued).toBe(1_000_000_000n);
    roots.add(facts?.stateRoot ?? "");
  }
  expect(roots.size).toBe(1);
});

test("the newest block is open for the agents: readings, sums and the next listing are as they would be", async () => {
  const { files, height, past } = await makePast();
  const { rules, data, card } = configOf(files.get("seller1") ?? "");
  const { memberId } = readCard(card);
  const owner = { communityId: communityId(rules), memberId, rules: encodeRules(rules) };
  const store = openStore(data, { ...owner, log: silentLog });
  const verifier = new Verifier();
  const ledger = openLedger({ rules, store, verifier });
  const state = ledger.state();
  expect(state.height).toBe(height);
  expect(state.time).toBeLessThanOrEqual(past.end);
  // 4 hours x 3 buyers x 0.2 kWh x 3 tokens = 7.2, a third from each buyer.
  const balances = [...state.members.values()].map((one) => formatTokens(one.balance));
  expect(balances).toEqual(["207.2", "200", "197.6", "197.6", "197.6"]);
  expect([...state.members.values()].every(({ reserved }) => reserved === 0n)).toBe(true);
  // 07:00 is metered by all; 08:00 is not finished, 09:00 is being delivered, and 10:00 takes offers.
  const listings = [...state.listings.values()].map((one) => [
    ...[one.listingId, one.state, one.readings.size],
    one.pvOffers.size + one.buyOffers.size,
  ]);
  expect(listings).toEqual([
    ["21Mar18-08:00", "AUCTION_CLOSED", 5, 4],
    ["21Mar18-09:00", "AUCTION_CLOSED", 0, 4],
    ["21Mar18-10:00", "ACCEPT_OFFERS", 0, 0],
  ]);
  // The next live block, of another proposer, is one that a neighbour takes.
  const time = addTime(START, 10 * MINUTE_MS);
  const proposer = rules.validators[0]?.memberId;
  if (proposer === undefined) throw new Error("a validator");
  const next = buildBlock(state, { time, proposer, transactions: [] }, verifier);
  const executed = ledger.execute(encodeBlock(next.block));
  expect(executed.ok ? executed.value.block.header.height : executed.refusal).toBe(height + 1);
  expect(store.samples(addTime(past.end, -MINUTE_MS), past.end)).toHaveLength(1);
  store.close();
});

test("who signed is marked up to the last block, and who has no seat has no mark", async () => {
  const { files, height } = await makePast();
  const marks = [...files.values()].map((file) => {
    const { card, rules } = configOf(file);
    const { memberId } = readCard(card);
    const of = { card, memberId, communityId: communityId(rules), hasSeat: true };
    return openSigningMark({ ...of, log: silentLog }).read();
  });
  const mark = { height, freeAbove: 0, stopped: null };
  expect(marks).toEqual([mark, mark, mark, mark, "absent"]);
});

test("killed while it was written, it is made again, the same, and what lacks is written", async () => {
  const { files, height, write } = await makePast();
  const stateOf = (name: string) => {
    const { rules, data, card } = configOf(files.get(name) ?? "");
    const { facts, findings } = auditLedger(data, { rules, verifier: new Verifier() });
    return [facts?.height, facts?.blockId, facts?.stateRoot, findings.length, readdirSync(card)];
  };
  const before = ["seller1", "seller2", "buyer1"].map(stateOf);
  // The power failed before two of them had it, and before one of those that had was marked.
  for (const name of ["seller2", "buyer1"]) {
    rmSync(configOf(files.get(name) ?? "").data, { recursive: true });
  }
  const { card } = configOf(files.get("seller1") ?? "");
  const mark = readdirSync(card).find((name) => name.startsWith("signed-"));
  rmSync(join(card, mark ?? "no mark"));
  expect(write().height).toBe(height);
  expect(["seller1", "seller2", "buyer1"].map(stateOf)).toEqual(before);
});

test("what dashboards are shown as sold begins with the past, in all and today", async () => {
  const { files } = await makePast();
  const traded = ["seller1", "seller2", "buyer3"].map((name) => {
    const { data } = configOf(files.get(name) ?? "");
    const { total, days } = openKeptFile(join(data, KEPT_FILE), silentLog).value.trades;
    return [total, days];
  });
  // Four hours of 3 x 200 Wh, all of one day.
  const [sold, nothing, bought] = [
    { sold: 2400, bought: 0 },
    { sold: 0, bought: 0 },
    { sold: 0, bought: 800 },
  ];
  expect(traded).toEqual([
    [sold, [{ day: "21Mar18", ...sold }]],
    [nothing, []],
    [bought, [{ day: "21Mar18", ...bought }]],
  ]);
});

test("the door tells a member's hours with what they cost", async () => {
  const { files } = await makePast();
  const history = openHistory(configOf(files.get("buyer1") ?? "").data);
  const hours = ["21Mar18-06:00", "21Mar18-07:00", "21Mar18-08:00", "21Mar18-09:00"];
  // The listing that takes offers is none of them. 3 x 0.2 kWh at 3 tokens are 1.8.
  expect(hoursOf({ history }, "seller1@vt.edu")).toEqual(
    hours.map((listingid) => ({
      ...{ listingid, mcp: 3, soldKwh: 0.6, boughtKwh: 0, earned: 1.8, spent: 0 },
    })),
  );
  expect(hoursOf({ history }, "buyer1@vt.edu")[0]).toEqual({
    ...{ listingid: hours[0], mcp: 3, soldKwh: 0, boughtKwh: 0.2, earned: 0, spent: 0.6 },
  });
  history.close();
});
