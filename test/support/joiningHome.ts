// A home that joins, and the neighbours it asks: real agents that have a chain on their disks. What one of
// them answers can be changed, as a liar would.

import type { MemberId } from "../../agent/core/units/ids.ts";
import type { Store } from "../../agent/ports.ts";
import { type AttackHome, type AttackHomeOptions, attackHome } from "./attackHome.ts";
import type { Question } from "./fakeNetwork.ts";
import { createMemoryStore } from "./fakes.ts";
import type { TestChain } from "./ledger.ts";
import { storeChain } from "./voices.ts";

export type Reply = Uint8Array | null | "silence";
export type Lie = (question: Question, honest: Uint8Array | null) => Reply;

export type Neighbourhood = {
  /** The joiner's neighbours connect. */
  readonly connect: () => void;
  /** Answers everything that is open, then lets time pass, again and again for `duration` ms. */
  readonly pass: (duration: number) => void;
  /** Questions so far: "chunk v1@vt.edu", one a line. */
  readonly asked: (protocol: string) => readonly Question[];
};

export type NeighbourOptions = {
  readonly chain: TestChain;
  readonly snapshotEvery: number;
  /** By name. */
  readonly neighbours: readonly string[];
  readonly lies?: { readonly [name: string]: Lie };
  /** With the chain in it, or what writes the chain into one; left out: certified by all of the rules. */
  readonly store?: Store | ((store: Store) => void);
};

/** `answer`: what each neighbour says to the joiner's questions. */
export function neighbourhood(joiner: AttackHome, options: NeighbourOptions): Neighbourhood {
  const { neighbours, lies = {} } = options;
  const homes = new Map(neighbours.map((name) => [name, storedHome(name, options, joiner)]));
  const answerAll = (): void => {
    for (let i = 0; i < 1000; i += 1) {
      const question = joiner.network.asked.find(
        (one) => one.isOpen() && !silent.has(one) && homes.has(one.to),
      );
      if (question === undefined) return;
      answer(question);
    }
  };
  const silent = new Set<Question>();
  const answer = (question: Question): void => {
    const home = homes.get(question.to);
    const from = "joiner@vt.edu" as MemberId;
    const { protocol, body } = question;
    const honest = home?.network.handlers().requested(protocol, body, from) ?? null;
    const lie = lies[question.to];
    const reply = lie === undefined ? honest : lie(question, honest);
    if (reply === "silence") silent.add(question);
    else question.answered(reply);
  };
  return {
    connect: () => joiner.network.join(...neighbours),
    pass: (duration) => {
      for (let left = duration; left > 0; left -= 20) {
        answerAll();
        joiner.clock.advance(Math.min(20, left));
      }
      answerAll();
    },
    asked: (protocol) => joiner.network.asked.filter((one) => one.protocol === protocol),
  };
}

function storedHome(
  name: string,
  { chain, snapshotEvery, store: given }: NeighbourOptions,
  { rules, clock }: AttackHome,
): AttackHome {
  const store: Store = typeof given === "object" ? given : createMemoryStore();
  if (typeof given === "function") given(store);
  else if (given === undefined) storeChain(store, chain, snapshotEvery);
  const options: AttackHomeOptions = { rules, clock, store, snapshotEvery };
  const home = attackHome(name, options);
  home.agent.start();
  return home;
}
