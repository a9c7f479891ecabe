import { describe, expect, it } from "vitest";
import { Verifier } from "../../../../agent/core/crypto.ts";
import { applyBlock } from "../../../../agent/core/ledger/applyBlock.ts";
import { buildBlock } from "../../../../agent/core/ledger/buildBlock.ts";
import { checkTransaction } from "../../../../agent/core/ledger/checkTransaction.ts";
import { baseOf, chainAfter, checkRestart } from "../../../../agent/core/ledger/restart.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import { decodeState, encodeState } from "../../../../agent/core/ledger/state.ts";
import type { PayloadOf, Transaction } from "../../../../agent/core/ledger/transaction.ts";
import { validatorsHash } from "../../../../agent/core/ledger/validators.ts";
import { type BlockId, memberId, pvId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { ChangingChain } from "../../../support/changingChain.ts";
import { kwh, say, signed, testKey, tokens } from "../../../support/ledger.ts";

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
const verifier = new Verifier();

const seats = (...names: readonly string[]) =>
  names.map((name) => {
    return { memberId: memberId(name), publicKey: testKey(name).publicKey };
  });

/** All five are members, a to d vote; block 2 is empty. */
function community(): ChangingChain {
  const chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
  chain.next();
  return chain;
}

type Wanted = Partial<Omit<PayloadOf<"restart">, "type">>;

function restartOf({ rules, state }: ChangingChain, wanted: Wanted = {}): Transaction {
  const { height, lastBlock } = state;
  const blockId = lastBlock?.blockId as BlockId;
  const usual = { sequence: 9, height, blockId, validators: seats(A, E) };
  return signed(rules, null, { type: "restart", ...usual, ...wanted });
}

const later = ({ state }: ChangingChain) => unixMs(state.time + 1000);

describe("checkRestart", () => {
  it("fits the last certified block, and no other", () => {
    const chain = community();
    const { state } = chain;
    const code = (wanted: Wanted) => {
      const checked = checkRestart(state, restartOf(chain, wanted), verifier);
      return checked.ok ? null : checked.refusal;
    };
    expect(code({})).toBe(null);
    expect(code({ height: 3 })).toEqual({ code: "restartAhead", height: 3, head: 2 });
    expect(code({ height: 1 })).toEqual({ code: "restartPast", height: 1, head: 2 });
    const other = "1".repeat(64) as BlockId;
    expect(code({ blockId: other })).toEqual({
      ...{ code: "restartOtherBlock", needed: state.lastBlock?.blockId, got: other },
    });
    expect(code({ sequence: 0 })).toEqual({ code: "staleSequence", have: 0, got: 0 });
    expect(code({ validators: [] })).toEqual({ code: "restartOrder", at: -1 });
    expect(code({ validators: seats(E, A) })).toEqual({ code: "restartOrder", at: 1 });
    expect(code({ validators: seats("x@vt.edu") })).toMatchObject({ code: "unknownMember" });
    const alien = [{ memberId: memberId(A), publicKey: testKey(E).publicKey }];
    expect(code({ validators: alien })).toEqual({ code: "otherKey", memberId: A });
    const kind = signed(chain.rules, null, say.grant(9, A, tokens(1)));
    expect(checkRestart(state, kind, verifier)).toMatchObject({ refusal: { code: "noRestart" } });
    const { payload } = restartOf(chain);
    const notCa = signed(chain.rules, A, payload);
    expect(checkRestart(state, notCa, verifier)).toMatchObject({ refusal: { code: "notAllowed" } });
  });
});

describe("a block that begins with a restart", () => {
  it("is of the new set at once, and so is the next; votes are for another chain from it on", () => {
    const chain = community();
    const restart = restartOf(chain);
    const grant = signed(chain.rules, null, say.grant(10, A, tokens(1)));
    const built = chain.addSigned(later(chain), [restart, grant], E);
    expect(built.dropped).toEqual([]);
    const { validatorsHash: now, nextValidatorsHash: next } = built.block.header;
    expect([now, next]).toEqual(Array(2).fill(validatorsHash(seats(A, E))));
    const { state } = chain;
    expect(state.validators).toEqual(seats(A, E));
    expect(state.nextValidators).toEqual(seats(A, E));
    expect(state.chain).toBe(chainAfter(communityId(chain.rules), restart.id));
    expect(state.caSequence).toBe(10);
    expect(built.events[0]).toEqual({
      ...{ type: "validatorsChanged", fromHeight: 3, added: seats(E), removed: [B, C, D] },
    });
    expect(decodeState(chain.rules, encodeState(state), state.lastBlock)).toEqual({
      ...{ ok: true, value: state },
    });
    expect(() => chain.addBy(B, later(chain))).toThrow("notValidator");
  });

  it("overtakes a change that was to come", () => {
    const chain = community();
    chain.change({ remove: [D] });
    chain.addSigned(later(chain), [restartOf(chain, { validators: seats(A, D) })], A);
    chain.addBy(D, later(chain));
    expect(chain.state.validators).toEqual(seats(A, D));
    expect(chain.state.setChanges).toEqual([]);
  });

  it("is refused by a builder of the old set, or with the restart in another place or block", () => {
    const chain = community();
    const restart = restartOf(chain);
    const time = later(chain);
    expect(() => chain.addSigned(time, [restart], B)).toThrow("notValidator");
    const grant = signed(chain.rules, null, say.grant(10, A, tokens(1)));
    const second = buildBlock(
      chain.state,
      { time, proposer: memberId(A), transactions: [grant, restart] },
      verifier,
    );
    expect(second.dropped).toMatchObject([{ refusal: { code: "restartMisplaced" } }]);
    expect(checkTransaction(chain.state, restart, verifier, time)).toMatchObject({
      refusal: { code: "restartMisplaced" },
    });
    // By bytes, past the builder: a block whose restart is for another block.
    const stale = restartOf(chain, { height: 1 });
    const made = buildBlock(
      chain.state,
      { time, proposer: memberId(A), transactions: [restart] },
      verifier,
    );
    const bytes = buildBlock(
      chain.state,
      { time, proposer: memberId(A), transactions: [] },
      verifier,
    );
    expect(baseOf(chain.state, stale, verifier)).toEqual({ state: chain.state, restart: null });
    const swapped = { header: bytes.block.header, transactions: made.block.transactions };
    expect(applyBlock(chain.state, swapped, verifier).ok).toBe(false);
  });

  it("replayed is stale", () => {
    const chain = community();
    const restart = restartOf(chain);
    chain.addSigned(later(chain), [restart], A);
    expect(checkRestart(chain.state, restart, verifier)).toMatchObject({
      refusal: { code: "staleSequence", have: 9, got: 9 },
    });
    const again = buildBlock(
      chain.state,
      { time: later(chain), proposer: memberId(A), transactions: [restart] },
      verifier,
    );
    expect(again.dropped).toMatchObject([{ refusal: { code: "restartMisplaced" } }]);
  });

  it("stamps what the old set has said enough of for the new one and itself together", () => {
    const chain = community();
    const LISTING = "21Mar18-13:00";
    const roof = signed(chain.rules, A, say.registerPv(A, "roof"));
    chain.addSigned("2018-03-21T16:02:00Z", [roof], A);
    const offer = signed(chain.rules, A, say.pvOffer(LISTING, "roof", { energy: kwh(6) }));
    chain.addSigned(later(chain), [offer], A);
    const heardAt = chain.state.time;
    // One of three.
    const [author, payload] = chain.receipt(B, [[offer, heardAt]]);
    chain.addSigned(later(chain), [signed(chain.rules, author, payload)], A);
    const stampOf = () => chain.listing(LISTING)?.pvOffers.get(pvId("roof"))?.stamp;
    expect(stampOf()).toBe(null);
    chain.addSigned(later(chain), [restartOf(chain, { validators: seats(A, B) })], A);
    // f of a and b is 0: the first word, b's, is enough.
    expect(stampOf()).toBe(heardAt);
  });
});
