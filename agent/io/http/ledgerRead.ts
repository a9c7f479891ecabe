// Blocks, transactions and evidence as JSON, down to the bytes that were signed: whoever reads this can check it by
// itself. Names and units are the ledger's own (docs/rest.md): Wh, milli-tokens per kWh, micro-tokens, Unix ms.

import { accusedWith, type KeySources, signedWith } from "../../core/audit/signedWith.ts";
import { bytesToHex } from "../../core/codec/hex.ts";
import { type Plain, plainOf } from "../../core/codec/plain.ts";
import { type Certificate, decodeCertificate } from "../../core/consensus/message.ts";
import type { Verifier } from "../../core/crypto.ts";
import { subjectOf } from "../../core/ledger/accusation.ts";
import { type Block, blockId, decodeBlock, type Header } from "../../core/ledger/block.ts";
import { communityId, encodeRules } from "../../core/ledger/rules.ts";
import {
  decodeTransaction,
  type Transaction,
  transactionSignBytes,
} from "../../core/ledger/transaction.ts";
import type { MemberId, TransactionId } from "../../core/units/ids.ts";
import { formatIso } from "../../core/units/iso.ts";
import type { AgentDoor, EvidenceRecord, StoredBlock, Voters } from "../../ports.ts";

/** A page of blocks ends early where their bytes are more. */
export const PAGE_BYTES_MAX = 1_048_576;

export type LedgerReading = {
  readonly door: Pick<AgentDoor, "rules" | "ledger" | "history">;
  readonly verifier: Verifier;
};

type Fields = { readonly [name: string]: Plain };

/** The rules in their canonical bytes, whose SHA-256 is the community's id: what all trust begins with. */
export function readCommunity({ door: { rules } }: LedgerReading): Fields {
  const { name, timeZone, schedule, administrator, validators, caPublicKey } = rules;
  return {
    community: communityId(rules),
    ...{ name, timeZone, schedule, caPublicKey: bytesToHex(caPublicKey) },
    administrator: plainOf(administrator),
    validators: plainOf(validators),
    rules: bytesToHex(encodeRules(rules)),
  };
}

/** The newest below `below` first; `next`: what to ask below for the older ones, null at the end. */
export function readBlocks(
  { door: { history, rules } }: LedgerReading,
  { below, count }: { readonly below: number | null; readonly count: number },
): Fields {
  const { archive } = history;
  const { first, last } = archive.span();
  const blocks: Plain[] = [];
  let bytes = 0;
  let height = Math.min(last, (below ?? last + 1) - 1);
  for (
    ;
    height >= Math.max(first, 1) && blocks.length < count && bytes < PAGE_BYTES_MAX;
    height -= 1
  ) {
    const [stored] = archive.blocks(height, 1);
    if (stored === undefined) break;
    bytes += stored.block.length;
    const { block, certificate } = opened(stored);
    const validators = archive.votersOf(block.header)?.validators.length ?? null;
    blocks.push({
      ...headOf(block.header),
      ...{ round: certificate.round, votes: certificate.signatures.length, validators },
      transactions: block.transactions.length,
    });
  }
  const hasMore = height >= Math.max(first, 1);
  return { community: communityId(rules), first, last, next: hasMore ? height + 1 : null, blocks };
}

/** null: it is not here. */
export function readBlock(
  { door: { history, rules } }: LedgerReading,
  height: number,
): Fields | null {
  const [stored] = history.archive.blocks(height, 1);
  if (stored === undefined) return null;
  const { block, certificate } = opened(stored);
  const { header } = block;
  const voters = history.archive.votersOf(header);
  const community = communityId(rules);
  return {
    community,
    ...headOf(header),
    previous: header.previous,
    transactionsRoot: header.transactionsRoot,
    systemSteps: plainOf(header.systemSteps),
    ...{ validatorsHash: header.validatorsHash, nextValidatorsHash: header.nextValidatorsHash },
    transactions: transactionsOf(block, height, rules).map(({ id, author, payload }, position) => {
      return { position, id, type: payload.type, author };
    }),
    certificate: presentCertificate(certificate, voters),
    bytes: bytesToHex(stored.block),
    certificateBytes: bytesToHex(stored.certificate),
  };
}

