// Who lives in the laboratory: the paper's seller1, seller2, buyer1, buyer2, buyer3, and more like them.

import { type MemberId, memberId, type PvId, pvId } from "../core/units/ids.ts";

export type LabHome = {
  /** "seller1" */
  readonly name: string;
  readonly memberId: MemberId;
  readonly role: "seller" | "buyer";
  /** W; null for a buyer. */
  readonly pv: { readonly pvId: PvId; readonly capacityW: number } | null;
  /** The recorded or simulated household times this. */
  readonly loadScale: number;
  /** Which of the two wire formats its devices speak. */
  readonly driver: "fronius" | "sunspec";
};

/** Two of five sell, and at least one does; sellers first. */
export function labHomes(count: number): readonly LabHome[] {
  const sellers = Math.max(1, Math.round((2 * count) / 5));
  return Array.from({ length: count }, (_, i) =>
    i < sellers ? seller(i + 1) : buyer(i - sellers + 1),
  );
}

function seller(number: number): LabHome {
  const isOdd = number % 2 === 1;
  const name = `seller${number}`;
  return {
    name,
    memberId: memberId(`${name}@vt.edu`),
    role: "seller",
    pv: { pvId: pvId(`${name}house`), capacityW: isOdd ? 6400 : 4800 },
    loadScale: 0.5,
    driver: isOdd ? "fronius" : "sunspec",
  };
}

function buyer(number: number): LabHome {
  const name = `buyer${number}`;
  return {
    name,
    memberId: memberId(`${name}@vt.edu`),
    role: "buyer",
    pv: null,
    loadScale: [1, 1.2, 0.8][number % 3] ?? 1,
    driver: number % 2 === 1 ? "fronius" : "sunspec",
  };
}
