// `verify`: the audit of a home's database, or of a resident's proof without any database.

import { readFileSync } from "node:fs";
import { readProof } from "../core/audit/proofFile.ts";
import { Verifier } from "../core/crypto.ts";
import { formatReference } from "../core/ledger/blockReference.ts";
import { communityId, type Rules } from "../core/ledger/rules.ts";
import { formatTokens } from "../core/units/money.ts";
import { type Audit, type AuditFacts, auditLedger } from "../io/store/audit/auditLedger.ts";
import { findingSentence } from "../io/store/audit/finding.ts";
import { cannotRead, namedRules, type Outcome, reading } from "./auditOutcome.ts";
import { proofLines, refusalSentence } from "./proofText.ts";

export type VerifyOptions = {
  /** One of the two. */
  readonly data?: string;
  readonly proof?: string;
  /** The community's file, as the reader knows it. */
  readonly community?: string;
};

/** `elapsed`: seconds since it was asked. */
export function verify(options: VerifyOptions, elapsed: () => number): Outcome {
  const { data, proof, community } = options;
  if ((data === undefined) === (proof === undefined)) {
    return cannotRead("Say what to verify: either --data DIR or --proof FILE.");
  }
  return reading(() => {
    const named = namedRules(community);
    if (!named.ok) return named.outcome;
    return data === undefined
      ? verifyProof(proof ?? "", named.rules)
      : verifyData(data, { rules: named.rules, elapsed });
  });
}

type DataOptions = { readonly rules: Rules | null; readonly elapsed: () => number };

function verifyData(dir: string, { rules, elapsed }: DataOptions): Outcome {
  const audit = auditLedger(dir, { rules, verifier: new Verifier() });
  const seconds = Math.round(elapsed() * 10) / 10;
  const { findings, facts } = audit;
  if (findings.length > 0 || facts === null) {
    const sentences = findings.map(findingSentence);
    const lines = sentences.map((sentence, i) => `${i === 0 ? "wrong:" : "also: "} ${sentence}`);
    const json = {
      ok: false,
      findings: findings.map((f, i) => ({ ...f, sentence: sentences[i] })),
    };
    return { code: 1, lines, json: { ...json, seconds } };
  }
  const issued = formatTokens(facts.issued);
  const json = { ok: true, ...facts, blocks: blocksOf(facts), issued, balances: issued, seconds };
  return { code: 0, lines: rightLines({ ...audit, facts }, seconds), json };
}

function blocksOf({ height, firstHeight }: AuditFacts): number {
  return height - firstHeight + 1;
}

type RightAudit = Audit & { readonly facts: NonNullable<Audit["facts"]> };

function rightLines({ facts }: RightAudit, seconds: number): readonly string[] {
  const { height, transactions, signatures, members, blockId, firstHeight } = facts;
  const blocks = blocksOf(facts);
  const issued = formatTokens(facts.issued);
  return [
    "right: every block, signature, state, balance and row of this home's ledger",
    `community   ${facts.name}, ${facts.community}`,
    `home        ${facts.memberId}`,
    `height      ${height} (${blocks} blocks, ${transactions} transactions, ${signatures} signatures checked)`,
    ...(blockId === null ? [] : [`last block  ${formatReference({ height, blockId })}`]),
    ...(firstHeight === 1
      ? []
      : [`begins      with the snapshot at ${firstHeight}; what was before is not in this home`]),
    `tokens      ${issued} in ${members} balances = ${issued} issued`,
    `state root  ${facts.stateRoot}`,
    `took        ${seconds} s`,
  ];
}

function verifyProof(file: string, rules: Rules | null): Outcome {
  const text = readFileSync(file, "utf8");
  const community = rules === null ? null : communityId(rules);
  const read = readProof(text, { community, verifier: new Verifier() });
  if (!read.ok) {
    const sentence = refusalSentence(read.refusal);
    const json = { ok: false, refusal: read.refusal, sentence };
    return { code: 1, lines: [`wrong: ${sentence}`], json };
  }
  const { header, blockId, transaction, certificate, stamp } = read.value;
  const json = {
    ...{ ok: true, community: read.value.community, isCommunityCompared: community !== null },
    ...{ height: header.height, blockId, blockTime: new Date(header.time).toISOString() },
    ...{ transactionId: transaction.id, author: transaction.author, payload: transaction.payload },
    stamp: stamp === null ? null : new Date(stamp.time).toISOString(),
    receipts: (stamp?.heard ?? []).map(({ validator, at, height }) => ({
      ...{ validator, heardAt: new Date(at).toISOString(), height },
    })),
    validators: certificate.signatures.map(({ validator }) => validator),
  };
  return { code: 0, lines: proofLines(read.value, community !== null), json };
}
