// The permission table, cell by cell: what it says, the ledger does with a transaction, whichever way it came.

import { afterAll, describe, expect, it } from "vitest";
import {
  type Operation,
  PERMISSIONS,
  permits,
  type Resource,
  type Role,
} from "../../../../agent/core/access/permissions.ts";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { LINES } from "../../../../agent/core/ledger/authority.ts";
import { checkTransaction } from "../../../../agent/core/ledger/checkTransaction.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import { type Payload, signTransaction } from "../../../../agent/core/ledger/transaction.ts";
import { memberId, type TransactionId } from "../../../../agent/core/units/ids.ts";
import { doubleVote, report } from "../../../support/accusations.ts";
import {
  ADMINISTRATOR,
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  testCa,
  testKey,
  tokens,
} from "../../../support/ledger.ts";

const SCHEDULES = ["hourly", "manual"] as const;
type Schedule = (typeof SCHEDULES)[number];
const ROLES: readonly Role[] = ["owner", "member", "administrator", "revoked", "anonymous"];
const VALIDATOR = "seller1@vt.edu";
const [OWNER, OTHER, REVOKED] = ["owner@vt.edu", "other@vt.edu", "revoked@vt.edu"];
/** No members. */
const [STRANGER, NEWCOMER] = ["mallory@vt.edu", "new@vt.edu"];
/** 16:00Z to 17:00Z; 18:00Z; nobody has created the last. */
const [CLOSED, OPEN, LATER] = ["21Mar18-12:00", "21Mar18-14:00", "21Mar18-20:00"];
const NOW = at("2018-03-21T17:05:00Z");
const CA = "the CA";
/** An offer that the validator heard of. */
const HEARD = "ab".repeat(32) as TransactionId;

/** Says that the author may not, or is not the author; not that what it says is wrong. */
const DENIALS: ReadonlySet<string> = new Set([
  ...["notAllowed", "notOwner", "notManual", "revoked", "unknownMember", "badSignature"],
]);

/** An hour closed and metered, one open; a PV for each of three, of whom one is revoked. */
function worldOf(schedule: Schedule): TestChain {
  const { publicKey } = testKey(ADMINISTRATOR);
  const administrator = { memberId: memberId(ADMINISTRATOR), publicKey };
  const chain = new TestChain(makeRules({ schedule, administrator, validators: [VALIDATOR] }));
  const all = [OWNER, OTHER, REVOKED];
  const day = (time: string) => `2018-03-21T${time}Z`;
  const byHand = (type: "createListing" | "closeBidding", sequence: number, listing: string) =>
    schedule === "manual"
      ? [[ADMINISTRATOR, say.administrator(type, sequence, listing)] as const]
      : [];
  chain.add(day("15:10:00"), ...all.map((name) => [name, registration(name)] as const));
  chain.add(
    day("15:11:00"),
    ...all.map((name) => [name, say.registerPv(name, pvOf(name))] as const),
  );
  chain.add(day("15:12:00"), [null, say.revoke(1, REVOKED)], ...byHand("createListing", 1, CLOSED));
  chain.add(day("15:59:15"), ...byHand("closeBidding", 2, CLOSED));
  chain.add(day("17:02:00"), ...byHand("createListing", 3, OPEN));
  expect([chain.listing(CLOSED)?.state, chain.listing(OPEN)?.state]).toEqual([
    "AUCTION_CLOSED",
    "ACCEPT_OFFERS",
  ]);
  return chain;
}

function pvOf(name: string): string {
  return `${name.split("@")[0]}house`;
}

/** `owner`: whose the thing is. Whoever may say it, with that the ledger takes it. */
type Says = (owner: string, chain: TestChain) => Payload;

/** Sequences of the administrator go on from 3, of the CA from 1. */
const SAYS: { readonly [T in Payload["type"]]: Says } = {
  registerMember: () => registration(NEWCOMER),
  changeMember: (owner) => say.changeMember(4, owner, {}),
  registerPv: (owner) => say.registerPv(owner, "another"),
  removePv: (owner) => say.removePv(pvOf(owner), 1),
  pvOffer: (owner) => say.pvOffer(OPEN, pvOf(owner), { energy: kwh(1) }),
  buyOffer: () => say.buyOffer(OPEN, { energy: kwh(1), price: perKwh(3) }),
  meterReading: () => say.meterReading(CLOSED, { imported: [0, 1], exported: [0, 0] }),
  revoke: (owner) => say.revoke(4, owner),
  bindIdentity: (owner) => say.bindIdentity(4, owner === OWNER ? REVOKED : owner, "another card"),
  createListing: () => say.administrator("createListing", 4, LATER),
  acceptOfferBroadcast: () => say.administrator("acceptOfferBroadcast", 4, OPEN),
  closeBidding: () => say.administrator("closeBidding", 4, OPEN),
  grant: (owner) => say.grant(4, owner, tokens(1)),
  validatorChange: () => {
    const seat = { memberId: memberId(OTHER), publicKey: testKey(OTHER).publicKey };
    return { type: "validatorChange", sequence: 4, add: [seat], remove: [] };
  },
  restart: (_, { state, last }) => {
    const validators = [{ memberId: memberId(OTHER), publicKey: testKey(OTHER).publicKey }];
    const { blockId } = last;
    return { type: "restart", sequence: 4, height: state.height, blockId, validators };
  },
  receipt: (_, chain) => chain.receipt(VALIDATOR, [[HEARD, "2018-03-21T17:03:00Z"]])[1],
  evidence: (_, { rules }) => report(doubleVote(rules, VALIDATOR)),
};

