import { beforeAll, describe, expect, it } from "vitest";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { checkSignature } from "../../../../agent/core/ledger/checkSignature.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import {
  type Payload,
  type PayloadOf,
  signTransaction,
} from "../../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { doubleVote, report } from "../../../support/accusations.ts";
import {
  ADMINISTRATOR,
  keylessRegistration,
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

const [ALICE, BOB, MALLORY] = ["alice@vt.edu", "bob@vt.edu", "mallory@vt.edu"];
const KEYLESS = "keyless@vt.edu";
const LISTING = "21Mar18-13:00";

const byMembers: readonly Payload[] = [
  say.pvOffer(LISTING, "roof", { energy: kwh(1) }),
  say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(3) }),
  say.meterReading(LISTING, { imported: [0, 1], exported: [0, 0] }),
  report(doubleVote(makeRules(), "seller1@vt.edu")),
];
const byCa: readonly Payload[] = [say.grant(1, ALICE, tokens(1))];
const byAdministrator: readonly Payload[] = [
  say.administrator("createListing", 1, LISTING),
  say.administrator("acceptOfferBroadcast", 1, LISTING),
  say.administrator("closeBidding", 1, LISTING),
];

describe("checkSignature", () => {
  const verifier = new Verifier();
  const chain = new TestChain(makeRules({ schedule: "manual" }));
  const check = (author: string | null, payload: Payload, signer: string) => {
    const key = signer === "CA" ? testCa() : testKey(signer);
    const unsigned = { author: author === null ? null : memberId(author), payload };
    const transaction = signTransaction(communityId(chain.rules), unsigned, key.sign);
    const checked = checkSignature(chain.state, transaction, verifier);
    return checked.ok ? "ok" : checked.refusal;
  };

  beforeAll(() => {
    chain.add("2018-03-21T12:00:00Z", [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
    chain.add(
      "2018-03-21T12:00:01Z",
      [null, say.revoke(1, BOB)],
      [ADMINISTRATOR, keylessRegistration(KEYLESS)],
    );
  });

  it.each(byMembers)("$type: a member with its own key, and nobody else", (payload) => {
    expect(check(ALICE, payload, ALICE)).toBe("ok");
    expect(check(ALICE, payload, MALLORY)).toEqual({ code: "badSignature" });
    expect(check(ALICE, payload, ADMINISTRATOR)).toEqual({ code: "badSignature" });
    expect(check(MALLORY, payload, MALLORY)).toEqual({ code: "unknownMember", memberId: MALLORY });
    expect(check(BOB, payload, BOB)).toEqual({ code: "revoked", memberId: BOB });
    expect(check(null, payload, "CA")).toMatchObject({ code: "notAllowed" });
    expect(check(KEYLESS, payload, KEYLESS)).toEqual({ code: "noIdentity", memberId: KEYLESS });
  });

  it.each(byCa)("$type: the CA alone", (payload) => {
    expect(check(null, payload, "CA")).toBe("ok");
    expect(check(null, payload, ALICE)).toEqual({ code: "badSignature" });
    expect(check(ALICE, payload, ALICE)).toEqual({ code: "notAllowed", who: "CA" });
    expect(check(ADMINISTRATOR, payload, ADMINISTRATOR)).toEqual({ code: "notAllowed", who: "CA" });
  });

  it.each(byAdministrator)("$type: the administrator alone", (payload) => {
    expect(check(ADMINISTRATOR, payload, ADMINISTRATOR)).toBe("ok");
    expect(check(ADMINISTRATOR, payload, ALICE)).toEqual({ code: "badSignature" });
    expect(check(ALICE, payload, ALICE)).toEqual({ code: "notAllowed", who: "administrator" });
    expect(check(null, payload, "CA")).toEqual({ code: "notAllowed", who: "administrator" });
  });

  it("registerPv: its owner or the administrator", () => {
    const payload = say.registerPv(ALICE, "roof");
    expect(check(ALICE, payload, ALICE)).toBe("ok");
    expect(check(ADMINISTRATOR, payload, ADMINISTRATOR)).toBe("ok");
    const who = { code: "notAllowed", who: "owner or administrator" };
    expect(check(MALLORY, payload, MALLORY)).toEqual(who);
    expect(check(null, payload, "CA")).toEqual(who);
    const stranger = say.registerPv(MALLORY, "roof");
    expect(check(MALLORY, stranger, MALLORY)).toEqual({ code: "unknownMember", memberId: MALLORY });
  });

  it("revoke: the CA or the administrator", () => {
    const payload = say.revoke(1, BOB);
    expect(check(null, payload, "CA")).toBe("ok");
    expect(check(ADMINISTRATOR, payload, ADMINISTRATOR)).toBe("ok");
    expect(check(ADMINISTRATOR, payload, ALICE)).toEqual({ code: "badSignature" });
    expect(check(ALICE, payload, ALICE)).toEqual({
      code: "notAllowed",
      who: "CA or administrator",
    });
  });

  it("registerMember: the certified key or the administrator's", () => {
    const payload = registration("carol@vt.edu") as PayloadOf<"registerMember">;
    expect(check("carol@vt.edu", payload, "carol@vt.edu")).toBe("ok");
    expect(check("carol@vt.edu", payload, MALLORY)).toEqual({ code: "badSignature" });
    expect(check(ADMINISTRATOR, payload, ADMINISTRATOR)).toBe("ok");
    expect(check(ADMINISTRATOR, payload, "carol@vt.edu")).toEqual({ code: "badSignature" });
    expect(check(ALICE, payload, ALICE)).toMatchObject({ code: "notAllowed" });
    expect(check(null, payload, "CA")).toMatchObject({ code: "notAllowed" });
    const unreadable = { ...payload, certificate: Uint8Array.of(0x30) };
    expect(check("carol@vt.edu", unreadable, "carol@vt.edu")).toMatchObject({
      code: "badCertificate",
    });
    const keyless = { ...payload, certificate: null };
    expect(check(ADMINISTRATOR, keyless, ADMINISTRATOR)).toBe("ok");
    expect(check("carol@vt.edu", keyless, "carol@vt.edu")).toEqual({
      code: "notAllowed",
      who: "administrator",
    });
  });

  it("an administrator's card ends like any other, for its steps and its registrations", () => {
    const lab = new TestChain(makeRules({ schedule: "manual" }));
    lab.add("2018-03-21T12:00:00Z", [ADMINISTRATOR, registration(ADMINISTRATOR)]);
    lab.add("2018-03-21T12:00:01Z", [null, say.revoke(1, ADMINISTRATOR)]);
    const revoked = { code: "revoked", memberId: ADMINISTRATOR };
    const step = say.administrator("createListing", 1, "21Mar18-13:00");
    expect(lab.refusal("2018-03-21T12:00:02Z", ADMINISTRATOR, step)).toEqual(revoked);
    // It could mint: a manual community's administrator says what a new member starts with.
    const minted = registration("carol@vt.edu", tokens(1_000_000));
    expect(lab.refusal("2018-03-21T12:00:03Z", ADMINISTRATOR, minted)).toEqual(revoked);
  });

  it("a signature made for a community with other rules is none here", () => {
    const other = communityId(makeRules({ name: "another" }));
    const unsigned = { author: memberId(ALICE), payload: say.registerPv(ALICE, "roof") };
    const transaction = signTransaction(other, unsigned, testKey(ALICE).sign);
    expect(checkSignature(chain.state, transaction, verifier)).toMatchObject({
      refusal: { code: "badSignature" },
    });
  });
});
