// A member's second card: what it signs is proved with the certificate that a later block gave it, and what the
// first one signed with the first.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { prove } from "../../../agent/commands/prove.ts";
import { verify } from "../../../agent/commands/verify.ts";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import type { Transaction } from "../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { certificateFor } from "../../support/certificate.ts";
import {
  ADMINISTRATOR,
  at,
  keylessRegistration,
  makeRules,
  registration,
  say,
  signed,
  signedWith,
  TestChain,
  tokens,
} from "../../support/ledger.ts";
import { committedFrom, type Scratch, scratch, silent } from "../store/fixtures.ts";

const [ANN, BEN, SELLER] = ["ann@vt.edu", "ben@vt.edu", "seller1@vt.edu"];
const SECOND = "ann's second card";

let place: Scratch;
let data: string;
const rules = makeRules({ schedule: "manual", validators: [SELLER] });
const chain = new TestChain(rules);

/** One block for each. */
const said: readonly Transaction[] = [
  signed(rules, ANN, registration(ANN)),
  signed(rules, ANN, say.changeMember(1, ANN, { name: "First" })),
  signed(rules, null, say.revoke(1, ANN)),
  signed(rules, null, say.bindIdentity(2, ANN, SECOND)),
  signedWith(rules, { author: ANN, seed: SECOND }, say.registerPv(ANN, "roof")),
  signed(rules, ADMINISTRATOR, keylessRegistration(BEN, tokens(9))),
  signed(rules, ADMINISTRATOR, say.registerPv(BEN, "barn")),
  signed(rules, ADMINISTRATOR, say.bindIdentity(1, BEN)),
  signed(rules, BEN, say.removePv("barn", 1)),
  signed(rules, ADMINISTRATOR, say.changeMember(2, BEN, { name: "Ben", balance: tokens(5) })),
  signed(rules, ADMINISTRATOR, say.revoke(3, BEN)),
];

beforeAll(() => {
  place = scratch();
  data = join(place.fresh("home"), "data");
  const owner = { communityId: communityId(rules), memberId: memberId(SELLER) };
  const store = openStore(data, { ...owner, rules: encodeRules(rules), log: silent });
  for (const [second, transaction] of said.entries()) {
    const { dropped } = chain.addSigned(at("2018-03-21T16:10:00Z") + second, [transaction]);
    if (dropped.length > 0) throw new Error(JSON.stringify(dropped));
    const block = committedFrom(chain, false);
    const certificate = encodeCertificate(certificateFor(rules, block.height, block.blockId));
    store.commit({ ...block, certificate });
  }
  store.close();
});
afterAll(() => place.remove());

it("the ledger is audited with them", () => {
  const { code, lines } = verify({ data }, () => 1);
  expect(lines[0]).toBe(
    "right: every block, signature, state, balance and row of this home's ledger",
  );
  expect(code).toBe(0);
});

it.each(said.map((transaction) => [transaction.payload.type, transaction] as const))(
  "%s is proved",
  (_, { id, author }) => {
    const out = join(place.fresh(`proof ${id}`), "proof.json");
    expect(prove({ data, transaction: id, out })).toMatchObject({ code: 0 });
    expect(readFileSync(out, "utf8").length).toBeGreaterThan(100);
    const { code, lines } = verify({ proof: out }, () => 1);
    expect([code, lines[0]]).toEqual([0, expect.stringContaining(`right: ${author ?? "the CA"} `)]);
  },
);
