// `restart make`: the CA says who votes after the last certified block of a ledger, which is checked first.

import { writeFileSync } from "node:fs";
import { sameBytes } from "../core/codec/bytes.ts";
import { Verifier } from "../core/crypto.ts";
import { checkRestart } from "../core/ledger/restart.ts";
import { communityId, type Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { type Payload, signTransaction } from "../core/ledger/transaction.ts";
import type { MemberId } from "../core/units/ids.ts";
import { type Ca, readCa } from "../io/ca.ts";
import { KeyError } from "../io/privateFiles.ts";
import { auditLedger } from "../io/store/audit/auditLedger.ts";
import { findingSentence } from "../io/store/audit/finding.ts";
import { cannotRead, type Outcome, reading } from "./auditOutcome.ts";
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
export function makeRestart({ ca: dir, data, validator, out }: RestartMakeOptions): Outcome {
  return reading(() => {
    const ca = caIn(dir);
    if (typeof ca === "string") return cannotRead(ca);
    const { findings, state } = auditLedger(data, { rules: null, verifier: new Verifier() });
    if (state === null || findings.length > 0) return wrong(...findings.map(findingSentence));
    if (!sameBytes(ca.publicKey, state.rules.caPublicKey)) {
      return wrong(`${dir} is not the CA of the community in ${data}.`);
    }
    return signed(state, { ca, names: validator, out });
  });
}

function caIn(dir: string): Ca | string {
  try {
    return readCa(dir);
  } catch (error) {
    if (error instanceof KeyError) return error.message;
    throw error;
  }
}

type Order = { readonly ca: Ca; readonly names: readonly string[]; readonly out: string };

function signed(state: LedgerState, { ca, names, out }: Order): Outcome {
  const { height, lastBlock, caSequence, rules } = state;
  if (lastBlock === null) return wrong("This ledger has no block yet: make a new community.");
  const validators: Validator[] = [];
  for (const name of [...new Set(names)].sort()) {
    const seat = seatOf(state, name);
    if (seat === null) return wrong(`${name} is no member of this community.`);
    validators.push(seat);
  }
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

function seatOf({ members, validators }: LedgerState, name: string): Validator | null {
  const memberId = name as MemberId;
  const member = members.get(memberId) ?? validators.find((one) => one.memberId === memberId);
  return member === undefined ? null : { memberId, publicKey: member.publicKey };
}

function wrong(...sentences: readonly string[]): Outcome {
  const lines = sentences.map((sentence) => `wrong: ${sentence}`);
  return { code: 1, lines, json: { ok: false, sentences } };
}
