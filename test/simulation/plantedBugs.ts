// The bugs that the simulator must find: each is a change to the sources that somebody could make.

import type { PlantedBug } from "./planted.ts";

const ROUND = "agent/core/consensus/round.ts";
const VOTES = "agent/core/consensus/votes.ts";
const QUORUM = "agent/core/consensus/quorum.ts";
const LOOP = "agent/loops/consensus.ts";
const SIGNING = "agent/loops/signing.ts";
const RECORDS = "const records = this.#d.store.signed(height);";

const STAMP = "agent/core/ledger/stamp.ts";
const CLOSE = "agent/core/ledger/closeListing.ts";
const LATE = "stamp >= listingTimes(rules, deliveryStart).cutoffAt";

const CERTIFICATE = "agent/core/consensus/certificate.ts";

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: "skip the fsync: votes are sent before they are on the disk",
    changes: [],
    flags: ["--forgets-votes"],
  },
  {
    name: "unlock on nil",
    changes: [
      {
        file: ROUND,
        find: "return precommit(state, null);",
        replace: "return precommit({ ...state, locked: null, valid: null }, null);",
      },
    ],
    flags: [],
    seed: 22,
  },
  {
    name: "quorum without strict >",
    changes: [
      {
        file: QUORUM,
        find: "return 3 * count > 2 * validators;",
        replace: "return 3 * count >= 2 * validators;",
      },
    ],
    // The two differ only where a third of the validators is a whole number.
    flags: ["--validators", "6"],
  },
  {
    name: "timely check off",
    changes: [{ file: ROUND, find: "valid && timely && isFree", replace: "valid && isFree" }],
    flags: [],
    seed: 15,
  },
  {
    name: "vote of a non-member counted",
    changes: [
      {
        file: LOOP,
        find: "return seats.find(({ memberId }) => memberId === validator)?.publicKey ?? null;",
        replace:
          "return (seats.find(({ memberId }) => memberId === validator) ?? this.#d.ledger.state().members.get(validator))?.publicKey ?? null;",
      },
      {
        file: VOTES,
        find: "if (vote.height !== votes.height || !votes.validators.includes(validator)) {",
        replace: "if (vote.height !== votes.height) {",
      },
    ],
    flags: ["--validators", "4"],
  },
  {
    name: "sign again after restart",
    changes: [
      {
        file: SIGNING,
        find: RECORDS,
        replace: "const records: SignedRecord[] = [];",
      },
      {
        file: LOOP,
        find: "if (durable !== null && durable.height === this.#start.height) this.#resume(durable);",
        replace: "if (durable !== null && durable.height < 0) this.#resume(durable);",
      },
    ],
    flags: ["--takes-double-signs"],
  },
  {
    name: "line 28 without lockedRound <= vr",
    changes: [
      {
        file: ROUND,
        find: "locked === null || locked.round <= polRound || isSame(locked.value, value)",
        replace: "locked === null || polRound >= 0 || isSame(locked.value, value)",
      },
    ],
    // Two polkas at one height, and the older one proposed again: rare in weather that changes.
    flags: [
      ...["--foul-weather", "--validators", "4", "--minutes", "20"],
      ...["--lies", "two votes"],
    ],
    seed: 13,
  },
  {
    name: "line 23 without the lock",
    changes: [
      {
        file: ROUND,
        find: "valid && timely && isFree ? value.blockId : null); // L24",
        replace: "valid && timely ? value.blockId : null); // L24",
      },
    ],
    flags: [],
    seed: 38,
  },
  {
    name: "a seller is paid and the buyer is not charged",
    changes: [
      {
        file: "agent/core/ledger/closeListing.ts",
        find: 'post(draft, { memberId: buyer, amount: paid, reason: "fill", listingId });',
        replace: "",
      },
    ],
    flags: [],
  },
  {
    name: "the disk's votes are ignored when the height is resumed",
    changes: [
      {
        file: SIGNING,
        find: RECORDS,
        replace: "const records: SignedRecord[] = [];",
      },
    ],
    flags: ["--takes-double-signs"],
  },
  {
    name: "votes without a set clock",
    changes: [
      {
        file: SIGNING,
        find: `    if (!this.#d.clock.isSynchronised()) return "clock";
`,
        replace: "",
      },
    ],
    flags: [],
  },
  {
    name: "what was held back without a set clock is never said",
    changes: [
      {
        file: LOOP,
        find: "if (this.#isMuted || this.#start.self === null) return;",
        replace: "if (this.#isMuted || true) return;",
      },
    ],
    flags: [],
  },
  {
    name: "a swapped block is passed on to those a height ahead",
    changes: [
      {
        file: LOOP,
        find: 'return isWhole ? null : { code: "otherBlock" };',
        replace:
          'return isWhole || message.height > this.#start.height ? null : { code: "otherBlock" };',
      },
    ],
    flags: ["--validators", "4"],
    seed: 116,
  },
  {
    name: "the agent goes on after its disk has failed",
    changes: [
      {
        file: "agent/agent.ts",
        find: "failed(error);",
        replace: "",
      },
    ],
    flags: [],
  },
  {
    name: "a validator's second vote counts as another's",
    changes: [
      {
        file: VOTES,
        find: "if (first.blockId === vote.blockId) return { votes: heard, evidence: null };",
        replace: `const ballot = new Map(ofRound[vote.vote]).set((validator + "2") as MemberId, vote);
  if (vote.round >= 0) {
    return { votes: withRound(heard, round, { ...ofRound, [vote.vote]: ballot }), evidence: null };
  }`,
      },
    ],
    flags: [],
  },
  {
    name: "the state root is not looked at",
    changes: [
      {
        file: "agent/core/ledger/applyBlock.ts",
        find: "if (stateRoot !== header.stateRoot) {",
        replace: 'if (stateRoot === "") {',
      },
    ],
    flags: ["--lies", "a wrong state root"],
  },
  {
    name: "a certificate may have one signer twice",
    changes: [
      {
        file: CERTIFICATE,
        find: 'if (seen.has(validator)) return refused({ code: "duplicateSigner", validator });',
        replace: "",
      },
    ],
    flags: ["--lies", "one signer twice"],
  },
  {
    name: "a certificate's signatures are not checked",
    changes: [
      {
        file: CERTIFICATE,
        find: "publicKey === undefined || !verifier.verify({ publicKey, message, signature })",
        replace:
          "publicKey === undefined || (signature.length === 0 && verifier.verify === undefined)",
      },
    ],
    flags: ["--lies", "another community"],
  },
  {
    name: "a claimed polka is taken on trust",
    changes: [
      {
        file: "agent/core/consensus/multiplex.ts",
        find: '} else if (hasQuorumFor(votes, { type: "prevote", round: polRound, blockId })) {',
        replace: "} else {",
      },
    ],
    flags: ["--lies", "a polka that never was"],
    seed: 15,
  },
  {
    name: "one author may fill the mempool",
    changes: [
      {
        file: "agent/loops/mempool.ts",
        find: "if (mine >= PENDING_PER_AUTHOR_MAX) {",
        replace: "if (mine < 0) {",
      },
    ],
    flags: ["--lies", "a flood of offers"],
  },
  {
    name: "votes of any round are kept",
    changes: [
      {
        file: VOTES,
        find: "if (!isWithinReach(heard, round, current)) return { votes: heard, evidence: null };",
        replace: "",
      },
    ],
    flags: ["--lies", "far rounds"],
    seed: 10,
  },
  {
    name: "whoever talks is joined, though there is nothing to say",
    changes: [
      {
        file: LOOP,
        find: "if (isSkip(talking.size, this.#start.validators.length)) return true;",
        replace: "if (talking.size > 0) return true;",
      },
    ],
    flags: [],
    seed: 27,
  },
  {
    name: "timeout without round check",
    changes: [
      {
        file: ROUND,
        find: "if (height !== state.height || round !== state.round) return unchanged(state);",
        replace: "if (height !== state.height) return unchanged(state);",
      },
      {
        file: ROUND,
        find: "return ask(state, round + 1); // L65-67",
        replace: "return ask(state, state.round + 1); // L65-67",
      },
    ],
    flags: [],
    seed: 12,
  },
  {
    name: "fair: the f-th smallest receipt is the stamp",
    changes: [
      {
        file: STAMP,
        find: "return first.sort((a, b) => a - b)[f] ?? null;",
        replace: "return first.sort((a, b) => a - b)[Math.max(0, f - 1)] ?? null;",
      },
    ],
    flags: [],
  },
  {
    name: "fair: the first receipt alone is the stamp",
    changes: [
      {
        file: STAMP,
        find: "if (first.length < 2 * f + 1) return null;",
        replace: "if (f >= 0) return times[0] ?? null;",
      },
    ],
    flags: [],
  },
  {
    name: "fair: the bidding is closed without distinct proposers",
    changes: [
      {
        file: "agent/core/ledger/seal.ts",
        find: "return sealers.length > liarsMax(voicesOf(state.validators, sealers));",
        replace: "return sealers.length > 0;",
      },
    ],
    flags: [],
    seed: 20,
  },
  {
    name: "fair: the cut-off goes by block time",
    changes: [
      {
        file: "agent/core/ledger/openListing.ts",
        find: 'if (listing.state !== "ACCEPT_OFFERS") {',
        replace:
          'if (listing.state !== "ACCEPT_OFFERS" || draft.time >= listingTimes(draft.rules, listing.deliveryStart).cutoffAt) {',
      },
      { file: CLOSE, find: LATE, replace: "stamp < 0" },
    ],
    flags: [],
  },
  {
    name: "fair: late offers count",
    changes: [{ file: CLOSE, find: LATE, replace: "stamp < 0" }],
    flags: [],
    seed: 32,
  },
  {
    name: "fair: the queue is served from its end",
    changes: [
      { file: STAMP, find: "return a.bucket - b.bucket;", replace: "return b.bucket - a.bucket;" },
    ],
    flags: [],
    seed: 27,
  },
  {
    name: "evidence: two votes of the height under way are not reported",
    changes: [{ file: LOOP, find: "this.#d.doubleSigned(effect.evidence);", replace: "" }],
    flags: [],
    seed: 10,
  },
  {
    name: "evidence: a home signs two bids of one sequence",
    changes: [
      {
        file: "agent/loops/outbox.ts",
        find: "if (isSignedOtherwise(unsigned, transactionId(community, unsigned))) {",
        replace: "if (entries.size < 0) {",
      },
    ],
    flags: [],
  },
  {
    name: "what was said before a height was entered again is forgotten",
    changes: [
      {
        file: "agent/loops/consensus.ts",
        find: "this.#saidBefore = new Map([...firstMessages(this.#driver), ...this.#saidBefore]);",
        replace: "this.#saidBefore = new Map();",
      },
    ],
    flags: [],
    seed: 670,
  },
];
