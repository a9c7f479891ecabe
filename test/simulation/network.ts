// Gossip and questions between homes, with everything that goes wrong between them. Like gossipsub, it
// delivers a message to a home at most once however often it is published.

import { createHash } from "node:crypto";
import type { MemberId } from "../../agent/core/units/ids.ts";
import type {
  Network,
  NetworkHandlers,
  NetworkRequest,
  Protocol,
  Topic,
} from "../../agent/ports.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Timeline } from "./timeline.ts";

export type Weather = {
  /** Milliseconds that a message takes at least and, mostly, at most. */
  readonly delayMin: number;
  readonly delayMax: number;
  readonly drop: number;
  readonly duplicate: number;
  /** The chance that a message takes up to 30 times as long. */
  readonly straggle: number;
  /** The chance that a question for votes never reaches anybody. */
  readonly unanswered: number;
};

export const FAIR_WEATHER: Weather = {
  delayMin: 2,
  delayMax: 20,
  drop: 0,
  duplicate: 0,
  straggle: 0,
  unanswered: 0,
};

const ANSWER_WITHIN_MS = 10_000;
const LONG_DELAY_MS = 2000;
const MESSAGES_REMEMBERED_MAX = 20_000;

/** A home's place on the network, while it is up. */
export type Station = {
  readonly handlers: NetworkHandlers;
  /** Runs something on the home; false if it is down or went down while running. */
  readonly run: (place: string, action: () => void) => boolean;
};

export type NetworkWatch = {
  readonly published: (from: MemberId, topic: Topic, message: Uint8Array) => void;
  /** A message gets to a home by gossip. */
  readonly received: (to: MemberId, topic: Topic, message: Uint8Array) => void;
  readonly punished: (from: MemberId, by: MemberId, topic: Topic) => void;
};

export class SimulatedNetwork {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #watch: NetworkWatch;
  readonly #tally: Tally;
  readonly #stations = new Map<MemberId, Station>();
  readonly #seen = new Map<MemberId, Set<string>>();
  #weather: Weather = FAIR_WEATHER;
  /** Homes in different groups do not hear each other; a one-way cut silences `from` towards `to`. */
  #group = new Map<MemberId, number>();
  #oneWay: { readonly from: MemberId; readonly to: MemberId } | null = null;
  /** How much later everything from and to a home arrives, ms. */
  readonly #slow = new Map<MemberId, number>();

  constructor(timeline: Timeline, random: Random, watch: NetworkWatch, tally: Tally) {
    this.#tally = tally;
    this.#timeline = timeline;
    this.#random = random;
    this.#watch = watch;
  }

  set weather(weather: Weather) {
    this.#weather = weather;
  }

  partition(groups: ReadonlyMap<MemberId, number>): void {
    this.#group = new Map(groups);
  }

  cutOneWay(cut: { readonly from: MemberId; readonly to: MemberId } | null): void {
    this.#oneWay = cut;
  }

  slow(home: MemberId, delay: number): void {
    this.#slow.set(home, delay);
  }

  heal(): void {
    this.#slow.clear();
    this.#weather = FAIR_WEATHER;
    this.#group = new Map();
    this.#oneWay = null;
  }

  leave(home: MemberId): void {
    this.#stations.delete(home);
    this.#seen.delete(home);
    for (const [other, station] of this.#stations) {
      if (other !== home) station.run("left", () => station.handlers.left(home));
    }
  }

  /** The port of one home; `touched` is where its power may go. */
  port(home: MemberId, run: Station["run"], touched: (place: string) => void): Network {
    return {
      start: (handlers) => this.#join(home, { handlers, run }),
      publish: (topic, message) => {
        touched("before publish");
        this.#watch.published(home, topic, message);
        this.broadcast(home, topic, message);
        touched("after publish");
      },
      request: (request) => {
        touched("before request");
        this.#request(home, request);
      },
      peers: () => this.others(home),
    };
  }

