// A few real agents in one process, on one clock moved by hand and a network that loses nothing: for what
// takes several homes and no bad weather. A home's disk outlives its agent.

import { type Agent, createAgent } from "../../agent/agent.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import { encodeTransaction, type Payload } from "../../agent/core/ledger/transaction.ts";
import type { MemberId } from "../../agent/core/units/ids.ts";
import { MINUTE_MS } from "../../agent/core/units/time.ts";
import type { Network, NetworkHandlers, NetworkRequest, Store, Topic } from "../../agent/ports.ts";
import {
  createFakeClock,
  createMemoryStore,
  createRecordingLog,
  createRecordingPublisher,
  type FakeClock,
  type MemoryStore,
  type RecordingLog,
  type RecordingPublisher,
} from "./fakes.ts";
import { signed, testCard } from "./ledger.ts";
import { createMemoryMark, type MemoryMark } from "./memoryMark.ts";

/** Milliseconds that everything takes from home to home. */
const DELAY = 5;
const ANSWER_WITHIN = 10_000;

export type StreetHome = {
  readonly id: MemberId;
  readonly store: MemoryStore;
  /** What its agent writes to: `store`, unless told otherwise. */
  disk: Store;
  /** The mark beside its card's key, which outlives its agent as the disk does. */
  readonly mark: MemoryMark;
  readonly log: RecordingLog;
  readonly publisher: RecordingPublisher;
  agent: Agent | null;
  handlers: NetworkHandlers | null;
};

/** Something said that its receiver says nobody honest says. */
export type Blame = { readonly by: MemberId; readonly from: MemberId; readonly topic: Topic };

export class Street {
  readonly rules: Rules;
  readonly clock: FakeClock;
  readonly blamed: Blame[] = [];
  /** All consensus messages, with who said them. */
  readonly said: { readonly by: MemberId; readonly message: Uint8Array }[] = [];
  readonly #verifier = new Verifier();
  readonly #homes = new Map<string, StreetHome>();

  /** Nobody is up yet. */
  constructor(rules: Rules, start: number, names: readonly string[]) {
    this.rules = rules;
    this.clock = createFakeClock(start);
    for (const name of names) {
      const store = createMemoryStore();
      this.#homes.set(name, {
        id: name as MemberId,
        ...{ store, disk: store, mark: createMemoryMark() },
        log: createRecordingLog(),
        publisher: createRecordingPublisher(),
        ...{ agent: null, handlers: null },
      });
    }
  }

  home(name: string): StreetHome {
    const home = this.#homes.get(name);
    if (home === undefined) throw new Error(`nobody called ${name} lives here`);
    return home;
  }

  agent(name: string): Agent {
    const { agent } = this.home(name);
    if (agent === null) throw new Error(`${name} is down`);
    return agent;
  }

  start(...names: readonly string[]): void {
    this.startWith(null, ...names);
  }

  /** With a restart that their operators give them. */
  startWith(restart: Uint8Array | null, ...names: readonly string[]): void {
    for (const name of names) {
      const home = this.home(name);
      home.agent = createAgent(
        {
          ...{ rules: this.rules, pv: null, pollInterval: MINUTE_MS, administrator: null },
          member: { firstName: name.slice(0, 1), lastName: "Street" },
          limits: { sell: null, buy: null },
          restart,
        },
        {
          ...{ clock: this.clock, network: this.#port(home), store: home.disk },
          ...{ signer: testCard(name), devices: [], publisher: home.publisher, log: home.log },
          mark: home.mark,
        },
        this.#verifier,
      );
      home.agent.start();
    }
  }

  stop(...names: readonly string[]): void {
    for (const name of names) {
      const home = this.home(name);
      home.agent?.stop();
      home.agent = null;
      home.handlers = null;
      for (const { handlers } of this.#up()) handlers.left(home.id);
    }
  }

  run(duration: number): void {
    this.clock.advance(duration);
  }

  /** The CA signs it, and everybody who is up gets it from `messenger`. */
  byCa(payload: Payload, messenger: string): void {
    const bytes = encodeTransaction(communityId(this.rules), signed(this.rules, null, payload));
    for (const { handlers } of this.#up()) {
      handlers.received("transaction", bytes, messenger as MemberId);
    }
  }

  heights(...names: readonly string[]): readonly number[] {
    return names.map((name) => this.agent(name).head().height);
  }

  #up(): readonly { readonly id: MemberId; readonly handlers: NetworkHandlers }[] {
    return [...this.#homes.values()].flatMap(({ id, handlers }) =>
      handlers === null ? [] : [{ id, handlers }],
    );
  }

  #port(home: StreetHome): Network {
    const { id } = home;
    return {
      start: (handlers) => {
        home.handlers = handlers;
        for (const other of this.#up()) {
          if (other.id === id) continue;
          this.#later(() => {
            this.#homes.get(other.id)?.handlers?.joined(id);
            home.handlers?.joined(other.id);
          });
        }
      },
      publish: (topic, message) => {
        if (topic === "consensus") this.said.push({ by: id, message });
        for (const to of this.#up()) {
          if (to.id === id) continue;
          this.#later(() => this.#deliver({ by: to.id, from: id, topic }, message));
        }
      },
      request: (request) => this.#ask(home, request),
      peers: () => this.#up().flatMap((other) => (other.id === id ? [] : [other.id])),
    };
  }

  #deliver(way: Blame, message: Uint8Array): void {
    const reception = this.home(way.by).handlers?.received(way.topic, message, way.from);
    if (reception === "reject") this.blamed.push(way);
  }

  #ask(from: StreetHome, { to, protocol, body, answered }: NetworkRequest): void {
    const { agent } = from;
    let isOpen = true;
    const finish = (reply: Uint8Array | null): void => {
      if (isOpen && from.agent === agent) answered(reply);
      isOpen = false;
    };
    this.clock.after(ANSWER_WITHIN as never, () => finish(null));
    this.#later(() => {
      const reply = this.home(to).handlers?.requested(protocol, body, from.id) ?? null;
      this.#later(() => finish(reply));
    });
  }

  #later(run: () => void): void {
    this.clock.after(DELAY as never, run);
  }
}
