// Several agents whose set of validators changes under them: nobody is restarted, nobody is told.

import { describe, expect, it } from "vitest";
import { decodeCertificate } from "../../agent/core/consensus/message.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { at, makeRules, say, testKey } from "../support/ledger.ts";
import { Street } from "../support/street.ts";
import { read } from "../support/voices.ts";

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
const ALL = [A, B, C, D, E];
/** Ten minutes after the hour: nothing falls due by itself for long. */
const START = at("2026-06-01T10:10:00Z");
const SECOND = 1000;

/** a to d vote, e follows; all have joined. */
function street(): Street {
  const made = new Street(makeRules({ validators: [A, B, C, D] }), START, ALL);
  made.start(...ALL);
  made.run(30 * SECOND);
  return made;
}

/** Something to say, so that there is another block. */
let grants = 100;
function grant(made: Street): void {
  grants += 1;
  made.byCa(say.grant(grants, A, 1n as never), A);
  made.run(15 * SECOND);
}

const seat = (name: string) => {
  return { memberId: memberId(name), publicKey: testKey(name).publicKey };
};

function signersOf(made: Street, height: number): readonly string[] {
  const [stored] = made.home(A).store.blocks(height, 1);
  if (stored === undefined) throw new Error(`no block ${height}`);
  const { signatures } = mustBeAccepted(decodeCertificate(stored.certificate), "a certificate");
  return signatures.map(({ validator }) => validator);
}

const votersAt = (made: Street, height: number) => [
  ...new Set(made.said.flatMap(({ by, message }) => (read(message).height === height ? [by] : []))),
];

describe("a street whose voters change", () => {
  it("e is added in block h: it is silent at h+1, votes at h+2, and its vote is needed at last", () => {
    const made = street();
    const h = made.agent(A).head().height + 1;
    made.byCa({ type: "validatorChange", sequence: 1, add: [seat(E)], remove: [] }, A);
    made.run(15 * SECOND);
    expect(made.heights(...ALL)).toEqual([h, h, h, h, h]);
    grant(made);
    expect(votersAt(made, h + 1)).not.toContain(E);
    grant(made);
    expect(votersAt(made, h + 2)).toContain(E);
    expect(made.heights(...ALL)).toEqual(Array(5).fill(h + 2));
    // Of five four are needed: without d, e's is one of them.
    made.stop(D);
    grant(made);
    expect(signersOf(made, h + 3)).toEqual([A, B, C, E]);
    // And with two down nothing is decided any more.
    made.stop(C);
    grant(made);
    expect(made.heights(A, B, E)).toEqual([h + 3, h + 3, h + 3]);
    expect(made.blamed).toEqual([]);
  });

  it("d is removed in block h: its vote still counts at h+1, at h+2 it follows and says nothing", () => {
    const made = street();
    const h = made.agent(A).head().height + 1;
    made.byCa({ type: "validatorChange", sequence: 1, add: [], remove: [memberId(D)] }, A);
    made.run(15 * SECOND);
    // Of four three are needed at h+1: without c, d's is one of them.
    made.stop(C);
    grant(made);
    expect(signersOf(made, h + 1)).toEqual([A, B, D]);
    // Of the three that vote at h+2 all are needed, so it waits for c.
    grant(made);
    expect(made.heights(A, B, D)).toEqual([h + 1, h + 1, h + 1]);
    made.start(C);
    made.run(40 * SECOND);
    expect(signersOf(made, h + 2)).toEqual([A, B, C]);
    expect(made.heights(...ALL)).toEqual(Array(5).fill(h + 2));
    expect(votersAt(made, h + 2)).not.toContain(D);
    expect(made.blamed).toEqual([]);
  });

  it("a home that was away over the change follows by block sync", () => {
    const made = street();
    made.stop(E, D);
    made.byCa({ type: "validatorChange", sequence: 1, add: [], remove: [memberId(D)] }, A);
    made.run(15 * SECOND);
    for (let i = 0; i < 4; i += 1) grant(made);
    const { height } = made.agent(A).head();
    expect(signersOf(made, height)).toEqual([A, B, C]);
    made.start(E, D);
    made.run(30 * SECOND);
    expect(made.heights(...ALL)).toEqual(Array(5).fill(height));
    expect(made.agent(D).head()).toEqual(made.agent(A).head());
  });

  it("b comes to a alone, and c to both, though each is needed at once and starts only then", () => {
    const made = new Street(makeRules({ validators: [A] }), START, [A, B, C]);
    made.start(A, B, C);
    made.run(30 * SECOND);
    made.stop(B, C);
    const add = (sequence: number, name: string) => {
      made.byCa({ type: "validatorChange", sequence, add: [seat(name)], remove: [] }, A);
      made.run(15 * SECOND);
      grant(made);
    };
    add(1, B);
    const { height } = made.agent(A).head();
    grant(made);
    expect(made.heights(A)).toEqual([height]);
    made.start(B);
    made.run(90 * SECOND);
    expect(made.heights(A, B)).toEqual([height + 1, height + 1]);
    // One change in 100 blocks.
    for (let i = 0; i < 100; i += 1) grant(made);
    add(200, C);
    const later = made.agent(A).head().height;
    made.start(C);
    grant(made);
    made.run(90 * SECOND);
    expect(made.agent(A).head().height).toBeGreaterThan(later);
    expect(new Set(made.heights(A, B, C)).size).toBe(1);
    expect(made.blamed).toEqual([]);
  });

  it("b, up all the time, votes with a at once", () => {
    const made = new Street(makeRules({ validators: [A] }), START, [A, B]);
    made.start(A, B);
    made.run(30 * SECOND);
    made.byCa({ type: "validatorChange", sequence: 1, add: [seat(B)], remove: [] }, A);
    made.run(15 * SECOND);
    const { height } = made.agent(A).head();
    grant(made);
    grant(made);
    expect(made.heights(A, B)).toEqual([height + 2, height + 2]);
  });
});
