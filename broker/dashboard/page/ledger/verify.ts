// Checks what REST tells of a transaction or a block, with nothing but its bytes and the community's rules: step by
// step, each with what was found, so that the page can say in words what holds and what does not.
//
//   rules -- hash --> community id; rules have the CA's key, the administrator's, and who voted first
//   transaction: bytes -> what was signed -> id; signature by the author's key; the key on a card of that CA's
//   block: header -> id; transactions -> root; votes of more than two thirds of those whom the header names

import { merkleRoot, type ReadBlock, readBlockBytes } from "./block.ts";
import { bytesOf, hexOf, isSame } from "./bytes.ts";
import { cardIn } from "./card.ts";
import { readItem, Unreadable } from "./cbor.ts";
import { type Entry, readEntry, setBytes, voteBytes } from "./entry.ts";
import { fieldsOf, type PlainFields, tellsSame } from "./layout.ts";
import { RULES } from "./layouts.ts";
import { isSignedBy, isSoundKey, sha256 } from "./signature.ts";

export type CheckName =
  | "rules"
  | "readable"
  | "community"
  | "shown"
  | "signedBytes"
  | "id"
  | "key"
  | "signature"
  | "owner"
  | "place"
  | "contradiction"
  | "accused"
  | "header"
  | "blockId"
  | "root"
  | "voters"
  | "quorum"
  | "chain"
  | "firstVoters";

export type Check = {
  readonly name: CheckName;
  /** `open`: this cannot be shown here, which is told; nothing speaks against it. */
  readonly state: "holds" | "fails" | "open";
  readonly facts: { readonly [name: string]: string | number };
};

export type Verdict<T> = {
  readonly checks: readonly Check[];
  /** Nothing failed. */
  readonly isGood: boolean;
  /** What the bytes themselves say; null: they cannot be read. */
  readonly read: T | null;
};

/** As REST answers community, transactions/ID and blocks/H; whatever is missing or of another form fails. */
export type Told = { readonly [field: string]: unknown };

// ---------------------------------------------------------------------------------------- rules

type Voter = { readonly memberId: string; readonly publicKey: Uint8Array };

type Rules = {
  readonly community: Uint8Array;
  readonly caPublicKey: Uint8Array;
  readonly administrator: Voter | null;
  readonly validators: readonly Voter[];
};

/** `wanted`: the community that is meant, hex. Throws Unreadable. */
function rulesIn(told: Told): Rules {
  const bytes = hexIn(told, "rules");
  const fields = fieldsOf(RULES, readItem(bytes));
  const { administrator, validators } = fields;
  return {
    community: sha256(bytes),
    caPublicKey: hexIn(fields, "caPublicKey"),
    administrator: isObject(administrator) ? voterIn(administrator) : null,
    validators: listOf(validators).map(voterIn),
  };
}

function voterIn(told: unknown): Voter {
  const voter = isObject(told) ? told : {};
  return { memberId: textIn(voter, "memberId"), publicKey: hexIn(voter, "publicKey") };
}

// ---------------------------------------------------------------------------------- transaction

const COMMUNITY_TAG_BYTES = 4;

/** `id`: the one that was asked for. `block`: the one in which it is said to stand. */
export function verifyTransaction(
  id: string,
  {
    entry: told,
    community,
    block,
  }: { readonly entry: Told; readonly community: Told; readonly block: Told },
): Verdict<Entry> {
  return inSteps((checks) => {
    const rules = readRules(checks, { told: community, named: told["community"] });
    if (rules === null) return null;
    const bytes = hexIn(told, "bytes");
    const read = attempt(checks, "readable", () => readEntry(bytes));
    if (read === null) return null;
    holds(checks, "readable", true, { bytes: bytes.length });
    const tag = rules.community.subarray(0, COMMUNITY_TAG_BYTES);
    holds(checks, "community", isSame(read.communityTag, tag));
    const { type, author, payload, signature } = read;
    const isShown =
      told["type"] === type &&
      told["author"] === author &&
      told["signature"] === hexOf(signature) &&
      tellsSame(told["payload"], payload);
    holds(checks, "shown", isShown);
    const message = read.signedBytes(rules.community);
    holds(checks, "signedBytes", told["signedBytes"] === hexOf(message), { bytes: message.length });
    const hash = hexOf(sha256(message));
    holds(checks, "id", hash === id && told["id"] === id, { hash });
    const publicKey = bytesOf(textIn(told, "publicKey")) ?? new Uint8Array();
    holds(checks, "key", isSoundKey(publicKey));
    holds(checks, "signature", isSignedBy({ publicKey, message, signature }));
    const placed = placeOf(block, { told, community, bytes });
    checks.push(ownerOf(read, { told, rules, publicKey, voters: placed.voters }));
    checks.push(placed.check);
    if (read.accused !== null) checkAccused(checks, { told, rules, read, voters: placed });
    return read;
  });
}

