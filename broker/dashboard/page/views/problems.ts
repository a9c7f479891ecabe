// Which home is behind, and why: what the homes say of themselves and of the ledger, compared.

import type { HomeView, Neighbourhood } from "../state/model.ts";
import type { ClockFigure } from "./networkFacts.ts";

/** Homes commit within seconds of each other; more blocks than this is behind. */
const BEHIND_MIN = 2;
/** ms. Homes agree on times to a second; what the page hears is less exact. */
const SKEW_MIN: { readonly [O in ClockFigure["of"]]: number } = { ntp: 1000, others: 2000 };

export type HomeProblem =
  | { readonly key: "problemOffline" | "problemClock" | "problemSyncing" | "problemAlone" }
  | {
      readonly key: "problemBehind";
      readonly blocks: number;
      readonly why: "offline" | "halted" | "alone" | "catchingUp" | "slow";
    }
  /** ms, positive. */
  | { readonly key: "problemClockAhead" | "problemClockBehind"; readonly by: number }
  | { readonly key: "problemQuarantined" | "problemHalted"; readonly text: string }
  | { readonly key: "problemFork"; readonly height: number };

/** What is wrong with a home, the worst first; empty: nothing. `clock`: how far its clock is off, where known. */
export function problemsOf(
  state: Neighbourhood,
  home: HomeView,
  clock: ClockFigure | null = null,
): readonly HomeProblem[] {
  const { health, ledger, status } = home;
  const blocks = ledger === null ? 0 : reached(state) - ledger.height;
  const isAlone = ledger !== null && ledger.peers.length === 0 && state.homes.size > 1;
  const behind = (why: Extract<HomeProblem, { key: "problemBehind" }>["why"]): HomeProblem[] =>
    blocks >= BEHIND_MIN ? [{ key: "problemBehind", blocks, why }] : [];
  if (status === "offline") return [{ key: "problemOffline" }, ...behind("offline")];
  const twin = ledger !== null && ledger.height > 0 && isOdd(state, ledger);
  // A card that may not vote, and a clock that is wrong, are no reason: such a home follows.
  const why = health?.halted
    ? "halted"
    : isAlone
      ? "alone"
      : health?.caught_up === false
        ? "catchingUp"
        : "slow";
  return [
    ...(health?.halted ? [{ key: "problemHalted" as const, text: health.halted }] : []),
    ...(twin ? [{ key: "problemFork" as const, height: ledger?.height ?? 0 }] : []),
    ...(health?.quarantined
      ? [{ key: "problemQuarantined" as const, text: health.quarantined }]
      : []),
    ...(health?.clock_synchronised === false ? [{ key: "problemClock" as const }] : []),
    ...skewOf(clock),
    ...behind(why),
    // What a home said of itself when it started is old when it has every block of the others.
    ...(health?.caught_up === false && blocks > 0 && blocks < BEHIND_MIN
      ? [{ key: "problemSyncing" as const }]
      : []),
    ...(isAlone ? [{ key: "problemAlone" as const }] : []),
  ];
}

function skewOf(clock: ClockFigure | null): readonly HomeProblem[] {
  if (clock === null || Math.abs(clock.ahead) < SKEW_MIN[clock.of]) return [];
  const key = clock.ahead > 0 ? "problemClockAhead" : "problemClockBehind";
  return [{ key, by: Math.abs(clock.ahead) }];
}

/** The height of the street: of three homes and more, one that two have reached, whatever a single one says. */
function reached(state: Neighbourhood): number {
  const heights = [...state.homes.values()]
    .map(({ ledger }) => ledger?.height ?? 0)
    .filter((height) => height > 0)
    .sort((a, b) => b - a);
  return (heights.length > 2 ? heights[1] : heights[0]) ?? 0;
}

/** Whether others have another state at this height, and no fewer of them than have this one. */
function isOdd(
  state: Neighbourhood,
  { height, stateRoot }: { height: number; stateRoot: string },
): boolean {
  const counts = new Map<string, number>();
  for (const { ledger } of state.homes.values()) {
    if (ledger?.height !== height) continue;
    counts.set(ledger.stateRoot, (counts.get(ledger.stateRoot) ?? 0) + 1);
  }
  const own = counts.get(stateRoot) ?? 0;
  return [...counts].some(([root, count]) => root !== stateRoot && count >= own);
}
