// A chain with something of everything in its state at block 10: a finished hour that has left it, an hour
// being metered, one without offers, and an open one whose offers have no stamps yet. Then it goes on.

import {
  type CheckedSnapshot,
  checkSnapshotProof,
  checkSnapshotState,
} from "../../agent/core/audit/checkSnapshot.ts";
import { encodeCertificate } from "../../agent/core/consensus/message.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { blockId, encodeBlock } from "../../agent/core/ledger/block.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import { encodeState } from "../../agent/core/ledger/state.ts";
import { encodeValidators } from "../../agent/core/ledger/validators.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { certificateFor } from "./certificate.ts";
import { kwh, makeRules, perKwh, registration, say, TestChain, tokens } from "./ledger.ts";

export const [SELLER, BUYER, OTHER] = ["seller1@vt.edu", "buyer1@vt.edu", "other@vt.edu"] as const;
/** Virginia is four hours behind UTC. */
export const [HOUR_12, HOUR_13, HOUR_14, HOUR_15] = [
  "21Mar18-12:00",
  "21Mar18-13:00",
  "21Mar18-14:00",
  "21Mar18-15:00",
] as const;
export const SNAPSHOT_AT = 10;

const offer = (hour: string, sequence = 1) =>
  [
    SELLER,
    say.pvOffer(hour, "seller1house", { energy: kwh(6), reserve: perKwh(2), sequence }),
  ] as const;
const bid = (hour: string, who: string = BUYER, sequence = 1) =>
  [who, say.buyOffer(hour, { energy: kwh(4), price: perKwh(3), sequence })] as const;

/** Blocks 1 to 10, and then 11 to 15 with what happens to what the snapshot names. */
export function snapshotChain(): { readonly chain: TestChain; readonly at10: TestChain } {
  const chain = new TestChain(makeRules({ validators: [SELLER] }));
  const day = (time: string) => `2018-03-21T${time}Z`;
  chain.add(
    day("15:00:30"),
    ...[SELLER, BUYER, OTHER].map((name) => [name, registration(name)] as const),
  );
  chain.add(
    day("15:02:00"),
    [SELLER, say.registerPv(SELLER, "seller1house")],
    [null, say.grant(1, BUYER, tokens(5))],
    [SELLER, say.registerPv(SELLER, "barn")],
    [SELLER, say.removePv("barn", 1)],
    [BUYER, say.changeMember(1, BUYER, { name: "Zoe" })],
  );
  chain.add(day("15:10:00"), offer(HOUR_12), bid(HOUR_12));
  chain.addReceipts(day("15:11:00"));
  chain.add(day("15:59:30"));
  chain.add(day("16:10:00"), offer(HOUR_13), bid(HOUR_13), [null, say.revoke(2, OTHER)]);
  chain.addReceipts(day("16:11:00"));
  chain.add(day("16:59:30"));
  // 12:00 is finished at 17:15Z; 13:00 is metered from 18:00Z on.
  chain.add(
    day("18:05:00"),
    [SELLER, say.meterReading(HOUR_13, { imported: [100, 150], exported: [9000, 12_900] })],
    offer(HOUR_15),
  );
  chain.add(day("18:05:30"), bid(HOUR_15));
  if (chain.state.height !== SNAPSHOT_AT) throw new Error(`at ${chain.state.height}`);
  const at10 = chain.fork();
  at10.blocks.push(...chain.blocks);
  chain.add(day("18:06:00"), [
    BUYER,
    say.meterReading(HOUR_13, { imported: [100, 4100], exported: [0, 0] }),
  ]);
  chain.addReceipts(day("18:07:00"));
  chain.add(day("18:16:00"), offer(HOUR_15, 2));
  chain.addReceipts(day("18:17:00"));
  chain.add(day("18:59:30"));
  return { chain, at10 };
}

export type TestSnapshot = { readonly snapshot: CheckedSnapshot; readonly state: Uint8Array };

/** The snapshot after a chain's last block, as a joiner has checked it. */
export function snapshotOf(chain: TestChain): TestSnapshot {
  const { rules, state, blocks } = chain;
  const block = blocks.at(-1);
  if (block === undefined) throw new Error("no block yet");
  const proof = proofOf(rules, block);
  const verifier = new Verifier();
  const snapshot = mustBeAccepted(checkSnapshotProof(proof, { rules, verifier }), "it is right");
  const bytes = encodeState(state);
  mustBeAccepted(checkSnapshotState(snapshot, bytes, rules), "its state too");
  return { snapshot, state: bytes };
}

export function proofOf(rules: Rules, block: TestChain["blocks"][number]) {
  const { height } = block.header;
  return {
    block: encodeBlock(block),
    certificate: encodeCertificate(certificateFor(rules, height, blockId(block.header))),
    validators: encodeValidators(rules.validators),
    chain: communityId(rules),
  };
}
