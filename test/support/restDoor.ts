// A REST door on a ledger of one home, without an agent: what is submitted is in a block at once, by the same
// rules as everywhere, and read from memory.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { encodeCertificate } from "../../agent/core/consensus/message.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { subjectOf } from "../../agent/core/ledger/accusation.ts";
import { type Block, blockId, encodeBlock } from "../../agent/core/ledger/block.ts";
import { buildBlock } from "../../agent/core/ledger/buildBlock.ts";
import { TransactionCheck } from "../../agent/core/ledger/checkTransaction.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import { genesis, type LedgerState } from "../../agent/core/ledger/state.ts";
import {
  type Payload,
  signTransaction,
  type Transaction,
} from "../../agent/core/ledger/transaction.ts";
import { memberId, type TransactionId } from "../../agent/core/units/ids.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";
import type { Ca } from "../../agent/io/ca.ts";
import { DEFAULT_REST_LIMITS, type RestLimits } from "../../agent/io/http/limits.ts";
import { openRest, type Rest, type RestOptions } from "../../agent/io/http/server.ts";
import { publicKeyOf } from "../../agent/io/keys.ts";
import { openTokens, SCOPES, type Scope, type Tokens } from "../../agent/io/wallet/tokens.ts";
import { openWallet, type Wallet } from "../../agent/io/wallet/wallet.ts";
import type {
  AgentDoor,
  HistoryEntry,
  Intent,
  LedgerArchive,
  Log,
  Publisher,
  Timed,
} from "../../agent/ports.ts";
import { CARDS_AT, testCa, testCard } from "./cards.ts";
import { certificateFor } from "./certificate.ts";
import { makeRules } from "./ledger.ts";
import { silentLog } from "./silentLog.ts";

export const ADMIN = "admin@vt.edu";
export const SELLERS = ["seller1@vt.edu", "seller2@vt.edu"] as const;
export const BUYERS = ["buyer1@vt.edu", "buyer2@vt.edu", "buyer3@vt.edu"] as const;
export const LISTING = "21Mar18-13:00";
export const NS = "org.acme.pv.auction";

export type TestHomeOptions = {
  readonly schedule?: "manual" | "hourly";
  readonly limits?: Partial<RestLimits>;
  readonly options?: Partial<RestOptions>;
  readonly hasCa?: boolean;
  readonly log?: Log;
};

export type TestHome = {
  readonly rest: Rest;
  readonly door: TestDoor;
  readonly wallet: Wallet;
  readonly tokens: Tokens;
  readonly ca: Ca;
  readonly rules: Rules;
  /** Who hears what the door tells; more may be added. */
  readonly told: Publisher[];
  /** A valid token of that member, or of another scope or end. */
  readonly tokenOf: (
    user: string,
    more?: { scopes?: readonly Scope[]; expiresAt?: number; isOperator?: boolean },
  ) => string;
  readonly ask: Ask;
  readonly close: () => Promise<void>;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  readonly json: any;
};

export type Ask = (
  method: string,
  path: string,
  more?: { token?: string; body?: unknown; headers?: { [name: string]: string } },
) => Promise<Answer>;

