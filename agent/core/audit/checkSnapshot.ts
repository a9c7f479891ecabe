// A snapshot, checked from its bytes up: the block is whole and the community's, the set is the one that its
// header names, more than two thirds of that set signed the block, and the state is the one in its header. The
// chain of the votes (core/ledger/restart.ts) is told beside them, and again by the state.
//
// That the set is the community's is not shown by this: anyone can make up a set. Who joins must know the
// block's id from somewhere else (loops/join.ts), or at least the set's hash.

import type { Malformed } from "../codec/shape.ts";
import { type CertificateRefusal, checkCertificate } from "../consensus/certificate.ts";
import { type Certificate, decodeCertificate } from "../consensus/message.ts";
import { sha256Hex, type Verifier } from "../crypto.ts";
import { type Block, blockId, decodeBlock, hasItsTransactions } from "../ledger/block.ts";
import { communityId, type Rules } from "../ledger/rules.ts";
import { decodeState, type LedgerState, type StateRefusal } from "../ledger/state.ts";
import { decodeValidators, validatorsHash } from "../ledger/validators.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { BlockId, CommunityId } from "../units/ids.ts";

/** What proves a state, each part in its canonical bytes. */
export type SnapshotProof = {
  readonly block: Uint8Array;
  readonly certificate: Uint8Array;
  /** Who voted on the block. */
  readonly validators: Uint8Array;
  /** What they voted for: the community, or its last restart. The state must say the same. */
  readonly chain: CommunityId;
};

export type CheckedSnapshot = {
  readonly block: Block;
  readonly blockId: BlockId;
  readonly certificate: Certificate;
  readonly proof: SnapshotProof;
};

/** All are the fault of whoever sent it. */
export type SnapshotRefusal =
  | Malformed
  | CertificateRefusal
  | StateRefusal
  | { readonly code: "otherCommunity" }
  /** The transactions are not those of the header. */
  | { readonly code: "wrongTransactionsRoot" }
  /** The set's hash is not the header's. */
  | { readonly code: "otherValidators" }
  /** The certificate is for another block or height. */
  | { readonly code: "otherCertificate" }
  /** The votes are for another chain than the state's. */
  | { readonly code: "otherChain" }
  /** The bytes' hash is not the header's. */
  | { readonly code: "wrongStateRoot" }
  | { readonly code: "wrongHeight"; readonly needed: number; readonly got: number };

export type ProofContext = { readonly rules: Rules; readonly verifier: Verifier };

export function checkSnapshotProof(
  proof: SnapshotProof,
  { rules, verifier }: ProofContext,
): Result<CheckedSnapshot, SnapshotRefusal> {
  const block = decodeBlock(proof.block);
  if (!block.ok) return block;
  const certificate = decodeCertificate(proof.certificate);
  if (!certificate.ok) return certificate;
  const validators = decodeValidators(proof.validators);
  if (!validators.ok) return validators;
  const { header } = block.value;
  const community = communityId(rules);
  if (header.community !== community) return refused({ code: "otherCommunity" });
  if (!hasItsTransactions(block.value)) return refused({ code: "wrongTransactionsRoot" });
  if (validatorsHash(validators.value) !== header.validatorsHash) {
    return refused({ code: "otherValidators" });
  }
  const id = blockId(header);
  if (certificate.value.blockId !== id || certificate.value.height !== header.height) {
    return refused({ code: "otherCertificate" });
  }
  const context = { community: proof.chain, validators: validators.value, verifier };
  const certified = checkCertificate(certificate.value, context);
  if (!certified.ok) return certified;
  return accepted({ block: block.value, blockId: id, certificate: certificate.value, proof });
}

/** The state whose bytes these are, if the block's header names it. */
export function checkSnapshotState(
  { block: { header }, blockId: id, proof }: CheckedSnapshot,
  encoded: Uint8Array,
  rules: Rules,
): Result<LedgerState, SnapshotRefusal> {
  if (sha256Hex(encoded) !== header.stateRoot) return refused({ code: "wrongStateRoot" });
  const state = decodeState(rules, encoded, { blockId: id, proposer: header.proposer });
  if (!state.ok) return state;
  const { height: got, chain } = state.value;
  if (chain !== proof.chain) return refused({ code: "otherChain" });
  return got === header.height
    ? state
    : refused({ code: "wrongHeight", needed: header.height, got });
}
