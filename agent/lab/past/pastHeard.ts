// What the page's recorder would have heard on the broker, had it listened in the past: each device's power, and each
// home's hours as the ledger has them.

import { homeTopics, topicName } from "../../../broker/topics.ts";
import type { LedgerEvent } from "../../core/ledger/event.ts";
import { formatIso } from "../../core/units/iso.ts";
import { HOUR_MS, MINUTE_MS, type UnixMs } from "../../core/units/time.ts";
import { hourState } from "../../io/mqtt/payloads.ts";
import type { PastState } from "../devices.ts";
import type { LabHome } from "../homes.ts";

/** The recorder's finest step. */
const STEP_MS = 5 * MINUTE_MS;

export type PastTold = {
  readonly homes: readonly LabHome[];
  /** Each home's, by its name. */
  readonly states: ReadonlyMap<string, readonly PastState[]>;
  readonly events: readonly LedgerEvent[];
};

/** Topics and payloads; of each device ascending in time. */
export function* pastHeard({
  homes,
  states,
  events,
}: PastTold): Iterable<readonly [topic: string, payload: string]> {
  for (const { name, pv } of homes) {
    const { deviceState } = homeTopics(topicName(name));
    for (const { at, production, grid } of powers(states.get(name) ?? [])) {
      const say = (w: number) => JSON.stringify({ at: formatIso(at), power_w: w });
      yield [deviceState("meter"), say(grid)];
      if (pv !== null) yield [deviceState("inverter"), say(production)];
    }
  }
  const topics = new Map(
    homes.map(({ name, memberId }) => [memberId, homeTopics(topicName(name)).hour]),
  );
  for (const event of events) {
    if (event.type !== "listingFinished") continue;
    for (const statement of event.statements) {
      const topic = topics.get(statement.memberId);
      const at = 0 as UnixMs;
      if (topic !== undefined) {
        yield [topic, JSON.stringify(hourState(at, event.listingId, statement))];
      }
    }
  }
}

type Power = { readonly at: UnixMs; readonly production: number; readonly grid: number };

/** Mean W of each hour, from the counters, or of five minutes, from the minutes' own power. */
export function powers(states: readonly PastState[]): readonly Power[] {
  const means: Power[] = [];
  let minutes: PastState[] = [];
  const close = (): void => {
    const [first] = minutes;
    if (first === undefined) return;
    const mean = (of: (state: PastState) => number): number =>
      Math.round(minutes.reduce((sum, state) => sum + of(state), 0) / minutes.length);
    const production = mean((state) => state.production);
    const grid = mean((state) => state.load - state.production);
    means.push({ at: first.at as UnixMs, production, grid });
    minutes = [];
  };
  for (const [i, state] of states.entries()) {
    const next = states[i + 1];
    if (next !== undefined && next.at - state.at === HOUR_MS) {
      const grid = next.imported - state.imported - (next.exported - state.exported);
      const production = next.produced - state.produced;
      means.push({ at: state.at as UnixMs, production, grid });
      continue;
    }
    const [first] = minutes;
    if (first !== undefined && stepOf(first) !== stepOf(state)) close();
    minutes.push(state);
  }
  close();
  return means;
}

function stepOf({ at }: PastState): number {
  return Math.floor(at / STEP_MS);
}
