// Notices the neighbour whose power went or whose process is frozen, for it closes nothing.
//
// Whatever arrives proves that a connection lives, and both ways: TCP delivers little to one whose acknowledgements
// are lost. So only a silent one is asked, by yamux's own ping, a frame there and a frame back, and what is heard
// of the question spares the other side its own. libp2p's monitor asks everybody each time, with a stream to be
// opened, a protocol to be agreed on and an address book to be written on both sides: with thirty neighbours that
// was most of what an idle home did.
//
// Beats are counted, not milliseconds: a home that was itself asleep must not take everyone else for dead.

import type { MessageStream, StreamMuxer } from "@libp2p/interface";

/** Beats in one `pingMs`: the loss is noticed within two of those, and there is one of them to answer in. */
const BEATS_PER_PING = 2;
const ASKED_AFTER_BEATS = 1;
const LOST_AFTER_BEATS = ASKED_AFTER_BEATS + BEATS_PER_PING;

/** A muxer that can ask whether anybody is there. */
export type Pingable = Pick<StreamMuxer, "status" | "abort"> & { ping(): Promise<number> };

type Watched = {
  readonly muxer: Pingable;
  readonly connection: MessageStream;
  /** Whole beats without a byte. */
  silent: number;
};

/** Started and stopped by libp2p, with the node. */
export class KeepAlive {
  readonly #beatMs: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  /** `pingMs`: a connection silent for half as long, up to as long, is asked; silent for two it is ended. */
  constructor(pingMs: number) {
    this.#beatMs = pingMs / BEATS_PER_PING;
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
    const watched: Watched = { muxer, connection, silent: -1 };
    this.#watched.add(watched);
    // The beat that follows a byte comes too soon to count as silence.
    connection.addEventListener("message", () => {
      watched.silent = -1;
    });
    connection.addEventListener("close", () => this.#watched.delete(watched));
  }

  /** Asks those who were silent, and hangs up on those who did not answer. */
  beat(): void {
    for (const watched of this.#watched) {
      watched.silent += 1;
      if (watched.silent === ASKED_AFTER_BEATS) ask(watched);
      else if (watched.silent >= LOST_AFTER_BEATS) this.#end(watched);
    }
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    const lost = new Error("silent, and no answer to a ping");
    watched.muxer.abort(lost);
    watched.connection.abort(lost);
  }
}

function ask({ muxer }: Watched): void {
  if (muxer.status !== "open") return;
  // The answer is a byte like any other; the connection may be on its way down.
  muxer.ping().catch(() => {});
}