/** null: the ledger here has none of this id. */
export function readTransaction(reading: LedgerReading, id: TransactionId): Fields | null {
  const { door, verifier } = reading;
  const { history, rules, ledger } = door;
  const { archive } = history;
  const place = archive.placeOf(id);
  const [stored] = place === null ? [] : archive.blocks(place.height, 1);
  if (place === null || stored === undefined) return null;
  const { block } = opened(stored);
  const { height, position } = place;
  const transaction = transactionsOf(block, height, rules)[position];
  if (transaction === undefined) return null;
  const voters = archive.votersOf(block.header);
  const community = communityId(rules);
  const sources = {
    ...{ rules, cards: archive.cards, verifier, validators: voters?.validators ?? null },
    keyNow: (member: MemberId) => ledger().members.get(member)?.publicKey ?? null,
  };
  const { author, payload, signature } = transaction;
  const { type, ...said } = payload;
  const key = signedWith(transaction, sources);
  return {
    ...{ id, type, author, height, position, community },
    ...{ blockId: blockId(block.header), time: formatIso(block.header.time) },
    payload: plainOf(said),
    bytes: bytesToHex(block.transactions[position] ?? new Uint8Array()),
    signedBytes: bytesToHex(transactionSignBytes(community, transaction)),
    signature: bytesToHex(signature),
    ...presentKey(key),
    ...(payload.type === "evidence" ? { accused: accused(transaction, sources, voters) } : {}),
  };
}

/** The newest first; `transactionId` null: it is in no block here. */
export function readEvidence({ door: { history, rules } }: LedgerReading, count: number): Plain {
  return history.archive.evidence(count).map((record) => ({
    ...{ kind: record.kind, offender: record.offender, reporter: record.reporter },
    ...{ subject: record.subject, height: record.height },
    transactionId: evidenceIn(history.archive.blocks(record.height, 1)[0], record, rules),
  }));
}

function evidenceIn(
  stored: StoredBlock | undefined,
  { kind, offender, subject, height }: EvidenceRecord,
  rules: AgentDoor["rules"],
): TransactionId | null {
  if (stored === undefined) return null;
  const said = transactionsOf(opened(stored).block, height, rules).find(({ payload }) => {
    if (payload.type !== "evidence") return false;
    const { accusation } = payload;
    return (
      accusation.type === kind &&
      accusation.offender === offender &&
      subjectOf(accusation) === subject
    );
  });
  return said?.id ?? null;
}

function headOf(header: Header) {
  const { height, time, proposer, stateRoot } = header;
  return { height, blockId: blockId(header), time: formatIso(time), proposer, stateRoot };
}

/** Everybody who might have voted, with a signature or null; without `voters` those who did. */
function presentCertificate({ round, signatures }: Certificate, voters: Voters | null): Plain {
  const signed = new Map(signatures.map((one) => [one.validator, bytesToHex(one.signature)]));
  const { validators, chain, restart } = voters ?? { validators: null, chain: null, restart: null };
  const votes =
    validators === null
      ? [...signed].map(([memberId, signature]) => ({ memberId, publicKey: null, signature }))
      : validators.map(({ memberId, publicKey }) => {
          const signature = signed.get(memberId) ?? null;
          return { memberId, publicKey: bytesToHex(publicKey), signature };
        });
  return { round, chain, restart, votes };
}

function presentKey(key: ReturnType<typeof signedWith>): Fields {
  if (key === null) return { publicKey: null, keyFrom: null, certificate: null };
  const { publicKey, from, certificate } = key;
  return { publicKey: bytesToHex(publicKey), keyFrom: from, certificate: plainOf(certificate) };
}

function accused({ payload }: Transaction, sources: KeySources, voters: Voters | null): Plain {
  if (payload.type !== "evidence") return null;
  const { rules } = sources;
  const chain = voters?.chain ?? communityId(rules);
  const found = accusedWith(payload.accusation, { ...sources, chain });
  if (found === null) return null;
  const { first, second } = found;
  return {
    ...{ chain, ...presentKey(found) },
    said: [first, second].map(({ message, signature }) => {
      return { signedBytes: bytesToHex(message), signature: bytesToHex(signature) };
    }),
  };
}

type Opened = { readonly block: Block; readonly certificate: Certificate };

function opened({ height, block: encoded, certificate: signed }: StoredBlock): Opened {
  const block = decodeBlock(encoded);
  const certificate = decodeCertificate(signed);
  if (block.ok && certificate.ok) return { block: block.value, certificate: certificate.value };
  throw new Error(`Block ${height} cannot be read. Run verify.`);
}

function transactionsOf(
  { transactions }: Block,
  height: number,
  rules: AgentDoor["rules"],
): readonly Transaction[] {
  return transactions.map((bytes) => {
    const decoded = decodeTransaction(communityId(rules), bytes);
    if (decoded.ok) return decoded.value;
    throw new Error(`Block ${height} holds what is no transaction. Run verify.`);
  });
}
