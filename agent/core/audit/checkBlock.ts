// One block as the disk holds it, checked from its bytes up and applied to the state before it. Where
// something is wrong, what else is known of the block tells which of its parts was changed, and where:
//
//   header        its hash is the block's id, which also stands beside it and in the certificate; where one
//                 of the three differs from the other two, that one is wrong
//   certificate   signatures of more than two thirds of the validators for that id
//   transactions  their tree's root is in the header, and the id of each stands beside it
//
// What stands beside the bytes for quick reading (columns) is only a witness here; that it equals what the
// bytes say is checked when the tables are compared.

import { bytesToHex } from "../codec/hex.ts";
import { type CertificateContext, checkCertificate } from "../consensus/certificate.ts";
import { type Certificate, decodeCertificate, encodeCertificate } from "../consensus/message.ts";
import type { Verifier } from "../crypto.ts";
import { type AppliedBlock, applyBlock } from "../ledger/applyBlock.ts";
import { type Block, blockId, decodeBlock, type Header } from "../ledger/block.ts";
import { baseOfBlock } from "../ledger/restart.ts";
import type { LedgerState } from "../ledger/state.ts";
import { merkleRoot } from "../merkle.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { BlockId } from "../units/ids.ts";
import { blameTransaction, type RecordedTransaction } from "./blameTransaction.ts";
import { type BlockFault, blockFault } from "./blockFault.ts";
import { findFlippedBit, firstDifference, placeOf } from "./bytes.ts";

/** A block's parts, each as the disk holds it. */
export type RecordedBlock = {
  /** What stands beside the bytes; hex. */
  readonly blockId: string;
  readonly round: number;
  /** The block's canonical bytes with its transactions left out. */
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  readonly transactions: readonly RecordedTransaction[];
};

export type CheckedBlock = AppliedBlock & {
  readonly block: Block;
  readonly blockId: BlockId;
  readonly certificate: Certificate;
};

/** `state`: after the block before. A block that is right leads to the next state. */
export function checkBlock(
  state: LedgerState,
  recorded: RecordedBlock,
  verifier: Verifier,
): Result<CheckedBlock, BlockFault> {
  const read = readHeader(recorded);
  if (!read.ok) return read;
  const header = read.value;
  const bytes = recorded.transactions.map((one) => one.bytes);
  const { validators, chain } = baseOfBlock(state, bytes, verifier).state;
  const context = { community: chain, validators, verifier };
  const certificate = readCertificate(recorded, { header, context });
  if (!certificate.ok) return certificate;
  if (bytesToHex(merkleRoot(bytes)) !== header.transactionsRoot) {
    return refused(blameTransaction(state, recorded.transactions, verifier));
  }
  const block = { header, transactions: bytes };
  const applied = applyBlock(state, block, verifier);
  if (!applied.ok) {
    const facts = JSON.stringify(applied.refusal);
    const problem = `it does not follow from the block before: ${facts}`;
    return refused(blockFault("header", { problem }));
  }
  const id = blockId(header);
  return accepted({ ...applied.value, block, blockId: id, certificate: certificate.value });
}

function readHeader(recorded: RecordedBlock): Result<Header, BlockFault> {
  const decoded = decodeBlock(recorded.header);
  const certificate = decodeCertificate(recorded.certificate);
  const known = certificate.ok ? certificate.value.blockId : recorded.blockId;
  if (decoded.ok && decoded.value.transactions.length === 0) {
    const { header } = decoded.value;
    const id = blockId(header);
    if (id === recorded.blockId || id === known) return accepted(header);
  }
  const flipped = findFlippedBit(recorded.header, (tried) => {
    const block = decodeBlock(tried);
    return block.ok && blockId(block.value.header) === known;
  });
  if (!decoded.ok) {
    const { offset, problem } = decoded.refusal;
    return refused(blockFault("header", { offset: flipped ?? offset, problem }));
  }
  const problem = "its hash is neither the id beside it nor the one in the certificate";
  return refused(blockFault("header", { offset: flipped, problem }));
}

type Certified = { readonly header: Header; readonly context: CertificateContext };

function readCertificate(
  { certificate: bytes, round }: RecordedBlock,
  { header, context }: Certified,
): Result<Certificate, BlockFault> {
  const found = decodeCertificate(bytes);
  if (!found.ok) {
    const offset = findFlippedBit(bytes, (tried) => {
      const read = decodeCertificate(tried);
      return read.ok && checkCertificate(read.value, context).ok;
    });
    const { problem, offset: stop } = found.refusal;
    return refused(blockFault("certificate", { offset: offset ?? stop, problem }));
  }
  // Rebuilt from what is known otherwise, it must be the same to the byte.
  const { signatures } = found.value;
  const meant = { height: header.height, round, blockId: blockId(header), signatures };
  const isItsOwn = found.value.blockId === meant.blockId && found.value.height === meant.height;
  if (isItsOwn && checkCertificate(found.value, context).ok) return accepted(found.value);
  const offset = firstDifference(encodeCertificate(meant), bytes);
  if (offset < bytes.length) {
    const problem = "it is for another block, height or round";
    return refused(blockFault("certificate", { offset, problem }));
  }
  return refused(badSigner(found.value, { bytes, context }));
}

type Signed = { readonly bytes: Uint8Array; readonly context: CertificateContext };

function badSigner(certificate: Certificate, { bytes, context }: Signed): BlockFault {
  const checked = checkCertificate(certificate, context);
  if (checked.ok) return blockFault("certificate", { problem: "it is for another block" });
  const { refusal } = checked;
  if (refusal.code === "notEnough") {
    const problem = `it has ${refusal.have} signatures and needs ${refusal.need}`;
    return blockFault("certificate", { problem });
  }
  const { validator } = refusal;
  if (refusal.code === "badSignature") {
    const signed = certificate.signatures.find((one) => one.validator === validator);
    const offset = signed === undefined ? null : placeOf(signed.signature, bytes);
    const problem = `the signature of ${validator} is not for this block`;
    return blockFault("certificate", { offset, problem });
  }
  const offset = placeOf(new TextEncoder().encode(validator), bytes);
  const problem = `${validator} cannot stand there (${refusal.code})`;
  return blockFault("certificate", { offset, problem });
}
