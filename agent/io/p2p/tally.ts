// Counts for operators: what came, what went, what was refused. Names are literals, so the map is bounded.

import type { Protocol, Reception, Topic } from "../../ports.ts";

type Way = "gossip" | "push";

export type CounterName =
  | `${Way}.in.${Topic}.${Reception | "duplicate" | "limited"}`
  | `${Way}.out.${Topic}`
  /** Published while nobody listened. */
  | "gossip.unheard"
  /** Too slow a reader: its oldest frame was dropped, or its stream reset. */
  | "push.dropped"
  | "push.reset"
  | "push.malformed"
  | `request.out.${Protocol}.${"answered" | "unanswered" | "busy"}`
  | `request.in.${Protocol}.${"answered" | "unanswered" | "limited" | "malformed"}`
  | "card.admitted"
  | "card.refused"
  | "card.late"
  | "card.malformed"
  | "peer.expelled"
  | "peer.revoked"
  | "peer.replaced"
  | "connection.opened"
  | "connection.surplus"
  | "connection.denied"
  | "gossip.lost"
  | "dial.failed"
  | "handler.threw";

export class Tally {
  readonly #counts = new Map<CounterName, number>();

  count(name: CounterName, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** Sorted by name; what never happened is absent. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
