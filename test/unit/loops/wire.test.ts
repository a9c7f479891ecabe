import { describe, expect, it } from "vitest";
import { CONSENSUS_MESSAGE_BYTES_MAX } from "../../../agent/core/consensus/message.ts";
import { BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX } from "../../../agent/core/ledger/rules.ts";
import {
  BLOCKS_PER_REPLY_MAX,
  blocksReply,
  blocksRequest,
  ID_PREFIX_BYTES,
  PENDING_PER_EXCHANGE_MAX,
  REPLY_BYTES_MAX,
  REQUEST_BYTES_MAX,
  transactionsReply,
  transactionsRequest,
  votesReply,
  votesRequest,
} from "../../../agent/loops/wire.ts";

const bytes = (length: number) => new Uint8Array(length).fill(7);
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

const height = 5;
const known = [bytes(ID_PREFIX_BYTES)];
const samples = {
  transactionsRequest: {
    form: transactionsRequest,
    value: { height, known, offered: [bytes(9)] },
    empty: { height: 0, known: [], offered: [] },
  },
  transactionsReply: {
    form: transactionsReply,
    value: { height, transactions: [bytes(9), bytes(1)] },
    empty: { height: 0, transactions: [] },
  },
  votesRequest: { form: votesRequest, value: { height }, empty: { height: 0 } },
  votesReply: {
    form: votesReply,
    value: { height, messages: [bytes(9)] },
    empty: { height: 0, messages: [] },
  },
  blocksRequest: { form: blocksRequest, value: { from: height }, empty: { from: 1 } },
  blocksReply: {
    form: blocksReply,
    value: { height, blocks: [{ block: bytes(9), certificate: bytes(3) }] },
    empty: { height: 0, blocks: [] },
  },
} as const;
type Sample = {
  readonly form: {
    readonly encode: (value: unknown) => Uint8Array;
    readonly decode: (encoded: Uint8Array) => { readonly ok: boolean };
  };
  readonly value: unknown;
  readonly empty: unknown;
};

describe.each(Object.entries(samples))("%s", (_name, sample) => {
  const { form, value, empty } = sample as unknown as Sample;

  it("comes back as it was sent", () => {
    expect(form.decode(form.encode(value))).toEqual({ ok: true, value });
    expect(form.decode(form.encode(empty))).toEqual({ ok: true, value: empty });
  });

  it("is refused when cut short at any byte, or longer by one", () => {
    const whole = form.encode(value);
    for (let length = 0; length < whole.length; length += 1) {
      expect(form.decode(whole.subarray(0, length))).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
    expect(form.decode(Uint8Array.from([...whole, 0]))).toMatchObject({
      refusal: { code: "malformed" },
    });
  });
});

describe("the limits", () => {
  it("hold the largest honest question and answer", () => {
    const ask = transactionsRequest.encode({
      height: Number.MAX_SAFE_INTEGER,
      known: times(PENDING_PER_EXCHANGE_MAX, bytes(ID_PREFIX_BYTES)),
      // As many as one question offers.
      offered: times(12, bytes(TRANSACTION_BYTES_MAX)),
    });
    // 512 x 9 + 12 x 4099 = 53 796, and three heads.
    expect(ask.length).toBeLessThan(REQUEST_BYTES_MAX);
    expect(transactionsRequest.decode(ask).ok).toBe(true);
    const reply = blocksReply.encode({
      height: Number.MAX_SAFE_INTEGER,
      blocks: times(BLOCKS_PER_REPLY_MAX, {
        block: bytes(BLOCK_BYTES_MAX),
        certificate: bytes(8192),
      }),
    });
    // 32 x (131 072 + 8192) = 4 456 448, and heads.
    expect(reply.length).toBeLessThan(REPLY_BYTES_MAX);
    expect(blocksReply.decode(reply).ok).toBe(true);
  });

  it("refuse what is larger as a whole, before it is read", () => {
    const refusal = (bytesMax: number) => ({
      refusal: { code: "malformed", problem: `${bytesMax + 1} bytes, at most ${bytesMax}` },
    });
    expect(votesRequest.decode(bytes(REQUEST_BYTES_MAX + 1))).toMatchObject(
      refusal(REQUEST_BYTES_MAX),
    );
    expect(votesReply.decode(bytes(REPLY_BYTES_MAX + 1))).toMatchObject(refusal(REPLY_BYTES_MAX));
  });

  /** Heads of CBOR (RFC 8949): an array of n < 24 is 0x80 + n; 0x99 takes two bytes, 0x5a four. */
  it("refuse more items, or larger ones, than anybody may send", () => {
    const item = [0x41, 7];
    const list = (count: number) =>
      Uint8Array.from([0x82, 5, 0x99, count >> 8, count & 0xff, ...times(count, item).flat()]);
    expect(transactionsReply.decode(list(512)).ok).toBe(true);
    expect(transactionsReply.decode(list(513)).ok).toBe(false);
    expect(votesReply.decode(list(256)).ok).toBe(true);
    expect(votesReply.decode(list(257)).ok).toBe(false);
    const large = (length: number) =>
      Uint8Array.from([0x82, 5, 0x81, 0x5a, ...bigEndian(length), ...bytes(length)]);
    expect(votesReply.decode(large(CONSENSUS_MESSAGE_BYTES_MAX)).ok).toBe(true);
    expect(votesReply.decode(large(CONSENSUS_MESSAGE_BYTES_MAX + 1)).ok).toBe(false);
  });

  it("refuse a block asked for from height 0, and an empty transaction", () => {
    expect(blocksRequest.decode(Uint8Array.of(0x81, 0)).ok).toBe(false);
    expect(blocksRequest.decode(Uint8Array.of(0x81, 1)).ok).toBe(true);
    expect(transactionsReply.decode(Uint8Array.of(0x82, 5, 0x81, 0x40)).ok).toBe(false);
  });
});

function bigEndian(n: number): number[] {
  return [n >>> 24, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff];
}