type Owned = {
  readonly told: Told;
  readonly rules: Rules;
  readonly publicKey: Uint8Array;
  /** Of its block; null: they are not sure. */
  readonly voters: readonly Voter[] | null;
};

/** Who says that the key is the author's. */
function ownerOf(
  { author, type, payload }: Pick<Entry, "author" | "type" | "payload">,
  owned: Owned,
): Check {
  const { told, rules, publicKey, voters } = owned;
  const from = textIn(told, "keyFrom");
  const who = author ?? "";
  const is = (isHis: boolean): Check => ({
    name: "owner",
    state: isHis ? "holds" : "fails",
    facts: { from, who },
  });
  switch (from) {
    case "ca":
      return is(author === null && isSame(publicKey, rules.caPublicKey));
    case "administrator":
      return is(isSeat([rules.administrator], { memberId: who, publicKey }));
    case "validators":
      return voters === null
        ? { name: "owner", state: "open", facts: { from: "votersUnknown", who } }
        : is(isSeat([...voters, ...rules.validators], { memberId: who, publicKey }));
    case "card": {
      // Who registers brings its card along; all others were given theirs before.
      const brought = textIn(type === "registerMember" ? payload : told, "certificate");
      const card = cardIn(bytesOf(brought) ?? new Uint8Array(), rules.caPublicKey);
      return is(card !== null && isSeat([card], { memberId: who, publicKey }));
    }
    case "ledger":
      return { name: "owner", state: "open", facts: { from, who } };
    default:
      return is(false);
  }
}

function isSeat(seats: readonly (Voter | null)[], { memberId, publicKey }: Voter): boolean {
  return seats.some(
    (seat) => seat !== null && seat.memberId === memberId && isSame(seat.publicKey, publicKey),
  );
}

type Placed = {
  readonly check: Check;
  /** null: they are not sure. */
  readonly voters: readonly Voter[] | null;
  /** As told: two different votes for one chain contradict each other whichever it is. */
  readonly chain: Uint8Array | null;
};

/** Whether it stands in its block, and the block is right. */
function placeOf(
  block: Told,
  {
    told,
    community,
    bytes,
  }: { readonly told: Told; readonly community: Told; readonly bytes: Uint8Array },
): Placed {
  const [height, position] = [wholeIn(told, "height"), wholeIn(told, "position")];
  const verdict = verifyBlock(height, { block, community });
  const found = verdict.read?.transactions[position];
  const stands =
    found !== undefined &&
    isSame(found, bytes) &&
    told["blockId"] === block["blockId"] &&
    timeIn(told) === verdict.read?.header["time"];
  const failed = verdict.checks.find(({ state }) => state === "fails")?.name ?? "";
  const facts = { height, position: position + 1, failed: stands ? failed : "" };
  // Whoever makes up a block can make up those who vote on it, too: only what begins with the rules is sure.
  const isSure = verdict.isGood && verdict.checks.every(({ state }) => state === "holds");
  const state = !(stands && verdict.isGood) ? "fails" : isSure ? "holds" : "open";
  const certificate = objectIn(block, "certificate");
  return {
    check: { name: "place", state, facts },
    voters: isSure ? listOf(certificate["votes"]).map(voterIn) : null,
    chain: bytesOf(textIn(certificate, "chain")),
  };
}

