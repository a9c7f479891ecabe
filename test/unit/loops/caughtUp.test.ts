// When a home knows what the ledger says of it: four validators, of whom one may lie (f = 1, quorum 3).

import { expect, it } from "vitest";
import type { LedgerState } from "../../../agent/core/ledger/state.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { createCaughtUp } from "../../../agent/loops/caughtUp.ts";
import { createFakeClock } from "../../support/fakes.ts";
import { at, makeRules } from "../../support/ledger.ts";

const START = at("2026-06-01T09:50:00Z");
const FOUR = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"];

function open(home: string, height: number, validators = FOUR) {
  const clock = createFakeClock(START);
  const rules = makeRules({ validators });
  const ledger = { height, time: START - 60_000, validators: rules.validators };
  const caughtUp = createCaughtUp({
    ...{ clock, rules, signer: { memberId: memberId(home) } },
    ledger: () => ledger as unknown as LedgerState,
  });
  const told = (name: string, at: number) => caughtUp.told(memberId(name), at);
  return { clock, ledger, told, is: caughtUp.isCaughtUp };
}

it("needs three validators' word, or two others' for a validator", () => {
  const home = open("home@vt.edu", 9);
  for (const name of ["v1@vt.edu", "v2@vt.edu", "home2@vt.edu"]) home.told(name, 9);
  expect(home.is()).toBe(false);
  home.told("v3@vt.edu", 9);
  expect(home.is()).toBe(true);
  const validator = open("v1@vt.edu", 9);
  validator.told("v1@vt.edu", 9);
  validator.told("v2@vt.edu", 9);
  expect(validator.is()).toBe(false);
  validator.told("v3@vt.edu", 9);
  expect(validator.is()).toBe(true);
});

it("waits for the blocks that an honest one has, and believes no single liar", () => {
  const home = open("home@vt.edu", 0);
  home.told("v1@vt.edu", 1_000_000);
  home.told("v2@vt.edu", 9);
  home.told("v3@vt.edu", 8);
  expect(home.is()).toBe(false);
  home.ledger.height = 8;
  expect(home.is()).toBe(false);
  home.ledger.height = 9;
  expect(home.is()).toBe(true);
  // For good: others may be ahead by a block at any time.
  home.told("v2@vt.edu", 10);
  home.told("v3@vt.edu", 10);
  expect(home.is()).toBe(true);
});

it("is not fooled by one who says that there is nothing", () => {
  const home = open("home@vt.edu", 0);
  home.told("v1@vt.edu", 0);
  home.told("v2@vt.edu", 9);
  home.told("v3@vt.edu", 9);
  expect(home.is()).toBe(false);
});

it("needs nobody's word after a block that is newer than the start, by a clock that is right", () => {
  const home = open("home@vt.edu", 0);
  home.clock.setSynchronised(false);
  home.ledger.time = START + 2001;
  expect(home.is()).toBe(false);
  home.clock.setSynchronised(true);
  home.ledger.time = START + 2000;
  expect(home.is()).toBe(false);
  home.ledger.time = START + 2001;
  expect(home.is()).toBe(true);
});

it("a community's only validator asks nobody", () => {
  expect(open("v1@vt.edu", 0, ["v1@vt.edu"]).is()).toBe(true);
  expect(open("home@vt.edu", 0, ["v1@vt.edu"]).is()).toBe(false);
});