  /** Sends as `from`, which need not be up: also what an attacker says in its name. */
  broadcast(from: MemberId, topic: Topic, message: Uint8Array): void {
    const id = createHash("sha256").update(topic).update(message).digest("base64");
    this.#remember(from, id);
    for (const to of [...this.#stations.keys()]) {
      if (to !== from)
        this.#deliver({ from, to }, () => this.#receive({ from, to, topic, message, id }));
    }
  }

  /** Sends to one home, which may pass it on if it finds it good: then it is blamed if others do not. */
  whisper({ from, to, topic, message, isRelayed }: Whisper): void {
    const id = createHash("sha256").update(topic).update(message).digest("base64");
    const passOn = (): void => {
      if (isRelayed) this.broadcast(to, topic, message);
    };
    this.#deliver({ from, to }, () => this.#receive({ from, to, topic, message, id, passOn }));
  }

  /** Who else is up, in order. */
  others(home: MemberId): readonly MemberId[] {
    return [...this.#stations.keys()].filter((other) => other !== home).sort();
  }

  #join(home: MemberId, station: Station): void {
    const others = [...this.#stations.keys()];
    this.#stations.set(home, station);
    for (const other of others) {
      this.#timeline.plan(1, () => this.#introduce(home, other));
      this.#timeline.plan(1, () => this.#introduce(other, home));
    }
  }

  #introduce(peer: MemberId, to: MemberId): void {
    const station = this.#stations.get(to);
    station?.run("joined", () => station.handlers.joined(peer));
  }

  #receive({ from, to, topic, message, id, passOn }: Delivery): void {
    const station = this.#stations.get(to);
    if (station === undefined || this.#remember(to, id)) return;
    this.#watch.received(to, topic, message);
    station.run("received", () => {
      const reception = station.handlers.received(topic, message, from);
      if (reception === "reject") this.#watch.punished(from, to, topic);
      if (reception === "accept") passOn?.();
    });
  }

  #request(from: MemberId, { to, protocol, body, answered }: NetworkRequest): void {
    let isAnswered = false;
    const asker = this.#stations.get(from);
    const finish = (reply: Uint8Array | null): void => {
      if (isAnswered) return;
      isAnswered = true;
      // The asker may have died meanwhile; a new agent on the same disk did not ask.
      if (this.#stations.get(from) === asker) asker?.run("answered", () => answered(reply));
    };
    this.#timeline.plan(ANSWER_WITHIN_MS, () => finish(null));
    if (protocol === "votes" && this.#random.chance(this.#weather.unanswered)) return;
    this.#deliver({ from, to }, () => {
      const reply = this.#ask({ from, to, protocol, body });
      this.#deliver({ from: to, to: from }, () => finish(reply));
    });
  }

  #ask({ from, to, protocol, body }: Question): Uint8Array | null {
    const station = this.#stations.get(to);
    let reply: Uint8Array | null = null;
    station?.run("requested", () => {
      reply = station.handlers.requested(protocol, body, from);
    });
    return reply;
  }

  #deliver({ from, to }: Way, arrive: () => void): void {
    const copies = this.#random.chance(this.#weather.duplicate) ? 2 : 1;
    if (copies === 2) this.#tally.count("message duplicated");
    for (let i = 0; i < copies; i += 1) {
      if (!this.#hears({ from, to })) continue;
      if (this.#random.chance(this.#weather.drop)) {
        this.#tally.count("message dropped");
        continue;
      }
      const { delayMin, delayMax, straggle } = this.#weather;
      const usual = this.#random.integer(delayMin, delayMax);
      const late = (this.#slow.get(from) ?? 0) + (this.#slow.get(to) ?? 0);
      const straggling = this.#random.chance(straggle) ? this.#random.integer(2, 30) : 1;
      const delay = usual * straggling + late;
      if (straggling > 1) this.#tally.count("message overtaken");
      if (delay > LONG_DELAY_MS) this.#tally.count("message late by seconds");
      this.#timeline.plan(delay, () => {
        if (this.#hears({ from, to })) arrive();
      });
    }
  }

  #hears({ from, to }: Way): boolean {
    if (this.#oneWay !== null && this.#oneWay.from === from && this.#oneWay.to === to) return false;
    return (this.#group.get(from) ?? 0) === (this.#group.get(to) ?? 0);
  }

  /** True if the home has had the message already. */
  #remember(home: MemberId, id: string): boolean {
    const seen = this.#seen.get(home) ?? new Set<string>();
    this.#seen.set(home, seen);
    if (seen.has(id)) return true;
    if (seen.size >= MESSAGES_REMEMBERED_MAX) seen.clear();
    seen.add(id);
    return false;
  }
}

type Way = { readonly from: MemberId; readonly to: MemberId };
type Whisper = Way & {
  readonly topic: Topic;
  readonly message: Uint8Array;
  readonly isRelayed: boolean;
};
type Question = Way & { readonly protocol: Protocol; readonly body: Uint8Array };
type Delivery = Way & {
  readonly topic: Topic;
  readonly message: Uint8Array;
  readonly id: string;
  readonly passOn?: () => void;
};
