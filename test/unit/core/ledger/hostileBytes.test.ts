// Bytes that a neighbour bent: each is refused with a value or read as its one form, and whatever was read, its
// rule answers. Nothing throws, even if every signature were good.

import fc from "fast-check";
import { expect, it } from "vitest";
import { applyBlock } from "../../../../agent/core/ledger/applyBlock.ts";
import { applyTransaction } from "../../../../agent/core/ledger/applyTransaction.ts";
import { decodeBlock, encodeBlock } from "../../../../agent/core/ledger/block.ts";
import { beginBlock } from "../../../../agent/core/ledger/blockExecution.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import { decodeTransaction, encodeTransaction } from "../../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import {
  doubleProposal,
  doublePvOffer,
  doubleReceipt,
  doubleVote,
  report,
} from "../../../support/accusations.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testKey,
  tokens,
} from "../../../support/ledger.ts";

const [SELLER, BUYER] = ["seller1@vt.edu", "buyer1@vt.edu"];
const LISTING = "21Mar18-15:00";
const chain = new TestChain(makeRules());
const community = communityId(chain.rules);
chain.add("2018-03-21T18:00:30Z", [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
chain.add("2018-03-21T18:02:00Z", [SELLER, say.registerPv(SELLER, "roof")]);
const before = chain.state;
const offer = say.pvOffer(LISTING, "roof", { energy: kwh(3) });
const offered = signed(chain.rules, SELLER, offer);
const { block } = chain.add(
  "2018-03-21T18:03:00Z",
  [SELLER, offer],
  [BUYER, say.buyOffer(LISTING, { energy: kwh(3), price: perKwh(2) })],
);
const receipt = chain.receipt(SELLER, [[offered, "2018-03-21T18:03:00Z"]]);
const seat = { memberId: memberId(BUYER), publicKey: testKey(BUYER).publicKey };
const transactions = [
  signed(chain.rules, "new@vt.edu", registration("new@vt.edu", tokens(200))),
  signed(chain.rules, SELLER, say.registerPv(SELLER, "barn")),
  signed(chain.rules, SELLER, say.pvOffer(LISTING, "roof", { energy: kwh(3), sequence: 1 })),
  signed(
    chain.rules,
    BUYER,
    say.buyOffer(LISTING, { energy: kwh(9), price: perKwh(2), sequence: 1 }),
  ),
  signed(chain.rules, SELLER, say.meterReading(LISTING, { imported: [1, 2], exported: [3, 4] })),
  signed(chain.rules, BUYER, report(doubleVote(chain.rules, SELLER))),
  signed(chain.rules, BUYER, report(doubleProposal(chain.rules, SELLER))),
  signed(chain.rules, BUYER, report(doublePvOffer(chain.rules, SELLER, LISTING, "roof"))),
  signed(chain.rules, null, say.grant(1, SELLER, tokens(-3))),
  signed(chain.rules, null, say.revoke(1, BUYER)),
  signed(chain.rules, null, say.bindIdentity(1, BUYER, "another card")),
  signed(chain.rules, BUYER, say.changeMember(1, BUYER, {})),
  signed(chain.rules, SELLER, say.removePv("roof", 1)),
  signed(chain.rules, ...receipt),
  signed(chain.rules, BUYER, report(doubleReceipt(chain.rules, SELLER, receipt[1]))),
  signed(chain.rules, null, { type: "validatorChange", sequence: 1, add: [seat], remove: [] }),
  signed(chain.rules, null, {
    ...{ type: "restart", sequence: 1, height: chain.state.height, blockId: chain.last.blockId },
    validators: [seat],
  }),
].map((transaction) => encodeTransaction(community, transaction));

/** Nobody's signature stands in the way of the rules. */
const credulous = Object.assign(Object.create(chain.verifier) as typeof chain.verifier, {
  verify: () => true,
  isCardKey: () => true,
});

/** A byte changed, left out, or put in; mostly one, sometimes three. */
const change = fc.record({
  where: fc.nat(1_000_000),
  byte: fc.nat(255),
  how: fc.constantFrom("set", "set", "flip", "remove", "insert"),
});
const changes = fc.array(change, { minLength: 1, maxLength: 3 });
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

function bent(bytes: Uint8Array, all: readonly Change[]): Uint8Array {
  const found = [...bytes];
  for (const { where, byte, how } of all) {
    const i = where % found.length;
    if (how === "set") found[i] = byte;
    else if (how === "flip") found[i] = (found[i] ?? 0) ^ (1 << (byte % 8));
    else if (how === "remove") found.splice(i, 1);
    else found.splice(i, 0, byte);
  }
  return Uint8Array.from(found);
}

it("transactions", () => {
  let read = 0;
  let applied = 0;
  const times = [
    at("2018-03-21T18:30:00Z"),
    at("2018-03-21T18:59:30Z"),
    at("2018-03-21T20:05:00Z"),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...transactions), changes, fc.nat(2), (bytes, all, when) => {
      const hostile = bent(bytes, all);
      const decoded = decodeTransaction(community, hostile);
      if (!decoded.ok) return;
      read += 1;
      expect(encodeTransaction(community, decoded.value)).toEqual(hostile);
      const time = times[when] ?? chain.state.time;
      const { draft } = beginBlock(chain.state, { time, proposer: memberId("seller1@vt.edu") });
      if (applyTransaction(draft, decoded.value, credulous).ok) applied += 1;
    }),
    { numRuns: 6000 },
  );
  // Refused by their form alone they would prove little.
  expect(read).toBeGreaterThan(1000);
  expect(applied).toBeGreaterThan(300);
});

it("blocks", () => {
  const bytes = encodeBlock(block);
  let read = 0;
  fc.assert(
    fc.property(changes, (all) => {
      const hostile = bent(bytes, all);
      const decoded = decodeBlock(hostile);
      if (!decoded.ok) return;
      read += 1;
      expect(encodeBlock(decoded.value)).toEqual(hostile);
      const isBent = Buffer.compare(hostile, bytes) !== 0;
      expect(applyBlock(before, decoded.value, credulous).ok).toBe(!isBent);
    }),
    { numRuns: 3000 },
  );
  expect(read).toBeGreaterThan(500);
});
