// A block's transactions are not those that its header names: which of them was changed, and where?

import { readCertificate } from "../certificate.ts";
import { SIGNATURE_BYTES, type Verifier } from "../crypto.ts";
import { checkSignatureAs, type Registry } from "../ledger/checkSignature.ts";
import { communityId } from "../ledger/rules.ts";
import type { LedgerState, Member } from "../ledger/state.ts";
import { decodeTransaction, type Transaction } from "../ledger/transaction.ts";
import type { CommunityId, MemberId } from "../units/ids.ts";
import { type BlockFault, blockFault } from "./blockFault.ts";
import { findFlippedBit } from "./bytes.ts";

/** `id`: what stands beside the bytes; hex. */
export type RecordedTransaction = { readonly id: string; readonly bytes: Uint8Array };

/** `state`: after the block before. */
export function blameTransaction(
  state: LedgerState,
  recorded: readonly RecordedTransaction[],
  verifier: Verifier,
): BlockFault {
  const community = communityId(state.rules);
  const transactions: Transaction[] = [];
  for (const [position, one] of recorded.entries()) {
    const decoded = decodeTransaction(community, one.bytes);
    if (!decoded.ok || decoded.value.id !== one.id) return changed(community, one, position);
    transactions.push(decoded.value);
  }
  const registry = registryWith(state, transactions);
  for (const [position, transaction] of transactions.entries()) {
    const signed = checkSignatureAs(registry, transaction, verifier);
    // A card that was replaced later in the block was right before.
    const before = { ...registry, members: state.members };
    if (signed.ok || checkSignatureAs(before, transaction, verifier).ok) continue;
    // The signature is a transaction's last field.
    const offset = (recorded[position]?.bytes.length ?? 0) - SIGNATURE_BYTES;
    const problem = `it is not signed by its author: ${signed.refusal.code}`;
    return blockFault("transaction", { position, offset, problem });
  }
  const problem = "one is missing or too many, or they stand in another order";
  return blockFault("transaction", { problem });
}

function changed(
  community: CommunityId,
  { id, bytes }: RecordedTransaction,
  position: number,
): BlockFault {
  const decoded = decodeTransaction(community, bytes);
  const flipped = findFlippedBit(bytes, (tried) => {
    const read = decodeTransaction(community, tried);
    return read.ok && read.value.id === id;
  });
  const stop = !decoded.ok && decoded.refusal.code === "malformed" ? decoded.refusal : null;
  const problem = stop === null ? "their hash is not its id" : stop.problem;
  return blockFault("transaction", { position, offset: flipped ?? stop?.offset ?? null, problem });
}

/** Who may sign in this block: the members before it, and those that get a card in it. */
function registryWith(state: LedgerState, joining: readonly Transaction[]): Registry {
  const { rules, members, pvs, validators } = state;
  const joined = new Map<MemberId, Member>();
  for (const { payload } of joining) {
    if (payload.type !== "registerMember" && payload.type !== "bindIdentity") continue;
    const { memberId, certificate } = payload;
    const read = certificate === null ? null : readCertificate(certificate);
    if (read?.ok !== true) continue;
    const nothing = 0n as Member["balance"];
    const money = { balance: nothing, reserved: nothing };
    const { publicKey } = read.value;
    const names = { firstName: "", lastName: "" };
    const card = { memberId, ...names, publicKey, revoked: false, sequence: 0 };
    joined.set(memberId, { ...card, ...money });
  }
  const get = (id: MemberId) => joined.get(id) ?? members.get(id);
  return { rules, community: communityId(rules), members: { get }, pvs, validators };
}
