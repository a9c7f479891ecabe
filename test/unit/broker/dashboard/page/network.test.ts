// The network in figures, and which home is behind and why.

import { describe, expect, test } from "vitest";
import { applyTopic } from "../../../../../broker/dashboard/page/state/fromTopic.ts";
import {
  emptyNeighbourhood,
  type HomeView,
} from "../../../../../broker/dashboard/page/state/model.ts";
import {
  clocksOf,
  oddVersions,
  tripSummary,
  tripsOf,
} from "../../../../../broker/dashboard/page/views/networkFacts.ts";
import { problemsOf } from "../../../../../broker/dashboard/page/views/problems.ts";

const NOON = Date.parse("2018-03-21T16:00:00Z");
const state = () => emptyNeighbourhood("America/New_York");
type State = ReturnType<typeof state>;

/** A health message of `home` whose clock shows `said`, heard by the page at `heard`; ms after noon. */
function health(known: State, home: string, more: object = {}, said = 0, heard = said): void {
  const value = {
    ...{ at: new Date(NOON + said).toISOString(), version: "0.1.0", memberId: `${home}@vt.edu` },
    ...{ clock_synchronised: true, clock_offset_ms: null, round_trip_ms: {}, caught_up: true },
    ...{ quarantined: null, halted: null, ...more },
  };
  applyTopic(known, `pvtrading/${home}/health`, JSON.stringify(value), undefined, NOON + heard);
}

function ledger(known: State, home: string, height: number, peers = ["x@vt.edu"]): void {
  const value = {
    ...{ height, blockId: `b${height}`, stateRoot: `r${height}`, time: null, peers },
    ...{ validators: [], evidence: [] },
  };
  applyTopic(known, `pvtrading/${home}/ledger`, JSON.stringify(value));
}

const homeOf = (known: State, name: string): HomeView => {
  const home = known.homes.get(name);
  if (home === undefined) throw new Error(`no ${name}`);
  return home;
};

describe("round trips", () => {
  test("have a median, and the worst with its member", () => {
    const known = state();
    health(known, "a", { round_trip_ms: { "b@vt.edu": 90, "c@vt.edu": 1.2, "d@vt.edu": 3 } });
    expect(tripSummary(homeOf(known, "a"))).toEqual({
      ...{ median: 3, worst: 90, worstTo: "b@vt.edu" },
    });
    health(known, "a", { round_trip_ms: {} });
    expect(tripSummary(homeOf(known, "a"))).toBeNull();
  });

  test("that are none are not shown, whoever said them", () => {
    const known = state();
    health(known, "a", { round_trip_ms: { "b@vt.edu": -1, "c@vt.edu": "fast", "d@vt.edu": 2 } });
    expect([...tripsOf(homeOf(known, "a"))]).toEqual([["d@vt.edu", 2]]);
    for (const nonsense of [null, 5, [1, 2], undefined]) {
      health(known, "a", { round_trip_ms: nonsense });
      expect(tripsOf(homeOf(known, "a")).size).toBe(0);
    }
  });
});

