// A laboratory with a past, as it is typed: its agents begin on hours that are on the ledger already, agree, and
// trade on; in the end every ledger is verified whole, those hours included.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCommunity } from "../../agent/config.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { auditLedger } from "../../agent/io/store/audit/auditLedger.ts";
import { runLab } from "../support/labProcess.ts";

const PAST = 6;

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-past-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

type Result = {
  readonly listings: readonly {
    readonly listingid: string;
    readonly state: string;
    readonly metered: object;
  }[];
  readonly tokens: { readonly issued: number; readonly sum: number };
  readonly agents: readonly { readonly height: number; readonly stateRoot: string }[];
};

test("five agents agree on the past and go on from it", async () => {
  const options = ["--data", dir, "--speed", "240", "--json"];
  const { code, stdout, stderr } = await runLab(...options, "--hours", "1", "--past", String(PAST))
    .ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toContain(`${PAST} hours of trading before now are on every home's ledger`);
  const { listings, tokens, agents } = JSON.parse(stdout.trimEnd()) as Result;
  // 10:00 opened in the past; the first that opens while the agents run is 11:00.
  expect(listings).toMatchObject([{ listingid: "21Mar18-11:00", state: "AUCTION_CLOSED" }]);
  expect(Object.keys(listings[0]?.metered ?? {})).toHaveLength(5);
  expect(tokens).toEqual({ issued: 1000, sum: 1000 });
  expect(agents).toHaveLength(5);
  expect(new Set(agents.map(({ height, stateRoot }) => `${height} ${stateRoot}`)).size).toBe(1);

  const rules = readCommunity(join(dir, "community.json"));
  if (!rules.ok) throw new Error("the laboratory's rules");
  for (const name of ["seller1", "seller2", "buyer1", "buyer2", "buyer3"]) {
    const data = join(dir, "homes", name, "data");
    const { findings, facts } = auditLedger(data, {
      ...{ rules: rules.value, verifier: new Verifier() },
    });
    expect(findings).toEqual([]);
    expect(facts?.firstHeight).toBe(1);
    expect(facts?.height).toBeGreaterThanOrEqual(agents[0]?.height ?? Infinity);
  }
  // It has begun, and begins no second time.
  const again = await runLab(...options, "--past", "6").ended;
  expect([again.code, again.stderr]).toEqual([2, "--past: it has begun already\n"]);
}, 180_000);
