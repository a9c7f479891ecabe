import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode } from "../../../../agent/core/codec/shape.ts";
import { rulesShape } from "../../../../agent/core/ledger/rules.ts";
import {
  decodeState,
  encodeState,
  genesis,
  stateRoot,
} from "../../../../agent/core/ledger/state.ts";
import { kwh, makeRules, perKwh, registration, say, TestChain } from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const [SELLER, BUYER] = ["seller1@vt.edu", "buyer1@vt.edu"];
const T = (time: string) => `2018-03-21T${time}Z`;

/** A state with something in each of its places. */
function fullState() {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
  chain.add(
    T("16:11:00"),
    [SELLER, say.registerPv(SELLER, "roof")],
    [SELLER, say.registerPv(SELLER, "barn")],
  );
  chain.add(
    T("16:12:00"),
    [SELLER, say.pvOffer(LISTING, "roof", { energy: kwh(6) })],
    [SELLER, say.pvOffer(LISTING, "barn", { energy: kwh(2), reserve: perKwh(9) })],
    [BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) })],
  );
  chain.add(T("16:59:00"));
  chain.add(T("17:01:00"), [
    BUYER,
    say.buyOffer("21Mar18-14:00", { energy: kwh(1), price: perKwh(3) }),
  ]);
  chain.add(T("17:59:00"));
  chain.add(T("18:05:00"), [
    BUYER,
    say.meterReading(LISTING, { imported: [0, 9], exported: [0, 0] }),
  ]);
  return chain.state;
}

describe("decodeState", () => {
  it("reads back what encodeState wrote", () => {
    const state = fullState();
    expect(state.listings.size).toBe(3);
    expect(decodeState(state.rules, encodeState(state), state.lastBlock)).toEqual({
      ok: true,
      value: state,
    });
    const start = genesis(makeRules());
    expect(decodeState(start.rules, encodeState(start), null)).toEqual({ ok: true, value: start });
  });

  it("otherCommunity: a state under other rules", () => {
    const state = fullState();
    const other = makeRules({ guard: false });
    expect(encode(rulesShape, other)).not.toEqual(encode(rulesShape, state.rules));
    expect(decodeState(other, encodeState(state), state.lastBlock)).toEqual({
      ok: false,
      refusal: { code: "otherCommunity" },
    });
  });

  it("malformed: truncated, or with something behind", () => {
    const state = genesis(makeRules());
    const bytes = encodeState(state);
    for (const damaged of [bytes.subarray(0, -1), Uint8Array.from([...bytes, 0])]) {
      expect(decodeState(state.rules, damaged, null)).toMatchObject({
        refusal: { code: "malformed" },
      });
    }
  });

  it("notCanonical: members in another order, or one of them twice", () => {
    const state = fullState();
    const [buyer, seller] = [...state.members.values()].sort((a, b) =>
      a.memberId < b.memberId ? -1 : 1,
    );
    // Each is encoded as one run of bytes, so that two swapped runs are two swapped members.
    const hex = (s: Uint8Array) => Buffer.from(s).toString("latin1");
    const whole = hex(encodeState(state));
    const alone = (member: typeof buyer) =>
      hex(
        encodeState({ ...genesis(state.rules), members: new Map([[member!.memberId, member!]]) }),
      );
    const empty = hex(encodeState(genesis(state.rules)));
    // What a lone member adds to an empty state, cut out of the middle.
    const run = (member: typeof buyer) => {
      const text = alone(member);
      const from = [...empty].findIndex((c, i) => c !== text[i]) + 1;
      return text.slice(from, from + text.length - empty.length);
    };
    const [b, s] = [run(buyer), run(seller)];
    expect(whole).toContain(b + s);
    for (const wrong of [s + b, b + b]) {
      const bytes = Uint8Array.from(
        Buffer.from(
          whole.replace(b + s, () => wrong),
          "latin1",
        ),
      );
      expect(decodeState(state.rules, bytes, state.lastBlock)).toEqual({
        ok: false,
        refusal: { code: "notCanonical" },
      });
    }
  });

  it("never throws, and never takes other bytes for the same state", () => {
    const state = fullState();
    const bytes = encodeState(state);
    const root = stateRoot(state);
    fc.assert(
      fc.property(
        fc.nat({ max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (i, flip) => {
          const damaged = Uint8Array.from(bytes);
          damaged[i] = (damaged[i] ?? 0) ^ flip;
          const decoded = decodeState(state.rules, damaged, state.lastBlock);
          if (decoded.ok) expect(stateRoot(decoded.value)).not.toBe(root);
        },
      ),
      { numRuns: 300 },
    );
  });
});