describe("clocks", () => {
  test("are compared with NTP where the home's machine says so", () => {
    const known = state();
    health(known, "a", { clock_offset_ms: -2400.5 });
    expect([...clocksOf(known, null)]).toEqual([["a", { ahead: -2400.5, of: "ntp" }]]);
  });

  test("else with the other homes', by the earliest that the page heard of each", () => {
    const known = state();
    // The broker had kept the first ones for 40 s.
    for (const home of ["a", "b", "c"]) health(known, home, {}, 0, 40_000);
    expect(clocksOf(known, null).size).toBe(0);
    // On their way 20 to 300 ms; b's clock is 3 s ahead.
    health(known, "a", {}, 60_000, 60_020);
    health(known, "b", {}, 63_000, 60_030);
    health(known, "c", {}, 60_000, 60_300);
    health(known, "c", {}, 120_000, 120_050);
    // Leads: -20, 2970, -50; the one in the middle is -20.
    expect([...clocksOf(known, null)]).toEqual([
      ["a", { ahead: 0, of: "others" }],
      ["b", { ahead: 2990, of: "others" }],
      ["c", { ahead: -30, of: "others" }],
    ]);
  });

  test("of two homes nobody knows which one is wrong", () => {
    const known = state();
    for (const home of ["a", "b"]) {
      health(known, home, {}, 0);
      health(known, home, {}, 60_000);
    }
    expect(clocksOf(known, null).size).toBe(0);
  });

  test("of a laboratory run faster, and so do their differences", () => {
    const known = state();
    const clock = { realStart: NOON, marketStart: NOON, speed: 60 };
    for (const [i, home] of ["a", "b", "c"].entries()) {
      health(known, home, {}, 0, 0);
      // One real second, a minute of the market; c's is 30 s of the market ahead.
      health(known, home, {}, 60_000 + (i === 2 ? 30_000 : 0), 1000);
    }
    expect(clocksOf(known, clock).get("c")).toEqual({ ahead: 500, of: "others" });
  });

  test("keep the newest five messages, and none twice", () => {
    const known = state();
    for (let i = 0; i < 9; i += 1) health(known, "a", {}, i * 60_000);
    health(known, "a", {}, 8 * 60_000, 9 * 60_000);
    const { clocks } = homeOf(known, "a");
    expect(clocks.map(({ said }) => (said - NOON) / 60_000)).toEqual([4, 5, 6, 7, 8]);
    expect(clocks.at(-1)?.heard).toBe(NOON + 8 * 60_000);
  });
});

test("versions that differ are pointed out, against what most run", () => {
  const known = state();
  for (const home of ["a", "b", "c"]) health(known, home);
  expect(oddVersions(known)).toBeNull();
  health(known, "b", { version: "0.0.9" });
  expect(oddVersions(known)).toEqual({ usual: "0.1.0", odd: [{ name: "b", version: "0.0.9" }] });
  applyTopic(known, "pvtrading/d/status", "online");
  expect(oddVersions(known)?.odd).toHaveLength(1);
});

describe("a home that is behind", () => {
  const behind = (edit: (known: State) => void, peers = ["x@vt.edu"]) => {
    const known = state();
    ledger(known, "a", 20);
    health(known, "a");
    ledger(known, "b", 15, peers);
    health(known, "b");
    edit(known);
    return problemsOf(known, homeOf(known, "b"));
  };

  test("says by how much, and why", () => {
    const five = { key: "problemBehind", blocks: 5 };
    expect(behind(() => {})).toEqual([{ ...five, why: "slow" }]);
    expect(behind((known) => health(known, "b", { caught_up: false }))).toEqual([
      { ...five, why: "catchingUp" },
    ]);
    expect(behind(() => {}, [])).toEqual([{ ...five, why: "alone" }, { key: "problemAlone" }]);
    expect(behind((known) => health(known, "b", { halted: "the disk failed" }))).toEqual([
      { key: "problemHalted", text: "the disk failed" },
      { ...five, why: "halted" },
    ]);
    expect(behind((known) => applyTopic(known, "pvtrading/b/status", "offline"))).toEqual([
      { key: "problemOffline" },
      { ...five, why: "offline" },
    ]);
  });

  test("is told beside it that its card or its clock keeps it from voting", () => {
    const told = behind((known) =>
      health(known, "b", { quarantined: "its database is new", clock_synchronised: false }),
    );
    expect(told).toEqual([
      { key: "problemQuarantined", text: "its database is new" },
      { key: "problemClock" },
      { key: "problemBehind", blocks: 5, why: "slow" },
    ]);
  });

  test("of one block is not behind", () => {
    expect(behind((known) => ledger(known, "b", 19))).toEqual([]);
    expect(
      behind((known) => {
        ledger(known, "b", 19);
        applyTopic(known, "pvtrading/b/status", "offline");
      }),
    ).toEqual([{ key: "problemOffline" }]);
  });

  test("in time is told so: from a second by NTP, from two by the others", () => {
    const known = state();
    health(known, "a");
    const of = (ahead: number, who: "ntp" | "others") =>
      problemsOf(known, homeOf(known, "a"), { ahead, of: who });
    expect(of(999, "ntp")).toEqual([]);
    expect(of(1000, "ntp")).toEqual([{ key: "problemClockAhead", by: 1000 }]);
    expect(of(-1999, "others")).toEqual([]);
    expect(of(-2000, "others")).toEqual([{ key: "problemClockBehind", by: 2000 }]);
  });
});
