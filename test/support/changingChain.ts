// A chain whose validators change, with the certificates that those who vote on each block give it.

import {
  decodeCertificate,
  encodeCertificate,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { encodeBlock } from "../../agent/core/ledger/block.ts";
import { communityId, type Rules, type Validator } from "../../agent/core/ledger/rules.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { type BlockId, type CommunityId, memberId } from "../../agent/core/units/ids.ts";
import { openLedger } from "../../agent/loops/ledger.ts";
import type { Store } from "../../agent/ports.ts";
import { makeRules, registration, signed, TestChain, testKey } from "./ledger.ts";

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

  constructor(validators: readonly string[], members: readonly string[]) {
    super(makeRules({ validators }));
    this.next(...members.map((name) => [name, registration(name)] as const));
  }

  get voting(): readonly string[] {
    return this.state.validators.map((one) => one.memberId);
  }

  next(...said: readonly (readonly [string | null, Parameters<typeof signed>[2]])[]) {
    const transactions = said.map(([author, payload]) => signed(this.rules, author, payload));
    const { validators } = this.state;
    const time = Date.parse("2018-03-21T16:00:10Z") + 1000 * this.state.height;
    const built = this.addSigned(time, transactions, validators[0]?.memberId);
    if (built.dropped.length > 0) throw new Error(JSON.stringify(built.dropped[0]?.refusal));
    const { height } = built.block.header;
    const chain = chainOf(this.rules);
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
        add: add.map((name) => {
          return { memberId: memberId(name), publicKey: testKey(name).publicKey };
        }),
        remove: remove.map(memberId),
      },
    ]);
  }

  /** Commits all of it, as a home that followed would have. */
  store(store: Store): void {
    const { rules, verifier } = this;
    const ledger = openLedger({ rules, store, verifier });
    for (const [i, block] of this.blocks.entries()) {
      const executed = mustBeAccepted(ledger.execute(encodeBlock(block)), "the chain is valid");
      const certificate = decodeCertificate(this.certificates[i] ?? new Uint8Array());
      ledger.commit(executed, mustBeAccepted(certificate, "a certificate of ours"));
    }
  }
}

function chainOf(rules: Rules): CommunityId {
  return communityId(rules);
}
