// Which home is behind, and why: what the homes say of themselves and of the ledger, compared.

import type { HomeView, Neighbourhood } from "../state/model.ts";

/** Homes commit within seconds of each other; more blocks than this is behind. */
const BEHIND_MIN = 2;

export type HomeProblem =
  | { readonly key: "problemOffline" | "problemClock" | "problemSyncing" | "problemAlone" }
  | { readonly key: "problemBehind"; readonly blocks: number }
  | { readonly key: "problemQuarantined" | "problemHalted"; readonly text: string }
  | { readonly key: "problemFork"; readonly height: number };

/** What is wrong with a home, the worst first; empty: nothing. */
export function problemsOf(state: Neighbourhood, home: HomeView): readonly HomeProblem[] {
  const { health, ledger, status } = home;
  if (status === "offline") return [{ key: "problemOffline" }];
  const highest = Math.max(0, ...[...state.homes.values()].map((one) => one.ledger?.height ?? 0));
  const blocks = ledger === null ? 0 : highest - ledger.height;
  const twin = [...state.homes.values()].some(
    (one) =>
      one !== home &&
      ledger !== null &&
      ledger.height > 0 &&
      one.ledger?.height === ledger.height &&
      one.ledger.stateRoot !== ledger.stateRoot,
  );
  return [
    ...(health?.halted ? [{ key: "problemHalted" as const, text: health.halted }] : []),
    ...(twin ? [{ key: "problemFork" as const, height: ledger?.height ?? 0 }] : []),
    ...(health?.quarantined
      ? [{ key: "problemQuarantined" as const, text: health.quarantined }]
      : []),
    ...(health?.clock_synchronised === false ? [{ key: "problemClock" as const }] : []),
    ...(blocks >= BEHIND_MIN ? [{ key: "problemBehind" as const, blocks }] : []),
    ...(health?.caught_up === false && blocks < BEHIND_MIN
      ? [{ key: "problemSyncing" as const }]
      : []),
    ...(ledger !== null && ledger.peers.length === 0 && state.homes.size > 1
      ? [{ key: "problemAlone" as const }]
      : []),
  ];
}