/** A community of the paper's five, their cards and the administrator's in one wallet, nobody registered. */
export async function openTestHome(options: TestHomeOptions = {}): Promise<TestHome> {
  const { schedule = "manual", limits = {}, hasCa = true, log = silentLog } = options;
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "pv-rest-"));
  const ca = await testCa();
  const wallet = openWallet(path.join(dir, "wallet"));
  const tokens = openTokens(path.join(dir, "tokens"));
  const admin = await testCard(ca, ADMIN);
  wallet.add(admin, { user: ADMIN });
  for (const name of [...SELLERS, ...BUYERS]) {
    wallet.add(await testCard(ca, name), { user: name });
  }
  const administrator = { memberId: memberId(ADMIN), publicKey: publicKeyOf(admin.privateKey) };
  const rules = makeRules({ schedule, caPublicKey: ca.publicKey, administrator });
  const told: Publisher[] = [];
  const door = new TestDoor(rules, {
    publish: (event) => {
      for (const one of told) one.publish(event);
    },
  });
  const rest = await openRest({
    ...{ door: door.door, wallet, tokens, ca: hasCa ? ca : null, log },
    options: {
      ...{ host: "127.0.0.1", port: 0, namespace: NS, cors: [], logins: [], commitWithinMs: 2000 },
      limits: { ...DEFAULT_REST_LIMITS, ...limits },
      ...options.options,
    },
  });
  told.push(rest.publisher);
  return {
    ...{ rest, door, wallet, tokens, ca, rules, told },
    tokenOf: (
      user,
      { scopes = SCOPES, expiresAt = Date.now() + 3_600_000, isOperator = false } = {},
    ) => tokens.issue({ user, isOperator, card: null, scopes, expiresAt: expiresAt as UnixMs }),
    ask: (method, where, more = {}) => ask(rest.address + where, method, more),
    close: async () => {
      await rest.close();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function ask(
  url: string,
  method: string,
  { token, body, headers = {} }: Parameters<Ask>[2] & object,
): Promise<Answer> {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(url, {
    method,
    redirect: "manual",
    headers: { ...json, ...(token === undefined ? {} : { "x-access-token": token }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") === true;
  const parsed = isJson && text !== "" ? JSON.parse(text) : null;
  return { status: answer.status, headers: answer.headers, text, json: parsed };
}

/** Builds a block of each intent. `hold` keeps what comes until it is let go. */
export class TestDoor {
  state: LedgerState;
  isCaughtUp = true;
  isHeld = false;
  /** What was signed. */
  readonly signed: Payload[] = [];
  readonly #publisher: Publisher;
  readonly #verifier = new Verifier();
  readonly #entries: HistoryEntry[] = [];
  readonly #blocks: Block[] = [];
  readonly #held: (() => void)[] = [];
  #number = 0;
  #now = Number(CARDS_AT) + 1000;

  constructor(rules: Rules, publisher: Publisher) {
    this.state = genesis(rules);
    this.#publisher = publisher;
  }

  /** How many wait to be let go. */
  get held(): number {
    return this.#held.length;
  }

  letGo(): void {
    this.isHeld = false;
    for (const run of this.#held.splice(0)) run();
  }

  get door(): AgentDoor {
    const { rules } = this.state;
    return {
      rules,
      self: memberId(SELLERS[0]),
      ledger: () => this.state,
      now: () => unixMs(this.#now),
      peers: () => [],
      isCaughtUp: () => this.isCaughtUp,
      submit: (intent, signer, done, signed) => {
        const run = (): void => {
          const author = signer.memberId;
          const payload = this.#numbered(intent, author);
          const unsigned = { author, payload };
          const transaction = signTransaction(communityId(rules), unsigned, signer.sign);
          signed?.(transaction.id);
          const put = (): void => {
            const refusal = this.put([transaction]);
            done(refusal === null ? { ok: true, value: transaction.id } : { ok: false, refusal });
          };
          if (this.isHeld) this.#held.push(put);
          else put();
        };
        setImmediate(run);
      },
      firstRefused: (intents, author) => {
        const check = new TransactionCheck(this.#verifier);
        const unsigned = intents.map((one, i) => ({
          author,
          payload: this.#numbered(one, author, i),
        }));
        return check.firstRefused(this.state, unsigned, unixMs(this.#now));
      },
      history: {
        listings: (count) =>
          [...this.state.listings.values()]
            .sort((a, b) => b.deliveryStart - a.deliveryStart)
            .slice(0, count),
        listing: (id) => this.state.listings.get(id) ?? null,
        pvOffers: (id) => this.#timed(this.state.listings.get(id)?.pvOffers.values() ?? []),
        buyOffers: (id) => this.#timed(this.state.listings.get(id)?.buyOffers.values() ?? []),
        fills: (id) => this.state.listings.get(id)?.fills ?? [],
        transactions: ({ types, count }) => {
          const all = this.#entries.filter(({ payload }) => types?.has(payload.type) ?? true);
          return { entries: all.reverse().slice(0, count), isWhole: all.length <= count };
        },
        transaction: (id) => this.#entries.find((one) => one.id === id) ?? null,
        archive: this.#archive(),
      },
    };
  }

  /** A block of these; the refusal of the first that it did not take. */
  put(transactions: readonly Transaction[]): { readonly code: string } | null {
    this.#now += 1000;
    const time = unixMs(this.#now);
    const proposer = this.state.rules.validators[0]?.memberId ?? memberId(SELLERS[0]);
    const built = buildBlock(this.state, { time, proposer, transactions }, this.#verifier);
    const [dropped] = built.dropped;
    if (dropped !== undefined) return dropped.refusal;
    this.state = built.state;
    this.#blocks.push(built.block);
    const { header } = built.block;
    const { height, stateRoot } = header;
    for (const { id, author, payload } of transactions) {
      this.#entries.push({ id, author, payload, height, time });
      this.signed.push(payload);
    }
    this.#publisher.publish({
      ...{ type: "block", height, round: 0, time, stateRoot, transactions: transactions.length },
      blockId: blockId(header),
    });
    for (const event of built.events) this.#publisher.publish({ type: "ledger", height, event });
    return null;
  }

  /** Blocks below `first` are not here, as after a snapshot. */
  first = 1;

  #archive(): LedgerArchive {
    const { rules } = this.state;
    const said = () => this.#entries;
    return {
      span: () => {
        const { height: last } = this.state;
        return { first: Math.min(this.first, last), last };
      },
      blocks: (from, count) =>
        this.#blocks.slice(Math.max(from, this.first) - 1, from - 1 + count).map((block, i) => ({
          height: Math.max(from, this.first) + i,
          block: encodeBlock(block),
          certificate: encodeCertificate(
            certificateFor(rules, block.header.height, blockId(block.header)),
          ),
        })),
      votersOf: () => ({
        ...{ validators: rules.validators, chain: communityId(rules), restart: null },
      }),
      placeOf: (id) => {
        const found = said().find((one) => one.id === id);
        if (found === undefined || found.height < this.first) return null;
        const { height } = found;
        const ofBlock = said().filter((one) => one.height === height);
        return { height, position: ofBlock.indexOf(found) };
      },
      cards: (member) =>
        said().flatMap(({ payload }) => {
          const isCard = payload.type === "registerMember" || payload.type === "bindIdentity";
          const isOwn = isCard && payload.memberId === member && payload.certificate !== null;
          return isOwn && payload.certificate !== null ? [payload.certificate] : [];
        }),
      evidence: () =>
        said().flatMap(({ payload, author, height }) => {
          if (payload.type !== "evidence") return [];
          const { type: kind, offender } = payload.accusation;
          const subject = subjectOf(payload.accusation);
          return [{ kind, offender, reporter: author, subject, height }];
        }),
    };
  }

  #timed<T extends { readonly transactionId: TransactionId }>(all: Iterable<T>): Timed<T>[] {
    const timeOf = (id: TransactionId): UnixMs =>
      this.#entries.find((one) => one.id === id)?.time ?? unixMs(0);
    return [...all].map((one) => ({ ...one, time: timeOf(one.transactionId) }));
  }

  /** `ahead`: so many are said before it. */
  #numbered(intent: Intent, author: string, ahead = 0): Payload {
    this.#number += 1;
    const { administratorSequence, listings } = this.state;
    switch (intent.type) {
      case "pvOffer":
      case "buyOffer": {
        const listing = listings.get(intent.listingId);
        const live =
          intent.type === "pvOffer"
            ? listing?.pvOffers.get(intent.pvId)
            : listing?.buyOffers.get(memberId(author));
        return { ...intent, sequence: (live?.sequence ?? 0) + 1 + ahead };
      }
      case "registerMember":
      case "meterReading":
      case "evidence":
        return intent;
      case "registerPv":
      case "changeMember":
      case "removePv":
        return { ...intent, sequence: this.#number };
      default:
        return { ...intent, sequence: administratorSequence + 1 + ahead };
    }
  }
}

/** Registers the five with 200 tokens each, a PV for each seller, and opens the listing. */
export async function startPaper(home: TestHome): Promise<void> {
  const token = home.tokenOf(ADMIN);
  for (const name of [...SELLERS, ...BUYERS]) {
    const [first = ""] = name.split("@");
    const body = { email: name, balance: 200, firstName: first, lastName: first };
    await mustBe(200, home.ask("POST", `/api/${NS}.Member`, { token, body }));
  }
  for (const owner of SELLERS) {
    const body = { PVid: `${owner.split("@")[0]}house`, owner };
    await mustBe(200, home.ask("POST", `/api/${NS}.PV`, { token, body }));
  }
  const body = { listingid: LISTING, state: "ACCEPT_OFFERS", pvoffers: [], buyoffers: [] };
  await mustBe(200, home.ask("POST", `/api/${NS}.kWhlisting`, { token, body }));
}

export async function mustBe(status: number, asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status === status) return answer;
  throw new Error(`${answer.status} instead of ${status}: ${answer.text}`);
}
