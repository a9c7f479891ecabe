// A page stays open for weeks, its server does not: started again with other ports, another token or another clock,
// it has other things to tell. Then the page begins anew.

import type { Store } from "../state/store.ts";

const EVERY_MS = 5000;

/** `known`: the answer with which this page began, as text. */
export function watchServer(store: Store, known: string): void {
  let wasLost = false;
  const look = async (): Promise<void> => {
    const { live, rest } = store.state;
    const isLost = [live, rest].some((feed) => feed === "offline" || feed === "refused");
    if (!isLost && !wasLost) return;
    wasLost = isLost;
    try {
      const answer = await fetch("config.json");
      if (answer.ok && (await answer.text()) !== known) location.reload();
    } catch {
      // It is away itself.
    }
  };
  setInterval(() => void look(), EVERY_MS);
}