function checkAccused(
  checks: Check[],
  { told, rules, read, voters: placed }: { told: Told; rules: Rules; read: Entry; voters: Placed },
): void {
  const { accused } = read;
  if (accused === null) return;
  const { offender } = accused;
  const by = objectIn(told, "accused");
  const publicKey = hexIn(by, "publicKey");
  const said = accused.said(rules.community, placed.chain ?? rules.community);
  const [first, second] = said;
  const isTwo =
    first !== undefined && second !== undefined && !isSame(first.message, second.message);
  const isShown = tellsSame(
    by["said"],
    said.map(({ message, signature }) => {
      return { signedBytes: hexOf(message), signature: hexOf(signature) };
    }),
  );
  const isSigned = said.every((one) => isSignedBy({ publicKey, ...one }));
  const facts = { who: offender };
  holds(checks, "contradiction", isTwo && isShown && isSigned && isSoundKey(publicKey), facts);
  const as = { author: offender, type: "", payload: {} };
  const { state, facts: from } = ownerOf(as, { told: by, rules, publicKey, voters: placed.voters });
  checks.push({ name: "accused", state, facts: from });
}

// ---------------------------------------------------------------------------------------- block

/** `height`: the one that was asked for. */
export function verifyBlock(
  height: number,
  { block: told, community }: { readonly block: Told; readonly community: Told },
): Verdict<ReadBlock> {
  return inSteps((checks) => {
    const rules = readRules(checks, { told: community, named: told["community"] });
    if (rules === null) return null;
    const bytes = hexIn(told, "bytes");
    const read = attempt(checks, "readable", () => readBlockBytes(bytes));
    if (read === null) return null;
    holds(checks, "readable", true, { bytes: bytes.length });
    const { header, headerBytes, transactions } = read;
    const isOurs = header["community"] === hexOf(rules.community);
    holds(checks, "community", isOurs);
    holds(checks, "header", isHeaderShown(told, header) && header["height"] === height, { height });
    const blockId = sha256(headerBytes);
    const hash = hexOf(blockId);
    holds(checks, "blockId", told["blockId"] === hash, { hash });
    const isWhole = hexOf(merkleRoot(transactions)) === header["transactionsRoot"];
    holds(checks, "root", isWhole && areShown(told, { transactions, rules }), {
      count: transactions.length,
    });
    checkVotes(checks, { told, rules, header, blockId });
    return read;
  });
}

const SHOWN = ["height", "proposer", "stateRoot", "previous", "transactionsRoot"] as const;
const SHOWN_TOO = ["systemSteps", "validatorsHash", "nextValidatorsHash"] as const;

function isHeaderShown(told: Told, header: PlainFields): boolean {
  const isSameTime = timeIn(told) === header["time"];
  return (
    isSameTime && [...SHOWN, ...SHOWN_TOO].every((name) => tellsSame(told[name], header[name]))
  );
}

/** Each line of the list is the transaction that stands there. */
function areShown(
  told: Told,
  { transactions, rules }: { readonly transactions: readonly Uint8Array[]; readonly rules: Rules },
): boolean {
  const said = transactions.map((bytes, position) => {
    const { type, author, signedBytes } = readEntry(bytes);
    return { position, id: hexOf(sha256(signedBytes(rules.community))), type, author };
  });
  return tellsSame(told["transactions"], said);
}

/** No set has more. */
export const VOTERS_MAX = 21;

type Voted = {
  readonly told: Told;
  readonly rules: Rules;
  readonly header: PlainFields;
  readonly blockId: Uint8Array;
};

