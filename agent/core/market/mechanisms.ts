// The mechanisms a community can name in its rules.

import type { Rules } from "../ledger/rules.ts";
import type { Mechanism } from "./mechanism.ts";
import { paperAverage } from "./paperAverage.ts";

const MECHANISMS: { readonly [Name in Rules["mechanism"]]: Mechanism } = {
  "paper-average": paperAverage,
};

export function mechanism(name: Rules["mechanism"]): Mechanism {
  return MECHANISMS[name];
}
