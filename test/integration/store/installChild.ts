// A process to be killed while it begins its ledger with a snapshot of many members.

import { writeSync } from "node:fs";
import { memberId } from "../../../agent/core/units/ids.ts";
import { microTokens } from "../../../agent/core/units/money.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { committed, MANY_MEMBERS, options } from "./fixtures.ts";

const [, , dir = ""] = process.argv;
const store = openStore(dir, options);
const nothing = microTokens(0n);
const names = Array.from({ length: MANY_MEMBERS }, (_, i) => memberId(`home${i}@vt.edu`));
const events = names.map((id) => {
  const publicKey = new Uint8Array(32);
  const name = { memberId: id, firstName: "A", lastName: "B" };
  const member = { ...name, publicKey, revoked: false, sequence: 0 };
  return {
    type: "memberRegistered",
    member: { ...member, balance: nothing, reserved: nothing },
  } as const;
});
const block = {
  ...committed(8, { events, checkpoint: new Uint8Array(1_000_000) }),
  snapshotValidators: Uint8Array.of(1),
};
writeSync(1, "begun\n");
store.install(block, []);
store.close();
