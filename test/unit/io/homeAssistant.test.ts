import { describe, expect, it } from "vitest";
import { memberId } from "../../../agent/core/units/ids.ts";
import { type Discovery, deviceDiscovery, homeDiscovery } from "../../../agent/io/homeAssistant.ts";
import { homeTopics } from "../../../broker/topics.ts";
import { discoveryProblems } from "../../support/homeAssistant.ts";

const topics = homeTopics("seller1_vt_edu");
const home = {
  ...{ home: "seller1_vt_edu", memberId: memberId("seller1@vt.edu"), topics },
  ...{ version: "0.1.0", url: "http://192.168.1.20:3000" },
};
const inverter = {
  ...{ name: "inverter roof", topicName: "inverter_roof", kind: "inverter" as const },
  ...{ source: "Fronius inverter 1", pollSeconds: 10 },
  counters: new Set(["produced"] as const),
};
const meter = {
  ...{ name: "grid meter", topicName: "grid_meter", kind: "meter" as const, source: "EM24" },
  ...{ pollSeconds: 30, counters: new Set(["imported", "exported"] as const) },
};

function problems(topic: string, discovery: Discovery): readonly string[] {
  return discoveryProblems(topic, JSON.stringify(discovery));
}

describe("the discovery of a home and its devices", () => {
  it("is what Home Assistant takes", () => {
    expect(problems(topics.discovery, homeDiscovery(home))).toEqual([]);
    const roof = topics.deviceDiscovery("inverter_roof");
    expect(problems(roof, deviceDiscovery(home, inverter))).toEqual([]);
    const grid = topics.deviceDiscovery("grid_meter");
    expect(problems(grid, deviceDiscovery(home, meter))).toEqual([]);
  });

  it("has counters for the Energy dashboard that stay while their device sleeps", () => {
    const { components, availability } = deviceDiscovery(home, inverter);
    expect(components["energy"]).toEqual({
      platform: "sensor",
      unique_id: "pvtrading_seller1_vt_edu_inverter_roof_energy",
      name: "Energy produced",
      state_topic: "pvtrading/seller1_vt_edu/device/inverter_roof/state",
      value_template: "{{ value_json.energy_total_kwh }}",
      device_class: "energy",
      state_class: "total_increasing",
      unit_of_measurement: "kWh",
      suggested_display_precision: 2,
    });
    // No availability of its own: the agent's alone, which is the root's.
    expect(availability.map(({ topic }) => topic)).toEqual(["pvtrading/seller1_vt_edu/status"]);
    const grid = deviceDiscovery(home, meter).components;
    expect(Object.keys(grid)).toEqual(["power", "import", "export", "problem"]);
  });

  it("lets power alone expire: after three readings, and not before a minute", () => {
    const { components } = deviceDiscovery(home, inverter);
    expect(components["power"]?.["expire_after"]).toBe(60);
    expect(deviceDiscovery(home, meter).components["power"]?.["expire_after"]).toBe(90);
    const expiring = Object.entries(components).filter(([, one]) => "expire_after" in one);
    expect(expiring.map(([key]) => key)).toEqual(["power"]);
    expect(components["power"]?.["availability"]).toMatchObject([
      { topic: "pvtrading/seller1_vt_edu/status" },
      { topic: "pvtrading/seller1_vt_edu/device/inverter_roof/availability" },
    ]);
  });

  it("makes no entity of a counter that was never known", () => {
    const s0 = deviceDiscovery(home, { ...meter, counters: new Set(["exported"] as const) });
    expect(Object.keys(s0.components)).toEqual(["power", "export", "problem"]);
  });

  it("hangs the devices below the home, and no address identifies any", () => {
    const { device } = deviceDiscovery(home, inverter);
    const { device: hub } = homeDiscovery(home);
    expect(hub["identifiers"]).toContain(device["via_device"]);
    expect(JSON.stringify(device["identifiers"])).not.toMatch(/192|:/);
  });
});

describe("the port of Home Assistant's rules sees", () => {
  const good = deviceDiscovery(home, inverter);
  const broken = (change: object) =>
    discoveryProblems(topics.discovery, JSON.stringify({ ...good, ...change }));
  const energy = (change: object) =>
    broken({ components: { energy: { ...good.components["energy"], ...change } } });

  it("what is missing, unknown or contradictory", () => {
    expect(discoveryProblems("homeassistant/device/a b/config", "{}")).toHaveLength(1);
    expect(broken({ origin: undefined })).toEqual(["origin is missing"]);
    expect(broken({ device: { name: "x" } })).toHaveLength(1);
    expect(broken({ other: 1 })).toEqual(["unknown key other"]);
    expect(energy({ unique_id: undefined })).toHaveLength(1);
    expect(energy({ state_class: "measurement" })).toHaveLength(1);
    expect(energy({ unit_of_measurement: "W" })).toHaveLength(1);
    expect(energy({ last_reset_value_template: "{{ value_json.at }}" })).toHaveLength(1);
    expect(energy({ state_topic: "a/#" })).toHaveLength(1);
    expect(energy({ expire_after: -1 })).toHaveLength(1);
    expect(energy({ options: ["a"] })).toHaveLength(1);
    expect(energy({ colour: "red" })).toHaveLength(1);
  });
});
