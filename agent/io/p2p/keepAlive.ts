// Notices the neighbour whose power went or whose process is frozen, for it closes nothing.
//
// Whatever arrives proves that a connection lives, and both ways: TCP delivers little to one whose acknowledgements
// are lost. So only a silent one is asked, by yamux's own ping, a frame there and a frame back, and what is heard
// of the question spares the other side its own. libp2p's monitor asks everybody each time, with a stream to be
// opened, a protocol to be agreed on and an address book to be written on both sides: with thirty neighbours that
// was most of what an idle home did.
//
// Once a minute everybody is asked all the same, so that people can see how long the way there and back takes.
//
// Beats are counted, not milliseconds: a home that was itself asleep must not take everyone else for dead.

import type { Connection, MessageStream, StreamMuxer } from "@libp2p/interface";

/** Beats in one `pingMs`: the loss is noticed within two of those, and there is one of them to answer in. */
const BEATS_PER_PING = 2;
const ASKED_AFTER_BEATS = 1;
const LOST_AFTER_BEATS = ASKED_AFTER_BEATS + BEATS_PER_PING;
const MEASURED_EVERY_MS = 60_000;
/** With whom is new: at the beat at which a silent one is asked. */
const FIRST_MEASURED_BEATS = 2;
/** Of the newest the median is told: one answer may have waited for a busy processor. */
const TRIPS_MAX = 5;

/** A muxer that can ask whether anybody is there. */
export type Pingable = Pick<StreamMuxer, "status" | "abort" | "streams"> & {
  ping(): Promise<unknown>;
};

type Watched = {
  readonly muxer: Pingable;
  readonly connection: MessageStream;
  /** Whole beats without a byte. */
  silent: number;
  /** Beats to the next question that is asked only to measure. */
  untilMeasured: number;
  isAsked: boolean;
  /** The newest times from a question to its answer, ms. */
  trips: readonly number[];
};

/** Started and stopped by libp2p, with the node. */
export class KeepAlive {
  readonly #beatMs: number;
  readonly #now: () => number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  /** `pingMs`: a connection silent for half as long, up to as long, is asked; silent for two it is ended. */
  constructor(pingMs: number, now: () => number = () => performance.now()) {
    this.#beatMs = pingMs / BEATS_PER_PING;
    this.#now = now;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.beat(), this.#beatMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#watched.clear();
  }

  /** From now on until the connection ends. */
  watch(muxer: Pingable, connection: MessageStream): void {
    const watched: Watched = {
      ...{ muxer, connection, silent: -1 },
      ...{ untilMeasured: FIRST_MEASURED_BEATS, isAsked: false, trips: [] },
    };
    this.#watched.add(watched);
    // The beat that follows a byte comes too soon to count as silence.
    connection.addEventListener("message", () => {
      watched.silent = -1;
    });
    connection.addEventListener("close", () => this.#watched.delete(watched));
  }

  /** Asks those who were silent, and now and then the others; hangs up on those who did not answer. */
  beat(): void {
    for (const watched of this.#watched) {
      watched.silent += 1;
      watched.untilMeasured -= 1;
      if (watched.silent >= LOST_AFTER_BEATS) this.#end(watched);
      else if (watched.silent === ASKED_AFTER_BEATS || watched.untilMeasured <= 0) {
        watched.untilMeasured = Math.ceil(MEASURED_EVERY_MS / this.#beatMs);
        void this.#ask(watched);
      }
    }
  }

  /** There and back, ms, the median of the newest few; null: not measured (yet). */
  roundTripMs({ streams }: Pick<Connection, "streams">): number | null {
    for (const { muxer, trips } of this.#watched) {
      // A connection shows its muxer's own list: the one thing that both have.
      if (muxer.streams === streams) return median(trips);
    }
    return null;
  }

  async #ask(watched: Watched): Promise<void> {
    const { muxer, isAsked } = watched;
    if (muxer.status !== "open") return;
    const from = this.#now();
    watched.isAsked = true;
    try {
      // The answer is a byte like any other. While one is outstanding a second question is none to yamux.
      await muxer.ping();
      if (!isAsked) watched.trips = [...watched.trips, this.#now() - from].slice(-TRIPS_MAX);
    } catch {
      // The connection is on its way down.
    } finally {
      if (!isAsked) watched.isAsked = false;
    }
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    const lost = new Error("silent, and no answer to a ping");
    watched.muxer.abort(lost);
    watched.connection.abort(lost);
  }
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
}