function checkVotes(checks: Check[], { told, rules, header, blockId }: Voted): void {
  const certificate = objectIn(told, "certificate");
  const { restart } = certificate;
  const votes = listOf(certificate["votes"]);
  // Each costs a moment, of which a liar could tell a million.
  if (votes.length > VOTERS_MAX) {
    holds(checks, "voters", false, { all: votes.length });
    return;
  }
  // A home that joined with a snapshot may not know who voted on its first blocks.
  if (votes.some((vote) => isObject(vote) && vote["publicKey"] === null)) {
    for (const name of ["voters", "quorum"] as const)
      checks.push({ name, state: "open", facts: {} });
    return;
  }
  const [round, chain] = [wholeIn(certificate, "round"), textIn(certificate, "chain")];
  const voters = votes.map((vote) => ({
    ...voterIn(vote),
    signature: isObject(vote) && vote["signature"] !== null ? textIn(vote, "signature") : null,
  }));
  const set = sha256(setBytes(voters));
  const areDistinct = new Set(voters.map(({ memberId }) => memberId)).size === voters.length;
  const areSound = voters.every(({ publicKey }) => isSoundKey(publicKey));
  const isSet = hexOf(set) === header["validatorsHash"] && areDistinct && areSound;
  holds(checks, "voters", isSet, { all: voters.length });
  const message = voteBytes(bytesOf(chain) ?? new Uint8Array(), {
    ...{ height: wholeIn(header, "height"), round, blockId },
  });
  const signed = voters.filter(({ signature }) => signature !== null);
  const wrong = signed.filter(({ publicKey, signature }) => {
    return !isSignedBy({ publicKey, message, signature: bytesOf(signature ?? "") ?? blockId });
  });
  const have = signed.length - wrong.length;
  const isEnough = 3 * have > 2 * voters.length;
  const need = Math.floor((2 * voters.length) / 3) + 1;
  const names = wrong.map(({ memberId }) => memberId).join(", ");
  const facts = { have, need, all: voters.length, wrong: names, round };
  holds(checks, "quorum", isSet && isEnough && wrong.length === 0, facts);
  checkChain(checks, { chain, restart, rules });
  const isFirst = isSame(set, sha256(setBytes(rules.validators)));
  checks.push({ name: "firstVoters", state: isFirst ? "holds" : "open", facts: {} });
}

/** Votes are for the community, or for what its last restart began. */
function checkChain(
  checks: Check[],
  {
    chain,
    restart,
    rules,
  }: { readonly chain: string; readonly restart: unknown; readonly rules: Rules },
): void {
  const community = hexOf(rules.community);
  if (restart === null || restart === undefined) {
    if (chain === community) return;
    checks.push({ name: "chain", state: "open", facts: { restart: "" } });
    return;
  }
  const id = typeof restart === "string" ? restart : "";
  const said = new TextEncoder().encode(`pvtrading/chain/1 ${community} ${id}`);
  holds(checks, "chain", hexOf(sha256(said)) === chain, { restart: id });
}

// ---------------------------------------------------------------------------------------- steps

function inSteps<T>(work: (checks: Check[]) => T | null): Verdict<T> {
  const checks: Check[] = [];
  let read: T | null = null;
  try {
    read = work(checks);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    holds(checks, "readable", false, { problem: error.message });
  }
  return { checks, isGood: checks.every(({ state }) => state !== "fails"), read };
}

function holds(checks: Check[], name: CheckName, isSo: boolean, facts: Check["facts"] = {}): void {
  checks.push({ name, state: isSo ? "holds" : "fails", facts });
}

/** null: it failed, and nothing after it can be checked. */
function attempt<T>(checks: Check[], name: CheckName, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    holds(checks, name, false, { problem: error.message });
    return null;
  }
}

/** `named`: the community that the answer says it is of. */
function readRules(
  checks: Check[],
  { told, named }: { readonly told: Told; readonly named: unknown },
): Rules | null {
  const rules = attempt(checks, "rules", () => rulesIn(told));
  if (rules === null) return null;
  const id = hexOf(rules.community);
  const isTheirs = told["community"] === id && named === id;
  holds(checks, "rules", isTheirs, { id });
  return isTheirs ? rules : null;
}

function isObject(value: unknown): value is Told {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectIn(told: Told, field: string): Told {
  const value = told[field];
  return isObject(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** "" for anything else: whoever tells may tell what cannot even be made text of. */
function textIn(told: Told, field: string): string {
  const value = told[field];
  return typeof value === "string" ? value : "";
}

function wholeIn(told: Told, field: string): number {
  const value = told[field];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Unreadable(`${field} is no whole number`, 0);
}

/** Unix ms; NaN: it is no time. */
function timeIn(told: Told): number {
  return Date.parse(textIn(told, "time"));
}

function hexIn(told: Told, field: string): Uint8Array {
  const value = told[field];
  const bytes = typeof value === "string" ? bytesOf(value) : null;
  if (bytes === null) throw new Unreadable(`${field} is no hex`, 0);
  return bytes;
}
