// `restart make`: the CA says who votes after the last certified block of a ledger, which is checked first.

import { writeFileSync } from "node:fs";
import { Verifier } from "../core/crypto.ts";
import { checkRestart } from "../core/ledger/restart.ts";
import { communityId } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { type Payload, signTransaction } from "../core/ledger/transaction.ts";
import type { Ca } from "../io/ca.ts";
import type { Outcome } from "./auditOutcome.ts";
import { onCaLedger, seatsOf, wrong } from "./caLedger.ts";
import { writeRestartFile } from "./restartFile.ts";

export type RestartMakeOptions = {
  /** The CA's folder. */
  readonly ca: string;
  /** The data directory of the home whose last block is the highest, or a copy of it. */
  readonly data: string;
  /** Members who vote from then on. */
  readonly validator: readonly string[];
  readonly out: string;
};

/** Exit code 1: the ledger is wrong, or such a restart would be refused. */
export function makeRestart({ ca, data, validator, out }: RestartMakeOptions): Outcome {
  return onCaLedger({ ca, data }, (key, state) =>
    signed(state, { ca: key, names: validator, out }),
  );
}

type Wanted = { readonly ca: Ca; readonly names: readonly string[]; readonly out: string };

function signed(state: LedgerState, { ca, names, out }: Wanted): Outcome {
  const { height, lastBlock, caSequence, rules } = state;
  if (lastBlock === null) return wrong("This ledger has no block yet: make a new community.");
  const found = seatsOf(state, names);
  if ("unknown" in found) return wrong(`${found.unknown} is no member of this community.`);
  const { seats: validators } = found;
  const { blockId } = lastBlock;
  const payload: Payload = {
    ...{ type: "restart", sequence: caSequence + 1, height, blockId, validators },
  };
  const community = communityId(rules);
  const transaction = signTransaction(community, { author: null, payload }, ca.sign);
  const checked = checkRestart(state, transaction, new Verifier());
  if (!checked.ok) return wrong(`It would be refused: ${JSON.stringify(checked.refusal)}.`);
  writeFileSync(out, writeRestartFile(community, transaction), { flag: "wx" });
  const voters = validators.map(({ memberId }) => memberId);
  const lines = [
    `after block ${height}, ${blockId}`,
    `vote        ${voters.join(", ")}`,
    `written     ${out}`,
    "Before you give it to the homes: no home may have a later block, or another one of this height.",
  ];
  return {
    code: 0,
    lines,
    json: { ok: true, community, height, blockId, validators: voters, out },
  };
}
