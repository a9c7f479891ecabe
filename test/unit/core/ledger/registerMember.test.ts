import { describe, expect, it } from "vitest";
import { ISSUED_MAX } from "../../../../agent/core/ledger/accounts.ts";
import type { Payload, PayloadOf } from "../../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { microTokens } from "../../../../agent/core/units/money.ts";
import {
  ADMINISTRATOR,
  keylessRegistration,
  makeRules,
  registration,
  TestChain,
  testCard,
  testCertificate,
  testKey,
  tokens,
} from "../../../support/ledger.ts";

const NOW = "2018-03-21T12:00:00Z";
const ALICE = "alice@vt.edu";

function withCertificate(certificate: Uint8Array, name = ALICE): Payload {
  return { ...(registration(name) as PayloadOf<"registerMember">), certificate };
}

describe("registerMember", () => {
  it("gives a member its key and the initial balance, and says so", () => {
    const chain = new TestChain();
    const { events } = chain.add(NOW, [ALICE, registration(ALICE)]);
    expect(chain.member(ALICE)).toEqual({
      memberId: ALICE,
      firstName: "alice",
      lastName: "alice",
      publicKey: testKey(ALICE).publicKey,
      balance: tokens(200),
      reserved: 0n,
      revoked: false,
      sequence: 0,
    });
    expect(chain.state.issued).toBe(tokens(200));
    expect(events.map(({ type }) => type)).toEqual([
      "memberRegistered",
      "posted",
      "balanceChanged",
    ]);
    expect(events[0]).toEqual({ type: "memberRegistered", member: chain.member(ALICE) });
    expect(events[1]).toMatchObject({ posting: { amount: tokens(200), reason: "registration" } });
  });

  it("accepts a claim of exactly the initial balance", () => {
    const chain = new TestChain();
    chain.add(NOW, [ALICE, registration(ALICE, tokens(200))]);
    expect(chain.balance(ALICE)).toBe(200);
  });

  it.each([
    [250, "250"],
    [199.999999, "199.999999"],
    [-1, "-1"],
  ])("balanceNotInitial: a claim of %d tokens by the member itself", (claim, claimed) => {
    const chain = new TestChain();
    expect(chain.refusal(NOW, ALICE, registration(ALICE, tokens(claim)))).toEqual({
      code: "balanceNotInitial",
      claimed,
      initial: "200",
    });
    expect(chain.state.members.size).toBe(0);
  });

  it("lets the administrator say another balance, but no negative one", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(NOW, [ADMINISTRATOR, registration(ALICE, tokens(7))]);
    expect(chain.balance(ALICE)).toBe(7);
    expect(chain.state.issued).toBe(tokens(7));
    const bob = registration("bob@vt.edu", tokens(-1));
    expect(chain.refusal("2018-03-21T12:00:01Z", ADMINISTRATOR, bob)).toMatchObject({
      code: "balanceNotInitial",
      claimed: "-1",
    });
  });

  it("registers by hand who has no card, once; nobody has the same key by that", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    const keyless = [ALICE, "bob@vt.edu"].map(
      (name) => [ADMINISTRATOR, keylessRegistration(name)] as const,
    );
    chain.add(NOW, ...keyless);
    expect(chain.member(ALICE)).toMatchObject({ publicKey: null, balance: tokens(200) });
    expect(chain.state.members.size).toBe(2);
    const again = chain.refusal("2018-03-21T12:00:01Z", ALICE, registration(ALICE));
    expect(again).toEqual({ code: "memberExists", memberId: ALICE });
  });

  it("notManual: in an hourly community nobody is registered by hand", () => {
    const { publicKey } = testKey(ADMINISTRATOR);
    const administrator = { memberId: memberId(ADMINISTRATOR), publicKey };
    const chain = new TestChain(makeRules({ administrator }));
    expect(chain.refusal(NOW, ADMINISTRATOR, registration(ALICE))).toEqual({ code: "notManual" });
  });

  it("issuedBeyondMax: no sum of balances can leave 64 bits", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(NOW, [ADMINISTRATOR, registration(ALICE, ISSUED_MAX)]);
    const one = registration("bob@vt.edu", microTokens(1n));
    expect(chain.refusal("2018-03-21T12:00:01Z", ADMINISTRATOR, one)).toMatchObject({
      code: "issuedBeyondMax",
      amount: "0.000001",
    });
  });

  it("memberExists: once is enough, and the same message again is the same refusal", () => {
    const chain = new TestChain();
    chain.add(NOW, [ALICE, registration(ALICE)]);
    expect(chain.refusal("2018-03-21T12:00:01Z", ALICE, registration(ALICE))).toEqual({
      code: "memberExists",
      memberId: ALICE,
    });
    expect(chain.state.issued).toBe(tokens(200));
  });

  it("keyInUse: a second member with the first one's key, in the same block or later", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    const { publicKey } = testKey(ALICE);
    const stolen = testCertificate({ memberId: "bob@vt.edu", publicKey });
    const bob = withCertificate(stolen, "bob@vt.edu");
    const both = chain.add(NOW, [ALICE, registration(ALICE)], [ADMINISTRATOR, bob]);
    expect(both.dropped.map(({ refusal }) => refusal.code)).toEqual(["keyInUse"]);
    expect(chain.refusal("2018-03-21T12:00:01Z", ADMINISTRATOR, bob).code).toBe("keyInUse");
  });

  it("membersMax", () => {
    const chain = new TestChain(makeRules({ membersMax: 1 }));
    const { dropped } = chain.add(
      NOW,
      [ALICE, registration(ALICE)],
      ["bob@vt.edu", registration("bob@vt.edu")],
    );
    expect(dropped.map(({ refusal }) => refusal)).toEqual([{ code: "membersMax", max: 1 }]);
  });

  it("badCertificate: nothing that the CA would write", () => {
    const chain = new TestChain();
    const payload = withCertificate(Uint8Array.of(1, 2, 3));
    expect(chain.refusal(NOW, ALICE, payload).code).toBe("badCertificate");
  });

  it("certificateOfOther: the administrator registers a member with someone else's certificate", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    const payload = withCertificate(testCard("bob@vt.edu").certificate);
    expect(chain.refusal(NOW, ADMINISTRATOR, payload)).toEqual({
      code: "certificateOfOther",
      memberId: ALICE,
      certified: "bob@vt.edu",
    });
  });

  it("notIssuedByCa: a stranger certifies itself", () => {
    const { publicKey } = testKey(ALICE);
    const certificate = testCertificate({ memberId: ALICE, publicKey, ca: testKey("a stranger") });
    expect(new TestChain().refusal(NOW, ALICE, withCertificate(certificate))).toEqual({
      code: "notIssuedByCa",
      memberId: ALICE,
    });
  });

  it("notYetValid and expired, by block time; both ends count as valid", () => {
    const { publicKey } = testKey(ALICE);
    const [notBefore, notAfter] = [
      new Date("2018-01-01T00:00:00Z"),
      new Date("2018-12-31T00:00:00Z"),
    ];
    const payload = withCertificate(
      testCertificate({ memberId: ALICE, publicKey, notBefore, notAfter }),
    );
    const code = (time: string) => new TestChain().refusal(time, ALICE, payload).code;
    expect(code("2017-12-31T23:59:59.999Z")).toBe("notYetValid");
    expect(code("2018-12-31T00:00:00.001Z")).toBe("expired");
    for (const time of ["2018-01-01T00:00:00Z", "2018-12-31T00:00:00Z"]) {
      expect(new TestChain().add(time, [ALICE, payload]).dropped).toEqual([]);
    }
  });

  it("unsuitableKey: the CA certified a key of small order", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    // The neutral element, y = 1.
    const publicKey = Uint8Array.of(1, ...new Uint8Array(31));
    const certificate = testCertificate({ memberId: ALICE, publicKey });
    expect(chain.refusal(NOW, ADMINISTRATOR, withCertificate(certificate)).code).toBe(
      "unsuitableKey",
    );
  });

  it("registers many in one block, each with its own key", () => {
    const chain = new TestChain();
    const names = Array.from({ length: 20 }, (_, i) => `home${i}@vt.edu`);
    const { events } = chain.add(NOW, ...names.map((name) => [name, registration(name)] as const));
    const changed = events.flatMap((e) => (e.type === "balanceChanged" ? [e.memberId] : []));
    // home0, home1, home10, home11, ...: by id, not in the order of registration
    expect(changed).toEqual(names.map(memberId).sort());
    expect([...chain.state.members.keys()].sort()).toEqual(names.map(memberId).sort());
  });
});
