// A home's register samples: on the disk, at hand, and as hours to forecast from.

import { LOAD_DAYS } from "../core/forecast/forecastConsumption.ts";
import type { History } from "../core/forecast/history.ts";
import { type HourEnergy, hourEnergies } from "../core/metering/hourEnergies.ts";
import { addTime, HOUR_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import type { RegisterSample, Store } from "../ports.ts";

/** Samples kept at hand: a night's gap closes within this, and its hours become known. */
const RECENT_AGE_MAX = 36 * HOUR_MS;
const HISTORY_AGE_MAX = LOAD_DAYS * 24 * HOUR_MS;

export type SampleBook = {
  /** Reads what earlier runs stored, once; hands back the samples at hand. */
  readonly load: (now: UnixMs) => readonly RegisterSample[];
  readonly add: (samples: readonly RegisterSample[], now: UnixMs) => void;
  readonly save: () => void;
  readonly range: (from: UnixMs, to: UnixMs) => readonly RegisterSample[];
  readonly history: () => History;
};

export function createSampleBook(
  store: Pick<Store, "samples" | "saveSamples">,
  { produces }: { readonly produces: boolean },
): SampleBook {
  const hours = new Map<UnixMs, HourEnergy>();
  let recent: readonly RegisterSample[] = [];
  let unsaved: readonly RegisterSample[] = [];
  /** Samples have come since the hours were last worked out. */
  let isStale = false;
  /** The newest sample of which the hours know. */
  let newest: UnixMs = unixMs(0);

  function learn(samples: readonly RegisterSample[]): void {
    for (const hour of hourEnergies(samples, { produces })) {
      const { produced = null, consumed = null } = hours.get(hour.start) ?? {};
      hours.set(hour.start, {
        start: hour.start,
        produced: produced ?? hour.produced,
        consumed: consumed ?? hour.consumed,
      });
    }
    isStale = false;
    newest = samples.at(-1)?.at ?? newest;
    for (const start of hours.keys()) if (start < newest - HISTORY_AGE_MAX) hours.delete(start);
  }

  function save(): void {
    if (unsaved.length === 0) return;
    store.saveSamples(unsaved);
    unsaved = [];
  }

  return {
    load: (now) => {
      const stored = store.samples(addTime(now, -Math.min(now, HISTORY_AGE_MAX)), now);
      learn(stored);
      recent = stored.filter(({ at }) => at >= now - RECENT_AGE_MAX);
      return stored;
    },
    add: (samples, now) => {
      if (samples.length > 0) {
        recent = [...recent, ...samples].filter(({ at }) => at >= now - RECENT_AGE_MAX);
        unsaved = [...unsaved, ...samples];
        isStale = true;
      }
      // Once an hour at least, so that no sample goes before its hour is known.
      if (now - newest > HOUR_MS) learn(recent);
      save();
    },
    save,
    range: (from, to) => [
      ...store.samples(from, to),
      ...unsaved.filter(({ at }) => at >= from && at <= to),
    ],
    history: () => {
      if (isStale) learn(recent);
      return { hours: [...hours.values()].sort((a, b) => a.start - b.start), samples: recent };
    },
  };
}
