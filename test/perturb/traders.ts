// Homes that trade without pause: each bids, or offers its PV's energy, again and again in whatever listing is
// open, one transaction under way at a time. What an agent reports as committed is acknowledged: from then on
// it must never be lost.

import type { LabHome } from "../../agent/lab/homes.ts";
import type { Laboratory, Line } from "../../agent/lab/laboratory.ts";

/** Real time between looks whether a home is free to say the next thing. */
const LOOK_MS = 250;
/** Above the ids that the laboratory uses for its own questions. */
const FIRST_ID = 1_000_000_000;

export type Traders = {
  /** Ids of the transactions that some agent reported as committed, with who reported it. */
  readonly acknowledged: ReadonlyMap<string, string>;
  readonly start: () => void;
  /** Says nothing more; what is under way may still be acknowledged. */
  readonly pause: () => void;
  /** A line of an agent. */
  readonly heard: (home: string, line: Line) => void;
  /** Whatever this home had under way will not be answered: it has no power. */
  readonly forget: (home: string) => void;
  /** Homes that do not trade, such as one that lies. */
  readonly silence: (home: string) => void;
};

export function createTraders(lab: () => Laboratory, homes: readonly LabHome[]): Traders {
  const acknowledged = new Map<string, string>();
  const underWay = new Map<string, number>();
  const sequences = new Map<string, number>();
  const silent = new Set<string>();
  let nextId = FIRST_ID;
  let timer: NodeJS.Timeout | null = null;

  const openListing = (): string | null => {
    const open = [...lab().record.listings.values()].filter(
      ({ state }) => state === "ACCEPT_OFFERS",
    );
    return open.at(-1)?.listingId ?? null;
  };

  const speak = ({ name, memberId, pv }: LabHome, listingId: string): void => {
    if (underWay.has(name) || silent.has(name) || !lab().isUp(name)) return;
    if (!lab().record.members.has(memberId)) return;
    const place = `${name} ${listingId}`;
    const sequence = (sequences.get(place) ?? 0) + 1;
    sequences.set(place, sequence);
    // Energies differ from time to time, so that there is something to amend.
    const energy = 100 + (sequence % 50);
    const isSelling = pv !== null && lab().record.pvs.has(pv.pvId);
    const submit = isSelling
      ? { type: "pvOffer", listingId, pvId: pv.pvId, sequence, energy, reservePrice: 1000 }
      : { type: "buyOffer", listingId, sequence, energy, bidPrice: 3000 };
    const id = nextId++;
    underWay.set(name, id);
    lab().send(name, { id, submit });
  };

  const look = (): void => {
    const listingId = openListing();
    if (listingId === null) return;
    for (const home of homes) speak(home, listingId);
  };

  return {
    acknowledged,
    start: () => {
      timer ??= setInterval(look, LOOK_MS);
    },
    pause: () => {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
    heard: (home, line) => {
      if (line.type !== "answer" || line.id < FIRST_ID) return;
      if (underWay.get(home) === line.id) underWay.delete(home);
      // Also the last words of a home that was killed meanwhile: it has said so.
      if (line.ok) acknowledged.set(line.transactionId, home);
    },
    forget: (home) => void underWay.delete(home),
    silence: (home) => void silent.add(home),
  };
}
