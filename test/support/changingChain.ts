// A chain whose validators change, by the CA or by a restart, with the certificates that those who vote on each block give it.

import { checkSnapshotProof } from "../../agent/core/audit/checkSnapshot.ts";
import {
  decodeCertificate,
  encodeCertificate,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { encodeBlock } from "../../agent/core/ledger/block.ts";
import { baseOfBlock } from "../../agent/core/ledger/restart.ts";
import type { Validator } from "../../agent/core/ledger/rules.ts";
import { SNAPSHOT_EVERY } from "../../agent/core/ledger/snapshot.ts";
import { encodeState, type LedgerState } from "../../agent/core/ledger/state.ts";
import type { Payload } from "../../agent/core/ledger/transaction.ts";
import { encodeValidators } from "../../agent/core/ledger/validators.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { type BlockId, type CommunityId, memberId } from "../../agent/core/units/ids.ts";
import { openLedger } from "../../agent/loops/ledger.ts";
import type { Store } from "../../agent/ports.ts";
import { makeRules, registration, say, signed, TestChain, testKey, tokens } from "./ledger.ts";
import type { TestSnapshot } from "./snapshotChain.ts";

type Certified = {
  readonly chain: CommunityId;
  readonly validators: readonly Validator[];
  readonly height: number;
  readonly blockId: BlockId;
};

/** Precommits of all of the set (keys of their names) in round 0. */
export function certificateBy({ chain, validators, height, blockId }: Certified) {
  const subject = { vote: "precommit", height, round: 0, blockId } as const;
  const message = voteSignBytes(chain, subject);
  const signatures = validators.map((one) => {
    return { validator: one.memberId, signature: testKey(one.memberId).sign(message) };
  });
  return { height, round: 0, blockId, signatures };
}

/** Who is added and removed, by name; their keys follow from the names. */
export type Change = { readonly add?: readonly string[]; readonly remove?: readonly string[] };

/** Block 1 registers `members`; each further block comes a second later, by the first who votes. */
export class ChangingChain extends TestChain {
  readonly certificates: Uint8Array[] = [];
  #sequence = 0;
  /** Before the last block. */
  #before: LedgerState = this.state;

  constructor(validators: readonly string[], members: readonly string[]) {
    super(makeRules({ validators }));
    this.next(...members.map((name) => [name, registration(name)] as const));
  }

  get voting(): readonly string[] {
    return this.state.validators.map((one) => one.memberId);
  }

  next(...said: readonly (readonly [string | null, Payload])[]) {
    const transactions = said.map(([author, payload]) => signed(this.rules, author, payload));
    const [first] = said.map(([, payload]) => payload);
    this.#before = this.state;
    const { validators } = first?.type === "restart" ? first : this.state;
    const time = Date.parse("2018-03-21T16:00:10Z") + 1000 * this.state.height;
    const built = this.addSigned(time, transactions, validators[0]?.memberId);
    if (built.dropped.length > 0) throw new Error(JSON.stringify(built.dropped[0]?.refusal));
    const { height } = built.block.header;
    const { chain } = this.state;
    const certificate = certificateBy({ chain, validators, height, blockId: built.blockId });
    this.certificates.push(encodeCertificate(certificate));
    return built;
  }

  /** A block with a change by the CA. */
  change({ add = [], remove = [] }: Change) {
    this.#sequence += 1;
    return this.next([
      null,
      {
        ...{ type: "validatorChange", sequence: this.#sequence },
        add: add.map(seatOf),
        remove: remove.map(memberId),
      },
    ]);
  }

  /** A block in which the CA gives a member a token. */
  grant(name: string) {
    this.#sequence += 1;
    return this.next([null, say.grant(this.#sequence, name, tokens(1))]);
  }

  /** A block that begins with a restart: from it on these vote, sorted. */
  restart(...names: readonly string[]) {
    this.#sequence += 1;
    const { height, lastBlock } = this.state;
    if (lastBlock === null) throw new Error("no block yet");
    const { blockId } = lastBlock;
    const validators = names.map(seatOf);
    const sequence = this.#sequence;
    return this.next([null, { type: "restart", sequence, height, blockId, validators }]);
  }

  /** The last block as a snapshot. */
  snapshot(): TestSnapshot {
    const { rules, state, verifier } = this;
    const block = this.blocks.at(-1);
    const certificate = this.certificates.at(-1);
    if (block === undefined || certificate === undefined) throw new Error("no block yet");
    const base = baseOfBlock(this.#before, block.transactions, verifier).state;
    const { validators, chain } = base;
    const proof = {
      ...{ block: encodeBlock(block), certificate, chain },
      validators: encodeValidators(validators),
    };
    const checked = checkSnapshotProof(proof, { rules, verifier });
    const snapshot = mustBeAccepted(checked, "the snapshot is right");
    return { snapshot, state: encodeState(state) };
  }

  /** Commits what `store` does not have yet, as a home that followed would have. */
  store(store: Store, snapshotEvery = SNAPSHOT_EVERY): void {
    const { rules, verifier } = this;
    const ledger = openLedger({ rules, store, verifier, snapshotEvery });
    for (const [i, block] of this.blocks.entries()) {
      if (block.header.height <= ledger.state().height) continue;
      const executed = mustBeAccepted(ledger.execute(encodeBlock(block)), "the chain is valid");
      const certificate = decodeCertificate(this.certificates[i] ?? new Uint8Array());
      ledger.commit(executed, mustBeAccepted(certificate, "a certificate of ours"));
    }
  }
}

function seatOf(name: string): Validator {
  return { memberId: memberId(name), publicKey: testKey(name).publicKey };
}
