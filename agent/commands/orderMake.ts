// `ca order`: the CA gives tokens, ends a card, binds another or changes who votes. Signed off line, on a copy of a home's
// ledger that is checked first; any one home then carries the file to the ledger (`run --order`).

import { writeFileSync } from "node:fs";
import { Verifier } from "../core/crypto.ts";
import { checkTransaction } from "../core/ledger/checkTransaction.ts";
import { isOrder, type Order } from "../core/ledger/order.ts";
import { communityId, VALIDATORS_MAX } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { signTransaction } from "../core/ledger/transaction.ts";
import { decimalToInteger } from "../core/units/decimal.ts";
import { isMemberId, type MemberId } from "../core/units/ids.ts";
import type { MicroTokens } from "../core/units/money.ts";
import type { UnixMs } from "../core/units/time.ts";
import type { Ca } from "../io/ca.ts";
import { readPemCertificate } from "../io/keys.ts";
import { KeyError } from "../io/privateFiles.ts";
import { cannotRead, type Outcome } from "./auditOutcome.ts";
import { type CaLedger, onCaLedger, seatsOf, wrong } from "./caLedger.ts";
import { writeOrderFile } from "./orderFile.ts";
import { orderRefusalSentence } from "./orderText.ts";

const REASON_BYTES_MAX = 96;
const SEQUENCE_MAX = 0xffff_ffff;
/** Money has 64 bits and a sign. */
const TOKENS_LIMIT = 2n ** 63n;

export type OrderMakeOptions = CaLedger & {
  readonly out: string;
  /** The CA's number for it; left out: the one after the ledger's last. */
  readonly sequence?: string | undefined;
  readonly now: UnixMs;
};

/** As it stands on the command line. */
export type OrderWanted =
  | {
      readonly type: "grant";
      readonly member: string;
      /** A decimal; negative: taken back, as far as they are free. */
      readonly tokens: string;
      readonly reason: string;
    }
  | { readonly type: "revoke"; readonly member: string; readonly reason: string }
  /** `certificate`: a file, PEM. */
  | { readonly type: "bindIdentity"; readonly member: string; readonly certificate: string }
  | {
      readonly type: "validatorChange";
      readonly add: readonly string[];
      readonly remove: readonly string[];
    };

/** Exit code 1: the ledger is wrong, or would refuse such an order; 2: an option is wrong. */
export function makeOrder(options: OrderMakeOptions, wanted: OrderWanted): Outcome {
  const { ca, data, sequence } = options;
  const problems = [...sequenceProblems(sequence), ...wantedProblems(wanted)];
  if (problems.length > 0) return cannotRead(...problems);
  return onCaLedger({ ca, data }, (key, state) => signed(state, { ca: key, options, wanted }));
}

function sequenceProblems(sequence: string | undefined): readonly string[] {
  const isRight = sequence === undefined || (/^\d{1,10}$/.test(sequence) && isNumber(sequence));
  return isRight ? [] : [`--sequence ${sequence}: a whole number from 1 to ${SEQUENCE_MAX}`];
}

function isNumber(sequence: string): boolean {
  return Number(sequence) >= 1 && Number(sequence) <= SEQUENCE_MAX;
}

function wantedProblems(wanted: OrderWanted): readonly string[] {
  if (wanted.type === "validatorChange") {
    const { add, remove } = wanted;
    const tooMany = Math.max(add.length, remove.length) > VALIDATORS_MAX;
    return [
      ...[...add, ...remove].flatMap((name) => memberProblems(name)),
      ...(tooMany ? [`--add, --remove: at most ${VALIDATORS_MAX} vote`] : []),
    ];
  }
  if (wanted.type === "bindIdentity") return memberProblems(wanted.member);
  const { member, reason } = wanted;
  const isTooLong = new TextEncoder().encode(reason).length > REASON_BYTES_MAX;
  return [
    ...memberProblems(member),
    ...(isTooLong ? [`--reason: at most ${REASON_BYTES_MAX} bytes`] : []),
    ...(wanted.type === "grant" && amountOf(wanted.tokens) === null
      ? [`--tokens ${wanted.tokens}: a decimal with at most six places, and not 0`]
      : []),
  ];
}

function memberProblems(name: string): readonly string[] {
  return isMemberId(name) ? [] : [`${name}: a member is an e-mail address in lower case`];
}

function amountOf(tokens: string): MicroTokens | null {
  const amount = decimalToInteger(tokens, 6);
  const isRight = amount !== null && amount !== 0n && amount > -TOKENS_LIMIT;
  return isRight && amount < TOKENS_LIMIT ? (amount as MicroTokens) : null;
}

type Work = {
  readonly ca: Ca;
  readonly options: OrderMakeOptions;
  readonly wanted: OrderWanted;
};

function signed(state: LedgerState, { ca, options, wanted }: Work): Outcome {
  const { out, now } = options;
  const sequence = Number(options.sequence ?? state.caSequence + 1);
  const payload = payloadOf(state, sequence, wanted);
  if (typeof payload === "string") return wrong(payload);
  const community = communityId(state.rules);
  const order = signTransaction(community, { author: null, payload }, ca.sign);
  const checked = checkTransaction(state, order, new Verifier(), now);
  if (!checked.ok) {
    return wrong(`It would be refused. ${orderRefusalSentence(checked.refusal)}`);
  }
  if (!isOrder(order)) return wrong("Only orders are signed here.");
  writeFileSync(out, writeOrderFile(community, order), { flag: "wx" });
  const lines = [
    `order       ${sequence}, ${said(wanted)}`,
    `ledger      up to block ${state.height}`,
    `written     ${out}`,
    "Give it to any one home: pvtrading run --config agent.yaml --order FILE",
  ];
  const json = { ok: true, community, orderId: order.id, sequence, height: state.height, out };
  return { code: 0, lines, json };
}

/** Or why there is none. */
function payloadOf(
  state: LedgerState,
  sequence: number,
  wanted: OrderWanted,
): Order["payload"] | string {
  switch (wanted.type) {
    case "grant": {
      const { type, member, tokens, reason } = wanted;
      const amount = amountOf(tokens) ?? (0n as MicroTokens);
      return { type, sequence, memberId: member as MemberId, amount, reason };
    }
    case "revoke": {
      const { type, member, reason } = wanted;
      return { type, sequence, memberId: member as MemberId, reason };
    }
    case "bindIdentity": {
      const { type, member, certificate: path } = wanted;
      const certificate = certificateIn(path);
      if (typeof certificate === "string") return certificate;
      return { type, sequence, memberId: member as MemberId, certificate };
    }
    case "validatorChange": {
      const found = seatsOf(state, wanted.add);
      if ("unknown" in found) return `${found.unknown} is no member of this community.`;
      const remove = [...new Set(wanted.remove)].sort() as MemberId[];
      return { type: wanted.type, sequence, add: found.seats, remove };
    }
  }
}

function certificateIn(path: string): Uint8Array | string {
  try {
    return readPemCertificate(path);
  } catch (error) {
    if (error instanceof KeyError) return error.message;
    throw error;
  }
}

function said(wanted: OrderWanted): string {
  switch (wanted.type) {
    case "grant":
      return `gives ${wanted.member} ${wanted.tokens} tokens`;
    case "revoke":
      return `ends the card of ${wanted.member}`;
    case "bindIdentity":
      return `gives ${wanted.member} the card of ${wanted.certificate}`;
    case "validatorChange": {
      const { add, remove } = wanted;
      return [...add.map((one) => `adds ${one}`), ...remove.map((one) => `takes out ${one}`)].join(
        ", ",
      );
    }
  }
}