/** What the table leaves to others: the CA, who votes, and any member. */
const OUTSIDE: { readonly [type: string]: readonly Role[] } = {
  ...{ grant: [], validatorChange: [], restart: [], receipt: [] },
  evidence: ["owner", "member"],
};

/** `author` null: the CA; `key`: whose key signs. */
type Try = { readonly author: string | null; readonly key: string; readonly owner: string };

/** All the ways in which somebody in this role could say it. */
function triesOf(role: Role, type: Payload["type"]): readonly Try[] {
  const as = (author: string, owner: string): Try => ({ author, key: author, owner });
  const forged = (key: string): Try => ({ author: ownerOf(type), key, owner: OWNER });
  // Whose it is follows from who signs it: another's can only be forged.
  const isOwnAlways = type === "buyOffer" || type === "meterReading";
  switch (role) {
    case "owner":
      return [as(ownerOf(type), OWNER)];
    case "member":
      return isOwnAlways ? [forged(OTHER)] : [as(OTHER, OWNER)];
    case "administrator":
      return isOwnAlways
        ? [as(ADMINISTRATOR, OWNER), forged(ADMINISTRATOR)]
        : [as(ADMINISTRATOR, OWNER)];
    case "revoked":
      return [as(REVOKED, REVOKED), as(REVOKED, OWNER)];
    case "anonymous":
      return [as(STRANGER, OWNER), forged(STRANGER), { author: null, key: STRANGER, owner: OWNER }];
  }
}

function ownerOf(type: Payload["type"]): string {
  return type === "registerMember" ? NEWCOMER : OWNER;
}

let cells = 0;
let tried = 0;
afterAll(() => {
  process.stdout.write(`permissions: ${cells} cells, ${tried} transactions tried\n`);
});

describe.each(SCHEDULES)("in a community with schedule %s", (schedule) => {
  const chain = worldOf(schedule);
  const verifier = new Verifier();

  function refusalOf({ author, key, owner }: Try, type: Payload["type"]): string | null {
    const payload = SAYS[type](owner, chain);
    const unsigned = { author: author === null ? null : memberId(author), payload };
    const { sign } = key === CA ? testCa() : testKey(key);
    const transaction = signTransaction(communityId(chain.rules), unsigned, sign);
    const checked = checkTransaction(chain.state, transaction, verifier, NOW);
    tried += 1;
    return checked.ok ? null : checked.refusal.code;
  }

  const types = Object.keys(SAYS) as Payload["type"][];
  it.each(types)("%s: the ledger does as the table says", (type) => {
    for (const role of ROLES) {
      const line = LINES[type];
      const isPermitted =
        line === null
          ? OUTSIDE[type]?.includes(role) === true
          : permits(schedule, role, line.operation, line.resource);
      for (const one of triesOf(role, type)) {
        const code = refusalOf(one, type);
        const verdict = code === null ? "taken" : DENIALS.has(code) ? "denied" : code;
        expect([role, one, verdict]).toEqual([role, one, isPermitted ? "taken" : "denied"]);
      }
      cells += 1;
    }
  });

  it.each([
    ["grant", null],
    ["validatorChange", null],
    // By gossip it is never taken: it goes to each home by its operator's hand.
    ["restart", "restartMisplaced"],
    ["revoke", null],
    ["bindIdentity", null],
  ] as const)("%s: the CA may", (type, code) => {
    expect(refusalOf({ author: null, key: CA, owner: OWNER }, type)).toBe(code);
  });

  it("receipt: who votes may, where offers are not taken by hand", () => {
    const code = refusalOf({ author: VALIDATOR, key: VALIDATOR, owner: OWNER }, "receipt");
    expect(code).toBe(schedule === "hourly" ? null : "receiptsUnused");
  });
});

describe("the table", () => {
  const lines = Object.entries(PERMISSIONS).flatMap(([resource, operations]) =>
    Object.entries(operations).map(([operation, line]) => ({
      ...{ resource: resource as Resource, operation: operation as Operation },
      line: line as { readonly [W in Role]: string },
    })),
  );

  it("is known to the ledger in every line that changes anything", () => {
    const used = Object.values(LINES).filter((line) => line !== null);
    const names = (all: readonly { resource: string; operation: string }[]) =>
      all.map(({ operation, resource }) => `${operation} ${resource}`).sort();
    expect(names(used)).toEqual(names(lines.filter(({ operation }) => operation !== "read")));
  });

  it("leaves to the anonymous and the revoked what is public, and nothing else", () => {
    const open = lines.filter(({ line }) => line.anonymous !== "no" || line.revoked !== "no");
    expect(open.map(({ operation, resource }) => `${operation} ${resource}`)).toEqual([
      "read PublicEvents",
    ]);
  });

  it("lets nobody do by hand in an hourly community what the administrator of a manual one does", () => {
    const byHand = lines.filter(({ line }) => line.administrator === "byHand");
    expect(byHand).toHaveLength(9);
    for (const { operation, resource } of byHand) {
      expect(permits("hourly", "administrator", operation, resource)).toBe(false);
      expect(permits("manual", "administrator", operation, resource)).toBe(true);
    }
  });

  it("lets nobody do what it does not name", () => {
    for (const role of ROLES) {
      expect(permits("manual", role, "delete", "Member")).toBe(false);
      expect(permits("manual", role, "update", "PVOffer")).toBe(false);
    }
  });
});
