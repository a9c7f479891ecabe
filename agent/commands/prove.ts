// `prove`: a file that shows to anyone, without a ledger, that a transaction is in it and since when.

import { writeFileSync } from "node:fs";
import { checkInclusion, proveInclusion } from "../core/audit/inclusion.ts";
import { writeProof } from "../core/audit/proofFile.ts";
import { Verifier } from "../core/crypto.ts";
import { isHash, type TransactionId } from "../core/units/ids.ts";
import { type NotHere, readProvable } from "../io/store/audit/provable.ts";
import { cannotRead, type Outcome, reading } from "./auditOutcome.ts";
import { proofLines, refusalSentence } from "./proofText.ts";

export type ProveOptions = {
  readonly data: string;
  readonly transaction: string;
  readonly out: string;
};

/** Exit code 1: this ledger has no such transaction, or is damaged there. */
export function prove({ data, transaction: id, out }: ProveOptions): Outcome {
  if (!isHash(id)) return cannotRead(`--transaction ${id}: an id of 64 hex digits`);
  return reading(() => {
    const provable = readProvable(data, id as TransactionId);
    if (!("block" in provable)) return wrong(notHere(provable, { data, id }));
    const proof = proveInclusion(provable);
    const included = checkInclusion(proof, { community: null, verifier: new Verifier() });
    if (!included.ok) return wrong(refusalSentence(included.refusal));
    writeFileSync(out, writeProof(proof, included.value), { flag: "wx" });
    const { community, header } = included.value;
    const lines = [...proofLines(included.value, true), `written     ${out}`];
    return { code: 0, lines, json: { ok: true, community, height: header.height, out } };
  });
}

function notHere(
  { firstHeight, missing }: NotHere,
  { data, id }: { readonly data: string; readonly id: string },
): string {
  if (missing === "validators") {
    return `The ledger in ${data} begins with the snapshot at ${firstHeight}. Who votes had changed before, and the blocks that show it are not here: ask a home with older blocks.`;
  }
  const sentence = `The ledger in ${data} has no transaction ${id}.`;
  if (firstHeight === 1) return sentence;
  return `${sentence} It begins with the snapshot at ${firstHeight}: a home with older blocks may have it.`;
}

function wrong(sentence: string): Outcome {
  return { code: 1, lines: [`wrong: ${sentence}`], json: { ok: false, sentence } };
}
