// One home among scripted neighbours, for tests that attack it: the real agent on faked ports.

import { type Agent, createAgent } from "../../agent/agent.ts";
import type { Verifier } from "../../agent/core/crypto.ts";
import type { BlockReference } from "../../agent/core/ledger/blockReference.ts";
import type { Rules } from "../../agent/core/ledger/rules.ts";
import { wh } from "../../agent/core/units/energy.ts";
import { MINUTE_MS } from "../../agent/core/units/time.ts";
import type { AgentEvent, SigningMarkFile, Store } from "../../agent/ports.ts";
import { createFakeNetwork, type FakeNetwork } from "./fakeNetwork.ts";
import {
  createFakeClock,
  createMemoryStore,
  createRecordingLog,
  createRecordingPublisher,
  type FakeClock,
  type RecordingLog,
  type RecordingPublisher,
} from "./fakes.ts";
import { at, makeRules, perKwh, testCard } from "./ledger.ts";
import { describeMessage } from "./voices.ts";

export const START: number = at("2026-06-01T09:50:00Z");
export const [V1, V2, V3, V4] = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"] as const;
export const FOUR: readonly string[] = [V1, V2, V3, V4];

export type AttackHome = {
  readonly agent: Agent;
  readonly clock: FakeClock;
  readonly network: FakeNetwork;
  readonly publisher: RecordingPublisher;
  readonly log: RecordingLog;
  readonly rules: Rules;
  /** What it said about the agreement so far, in words. */
  readonly said: () => string[];
};

export type AttackHomeOptions = {
  readonly rules?: Rules;
  readonly clock?: FakeClock;
  readonly store?: Store;
  /** Beside the card's key; none unless given. */
  readonly mark?: SigningMarkFile;
  readonly heard?: (event: AgentEvent) => void;
  readonly verifier?: Verifier;
  readonly trust?: BlockReference;
  readonly snapshotEvery?: number;
};

/** The home of `name`; not started. */
export function attackHome(name: string, options: AttackHomeOptions = {}): AttackHome {
  const rules = options.rules ?? makeRules({ validators: FOUR });
  const clock = options.clock ?? createFakeClock(START);
  const network = createFakeNetwork();
  const publisher = createRecordingPublisher();
  const log = createRecordingLog();
  const agent = createAgent(
    {
      rules,
      member: { firstName: "A", lastName: "B" },
      pv: null,
      limits: {
        sell: { reservePrice: perKwh(1), mostEnergy: wh(6000) },
        buy: { bidPrice: perKwh(3), mostEnergy: wh(6000) },
      },
      pollInterval: MINUTE_MS,
      administrator: null,
      ...(options.trust === undefined ? {} : { trust: options.trust }),
      ...(options.snapshotEvery === undefined ? {} : { snapshotEvery: options.snapshotEvery }),
    },
    {
      ...{ clock, network, log },
      store: options.store ?? createMemoryStore(),
      signer: testCard(name),
      ...(options.mark === undefined ? {} : { mark: options.mark }),
      devices: [],
      publisher: {
        publish: (event) => {
          publisher.publish(event);
          options.heard?.(event);
        },
      },
    },
    options.verifier,
  );
  const said = (): string[] => network.said("consensus").map(describeMessage);
  return { agent, clock, network, publisher, log, rules, said };
}
