// Who lives in the simulated street: validators first, then followers; sellers and buyers in turn.

import type { AgentSettings } from "../../agent/agent.ts";
import type { Rules } from "../../agent/core/ledger/rules.ts";
import { watts, wh } from "../../agent/core/units/energy.ts";
import { pvId } from "../../agent/core/units/ids.ts";
import { milliTokensPerKwh } from "../../agent/core/units/money.ts";
import { MINUTE_MS } from "../../agent/core/units/time.ts";
import { makeRules, type TestCard, testCard } from "../support/ledger.ts";

export type Neighbour = {
  readonly signer: TestCard;
  readonly agent: AgentSettings;
  readonly production: number;
  readonly consumption: number;
};

export type Neighbourhood = {
  readonly rules: Rules;
  readonly neighbours: readonly Neighbour[];
  /** Holds a card of this CA, but was never registered. */
  readonly outsider: TestCard;
};

export type NeighbourhoodSize = { readonly validators: number; readonly followers: number };

export function neighbourhood({ validators, followers }: NeighbourhoodSize): Neighbourhood {
  const names = Array.from({ length: validators + followers }, (_, i) => nameOf(i));
  const rules = makeRules({ validators: names.slice(0, validators) });
  return {
    rules,
    neighbours: names.map((name, i) => neighbour(rules, name, i)),
    outsider: testCard("outsider@vt.edu"),
  };
}

function nameOf(index: number): string {
  const number = Math.floor(index / 2) + 1;
  return index % 2 === 0 ? `seller${number}@vt.edu` : `buyer${number}@vt.edu`;
}

function neighbour(rules: Rules, name: string, index: number): Neighbour {
  const isSeller = index % 2 === 0;
  const [firstName = name] = name.split("@");
  return {
    signer: testCard(name),
    production: isSeller ? 3000 + 100 * index : 0,
    consumption: isSeller ? 500 : 1500 + 50 * index,
    agent: {
      rules,
      member: { firstName, lastName: firstName },
      pv: isSeller ? { pvId: pvId(`${firstName}house`), capacity: watts(6400) } : null,
      limits: {
        sell: { reservePrice: milliTokensPerKwh(1000), mostEnergy: wh(6000) },
        buy: { bidPrice: milliTokensPerKwh(3000 + 100 * index), mostEnergy: wh(6000) },
      },
      pollInterval: MINUTE_MS,
      administrator: null,
    },
  };
}
