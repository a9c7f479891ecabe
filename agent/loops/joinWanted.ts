// Which of the neighbours' snapshots a home may begin with, by what it trusts. Nothing but the choice.

import type { BlockReference } from "../core/ledger/blockReference.ts";
import { liarsMax } from "../core/ledger/validators.ts";
import type { MemberId } from "../core/units/ids.ts";
import type { SnapshotList } from "./snapshotWire.ts";

/** Below the trusted block at most; a snapshot further down is too old to be of use. */
export const LINK_MAX = 4096;

/** What each neighbour says that it has. */
export type Offers = ReadonlyMap<MemberId, SnapshotList>;

export type Wanted = BlockReference & {
  /** Who must have voted on its block, as a hash; null: the block's id is known to be right. */
  readonly set: string | null;
};

type Voters = readonly { readonly memberId: MemberId }[];

/** The highest snapshot that f + 1 of `validators` name alike; null: none yet. */
export function wantedByVoices(offers: Offers, validators: Voters): Wanted | null {
  const voices = new Map<string, { readonly named: BlockReference; count: number }>();
  for (const { memberId } of validators) {
    for (const named of distinct(offers.get(memberId)?.snapshots ?? [])) {
      const key = `${named.height} ${named.blockId}`;
      const voice = voices.get(key) ?? { named, count: 0 };
      voices.set(key, { named, count: voice.count + 1 });
    }
  }
  const enough = [...voices.values()].filter(({ count }) => count > liarsMax(validators.length));
  const [highest] = enough.map(({ named }) => named).sort((a, b) => b.height - a.height);
  return highest === undefined ? null : { ...highest, set: null };
}

/** f + 1 validators say that there are fewer blocks: one of them does not lie, and knows. */
export function isYounger(
  offers: Offers,
  { validators, than }: { readonly validators: Voters; readonly than: number },
): boolean {
  const younger = validators.filter(({ memberId }) => {
    const list = offers.get(memberId);
    return list !== undefined && list.height < than;
  });
  return younger.length > liarsMax(validators.length);
}

/** The highest height at or below the trusted block at which anyone has a snapshot. */
export function heightBelow(offers: Offers, { trusted, every }: Heights): number | null {
  const heights = named(offers)
    .map(({ height }) => height)
    .filter((height) => height <= trusted && height % every === 0 && trusted - height <= LINK_MAX);
  return heights.length === 0 ? null : Math.max(...heights);
}

export type Heights = { readonly trusted: number; readonly every: number };

/** The lowest snapshot above the trusted block, if the set that votes after that one signed it. */
export function wantedAbove(
  offers: Offers,
  { trusted, set }: { readonly trusted: number; readonly set: string },
): Wanted | null {
  const [lowest] = named(offers)
    .filter(({ height }) => height > trusted)
    .sort((a, b) => a.height - b.height);
  return lowest === undefined ? null : { ...lowest, set };
}

function named(offers: Offers): BlockReference[] {
  return [...offers.values()].flatMap(({ snapshots }) => snapshots);
}

/** A neighbour that names one twice has said it once. */
function distinct(snapshots: readonly BlockReference[]): readonly BlockReference[] {
  return [...new Map(snapshots.map((one) => [`${one.height} ${one.blockId}`, one])).values()];
}
