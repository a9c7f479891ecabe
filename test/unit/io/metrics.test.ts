import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { genesis } from "../../../agent/core/ledger/state.ts";
import { watts, wh } from "../../../agent/core/units/energy.ts";
import { memberId, type TransactionId } from "../../../agent/core/units/ids.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { createFigures } from "../../../agent/io/metrics.ts";
import type { AgentDoor } from "../../../agent/ports.ts";
import { makeRules } from "../../support/ledger.ts";

const SELF = memberId("seller1@vt.edu");
const state = genesis(makeRules());

function figures(isMqttConnected: boolean | null = true, offset: number | null = -250) {
  const door = {
    ...{ self: SELF, rules: state.rules, ledger: () => state },
    ...{ peers: () => [memberId("buyer1@vt.edu")], isCaughtUp: () => true },
  } as unknown as AgentDoor;
  return createFigures({
    ...{ door, version: "0.1.0", isClockSynchronised: () => false },
    measured: {
      clockOffsetMs: () => offset,
      roundTripsMs: () => new Map([[memberId("buyer1@vt.edu"), 12.3456]]),
    },
    isMqttConnected: () => isMqttConnected,
  });
}

type Family = { type: string; samples: Map<string, number> };

/** Prometheus' text format 0.0.4, strictly: each family once, its HELP and TYPE before its samples. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let helped = "";
  let current = "";
  for (const line of text.split("\n").slice(0, -1)) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") {
      if (families.has(name)) throw new Error(`${name} twice`);
      helped = name;
      continue;
    }
    if (keyword === "TYPE") {
      if (helped !== name) throw new Error(`${name} without HELP`);
      if (!["counter", "gauge"].includes(rest)) throw new Error(`type ${rest}`);
      families.set(name, { type: rest, samples: new Map() });
      current = name;
      continue;
    }
    const label = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
    const sample = new RegExp(
      `^([a-zA-Z_:][\\w:]*)(\\{${label}(?:,${label})*\\})? (-?[0-9.e+-]+)$`,
    );
    const [, of = "", labels = "", value = ""] = sample.exec(line) ?? [];
    if (of === "" || of !== current) throw new Error(`not in its family: ${line}`);
    const { samples, type } = families.get(of) as Family;
    if (type === "counter" && !of.endsWith("_total")) throw new Error(`${of} is a counter`);
    if (samples.has(labels)) throw new Error(`twice: ${line}`);
    samples.set(labels, Number(value));
  }
  return families;
}

describe("the figures", () => {
  it("are in Prometheus' format, also with names that are none", () => {
    const { publisher, text } = figures();
    const device = 'roof "west"\\\n2';
    publisher.publish({
      ...{ type: "reading", device, at: unixMs(0) },
      reading: {
        ...{ kind: "inverter", source: "x", state: "producing", power: watts(2500) },
        ...{ produced: wh(1_234_567), deviceTime: null },
      },
    });
    const all = parse(text());
    const label = '{device="roof \\"west\\"\\\\\\n2",kind="inverter"}';
    expect(all.get("pvtrading_device_power_watts")?.samples.get(label)).toBe(2500);
    expect([
      ...(all.get("pvtrading_device_energy_watthours_total")?.samples.values() ?? []),
    ]).toEqual([1_234_567]);
    expect(all.get("pvtrading_peers")?.samples.get("")).toBe(1);
    expect(all.get("pvtrading_clock_synchronised")?.samples.get("")).toBe(0);
    expect(all.get("pvtrading_clock_offset_seconds")?.samples.get("")).toBe(-0.25);
    expect(all.get("pvtrading_peer_round_trip_seconds")?.samples).toEqual(
      new Map([['{peer="buyer1@vt.edu"}', 0.012346]]),
    );
    expect(
      all.get("pvtrading_agent_info")?.samples.get('{version="0.1.0",member="seller1@vt.edu"}'),
    ).toBe(1);
  });

  it("have no sample of what is not known, which is not 0", () => {
    const { publisher, text } = figures(null, null);
    const meter = { kind: "meter", source: "x", power: null, deviceTime: null } as const;
    publisher.publish({
      ...{ type: "reading", device: "grid", at: unixMs(0) },
      reading: { ...meter, imported: wh(5), exported: null },
    });
    const all = parse(text());
    expect(all.has("pvtrading_device_power_watts")).toBe(false);
    expect(all.get("pvtrading_device_energy_watthours_total")?.samples).toEqual(
      new Map([['{device="grid",direction="imported"}', 5]]),
    );
    // Not on the ledger yet; no broker.
    expect(all.has("pvtrading_balance_tokens")).toBe(false);
    expect(all.has("pvtrading_mqtt_connected")).toBe(false);
    expect(all.has("pvtrading_clock_offset_seconds")).toBe(false);
    publisher.publish({ type: "device", device: "grid", refusal: { code: "unreachable" } });
    const later = parse(text());
    expect(later.get("pvtrading_device_up")?.samples.get('{device="grid"}')).toBe(0);
    expect(later.has("pvtrading_device_energy_watthours_total")).toBe(false);
  });

  it("count what happens", () => {
    const { publisher, text } = figures();
    const refused = { type: "refused", transactionId: "" as TransactionId } as const;
    publisher.publish({ ...refused, refusal: { code: "tooLate" } });
    publisher.publish({ ...refused, refusal: { code: "tooLate" } });
    publisher.publish({
      ...{ type: "quarantined", reason: "marksAhead" as never, isForGood: false, text: "" },
    });
    const all = parse(text());
    const name = "pvtrading_own_transactions_refused_total";
    expect(all.get(name)?.samples.get('{code="tooLate"}')).toBe(2);
    expect(all.get("pvtrading_agent_quarantined")?.samples.get("")).toBe(1);
    publisher.publish({ type: "released", height: 3 });
    publisher.publish({ type: "halted", reason: "x" });
    expect(parse(text()).get("pvtrading_agent_quarantined")?.samples.get("")).toBe(0);
    expect(parse(text()).get("pvtrading_agent_halted")?.samples.get("")).toBe(1);
  });

  it("that the example dashboard asks for are there", () => {
    const file = join(import.meta.dirname, "../../../examples/grafana-dashboard.json");
    const asked = readFileSync(file, "utf8").match(/pvtrading_[a-z_]+/g) ?? [];
    const source = readFileSync(join(import.meta.dirname, "../../../agent/io/metrics.ts"), "utf8");
    expect(asked.length).toBeGreaterThan(10);
    for (const name of asked) {
      expect(source.includes(`"${name.replace("pvtrading_", "")}"`), name).toBe(true);
    }
  });
});
