// The bytes of what the agreement must not forget: the durable state and the signed messages.
// Canonical like everything else, with a version in front; they never leave this home.

import { sameBytes } from "../../core/codec/bytes.ts";
import {
  array,
  boolean,
  bytes,
  decode,
  encode,
  hash,
  integer,
  type Malformed,
  nullable,
  oneOf,
  type Shape,
  struct,
  text,
  union,
} from "../../core/codec/shape.ts";
import type { UnsignedMessage } from "../../core/consensus/effect.ts";
import type { Durable, Value } from "../../core/consensus/input.ts";
import {
  BLOCK_IN_PROPOSAL_BYTES_MAX,
  CONSENSUS_MESSAGE_BYTES_MAX,
  ROUND_MAX,
  VOTE_TYPES,
  type Vote,
} from "../../core/consensus/message.ts";
import { SIGNATURE_BYTES } from "../../core/crypto.ts";
import { VALIDATORS_MAX } from "../../core/ledger/rules.ts";
import type { Result } from "../../core/result.ts";
import { type BlockId, isMemberId, MEMBER_ID_MAX, type MemberId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import { StoreError } from "./storeError.ts";

/** Two blocks and little else. */
const DURABLE_BYTES_MAX = 2 * CONSENSUS_MESSAGE_BYTES_MAX;

const version = integer(1, 1);
const height = integer(1, Number.MAX_SAFE_INTEGER);
const round = integer(0, ROUND_MAX);
const roundOrUnset = integer(-1, ROUND_MAX);
const time = integer<UnixMs>(1, Number.MAX_SAFE_INTEGER);
const block = bytes(1, BLOCK_IN_PROPOSAL_BYTES_MAX);
const member = text<MemberId>(MEMBER_ID_MAX, isMemberId);

/** A vote as it came over the network, with its signature. */
const voteShape: Shape<Vote> = struct({
  vote: oneOf(VOTE_TYPES),
  height,
  round,
  blockId: nullable(hash<BlockId>()),
  validator: member,
  signature: bytes(SIGNATURE_BYTES),
});

const valueShape: Shape<Value> = struct({ blockId: hash<BlockId>(), time, block });

const durableShape = struct({
  version,
  height,
  round,
  step: oneOf(["newHeight", "propose", "prevote", "precommit"]),
  lockedRound: roundOrUnset,
  locked: nullable(valueShape),
  validRound: roundOrUnset,
  /** Mostly the locked value: its block is then not written twice. */
  validIsLocked: boolean,
  valid: nullable(valueShape),
  polka: nullable(array(voteShape, VALIDATORS_MAX)),
});

const messageShape = struct({
  version,
  message: union(
    {
      proposal: struct({
        height,
        round,
        polRound: roundOrUnset,
        blockId: hash<BlockId>(),
        time,
        block,
        proposer: member,
      }),
      vote: struct({
        vote: oneOf(VOTE_TYPES),
        height,
        round,
        blockId: nullable(hash<BlockId>()),
        validator: member,
      }),
    },
    { proposal: 0, vote: 1 },
  ),
});

export function encodeDurable(durable: Durable): Uint8Array {
  const { locked, valid, polka = null } = durable;
  const isSame = locked !== null && valid !== null && sameValue(locked, valid);
  return encode(durableShape, {
    ...durable,
    version: 1,
    validIsLocked: isSame,
    valid: isSame ? null : valid,
    polka,
  });
}

/** Throws StoreError "corrupt" for bytes that `encodeDurable` did not write. */
export function decodeDurable(encoded: Uint8Array): Durable {
  const {
    version: _,
    validIsLocked,
    polka,
    ...durable
  } = must(read(durableShape, encoded), "consensus_state");
  const valid = validIsLocked ? durable.locked : durable.valid;
  return { ...durable, valid, ...(polka === null ? {} : { polka }) };
}

export function encodeMessage(message: UnsignedMessage): Uint8Array {
  return encode(messageShape, { version: 1, message });
}

/** Throws StoreError "corrupt" for bytes that `encodeMessage` did not write. */
export function decodeMessage(encoded: Uint8Array): UnsignedMessage {
  return must(read(messageShape, encoded), "sign_log").message;
}

/** Where the bytes of a durable state are not as `encodeDurable` writes them; null: nowhere. */
export function durableFault(encoded: Uint8Array): Malformed | null {
  const found = read(durableShape, encoded);
  return found.ok ? null : found.refusal;
}

/** Where the bytes of a signed message are not as `encodeMessage` writes them; null: nowhere. */
export function messageFault(encoded: Uint8Array): Malformed | null {
  const found = read(messageShape, encoded);
  return found.ok ? null : found.refusal;
}

function sameValue(a: Value, b: Value): boolean {
  return a.blockId === b.blockId && a.time === b.time && sameBytes(a.block, b.block);
}

function read<T>(shape: Shape<T>, encoded: Uint8Array): Result<T, Malformed> {
  return decode(shape, encoded, DURABLE_BYTES_MAX);
}

function must<T>(found: Result<T, Malformed>, table: string): T {
  if (found.ok) return found.value;
  const { problem, offset } = found.refusal;
  throw new StoreError(
    "corrupt",
    `${table} holds bytes that this program did not write (${problem} at byte ${offset}). Do not vote with this card from this directory; ask the CA for a new key.`,
  );
}
