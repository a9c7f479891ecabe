// An order of the CA's as JSON: a file that people can open, given to any one home, or an object on the stdin
// of `run --json`. What stands in it for reading must be what the transaction says.

import { isDeepStrictEqual } from "node:util";
import { bytesToHex } from "../core/codec/hex.ts";
import { isOrder, type Order } from "../core/ledger/order.ts";
import { encodeTransaction } from "../core/ledger/transaction.ts";
import { accepted, type Result, refused } from "../core/result.ts";
import type { CommunityId } from "../core/units/ids.ts";
import { formatTokens } from "../core/units/money.ts";
import { parseSignedFile, transactionIn } from "./signedFile.ts";

const FORMAT = "pvtrading order 1";

/** The operator must get the right file. */
export type OrderFileRefusal = { readonly code: "noOrderFile"; readonly problem: string };

export type GivenOrder = { readonly order: Order; readonly encoded: Uint8Array };

export function writeOrderFile(community: CommunityId, order: Order): string {
  return `${JSON.stringify(orderJson(community, order), null, 2)}\n`;
}

/** The object that stands in the file. */
export function orderJson(
  community: CommunityId,
  order: Order,
): { readonly [key: string]: unknown } {
  return {
    format: FORMAT,
    community,
    orderId: order.id,
    sequence: order.payload.sequence,
    order: readable(order),
    transaction: bytesToHex(encodeTransaction(community, order)),
  };
}

function readable({ payload }: Order): { readonly [key: string]: unknown } {
  switch (payload.type) {
    case "grant": {
      const { type, memberId, amount, reason } = payload;
      return { type, memberId, tokens: formatTokens(amount), reason };
    }
    case "revoke": {
      const { type, memberId, reason } = payload;
      return { type, memberId, reason };
    }
    case "bindIdentity": {
      const { type, memberId, certificate } = payload;
      return { type, memberId, certificate: bytesToHex(certificate) };
    }
    case "validatorChange": {
      const { type, add, remove } = payload;
      const added = add.map(({ memberId, publicKey }) => {
        return { memberId, publicKey: bytesToHex(publicKey) };
      });
      return { type, add: added, remove };
    }
  }
}

/**
 * A file, which must be byte for byte as `writeOrderFile` made it: a person may read the first of two equal
 * names where JSON takes the last. Says nothing yet about the signature, or whether the ledger takes it.
 */
export function readOrderFile(
  text: string,
  community: CommunityId,
): Result<GivenOrder, OrderFileRefusal> {
  const json = parseSignedFile(text);
  if (!json.ok) return none(json.problem);
  const read = readOrder(json.value, community);
  if (!read.ok) return read;
  return writeOrderFile(community, read.value.order) === text ? read : none(ALTERED);
}

/** The same from an object; the order of its names does not matter. */
export function readOrder(
  json: unknown,
  community: CommunityId,
): Result<GivenOrder, OrderFileRefusal> {
  const read = transactionIn(json, { format: FORMAT, community });
  if (!read.ok) return none(read.problem);
  const { transaction: order, encoded } = read.value;
  if (!isOrder(order)) return none("the transaction is no order of a CA's");
  return isDeepStrictEqual(json, orderJson(community, order))
    ? accepted({ order, encoded })
    : none(ALTERED);
}

const ALTERED = "it was altered, or not written by this program";

function none(problem: string): { readonly ok: false; readonly refusal: OrderFileRefusal } {
  return refused({ code: "noOrderFile", problem });
}
