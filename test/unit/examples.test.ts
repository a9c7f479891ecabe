// The example flow for Node-RED: it hangs together, listens to topics that there are, and its functions do what
// they say. (Node-RED itself is no dependency; docs/mqtt.md says how to import the file.)

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { COMMAND_SCHEMAS } from "../../broker/topicSchemas.ts";
import { parseTopic } from "../../broker/topics.ts";

type Node = {
  readonly id: string;
  readonly type: string;
  readonly z?: string;
  readonly wires?: readonly (readonly string[])[];
  readonly topic?: string;
  readonly broker?: string;
  readonly name?: string;
  readonly func?: string;
};

const flow = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../examples/node-red-flow.json"), "utf8"),
) as readonly Node[];

/** A function node at work: its context and environment are the flow's. */
function run(name: string, msg: object, { context, env }: Surroundings): unknown {
  const code = flow.find((node) => node.type === "function" && node.name === name)?.func ?? "";
  const body = new Function("msg", "flow", "env", "node", code);
  const store = {
    get: (key: string) => context.get(key),
    set: (k: string, v: unknown) => context.set(k, v),
  };
  return body(msg, store, { get: (key: string) => env[key] }, { warn: () => {} });
}
type Surroundings = {
  readonly context: Map<string, unknown>;
  readonly env: { [name: string]: string };
};

const listing = {
  topic: "pvtrading/ann/listing",
  payload: { listingid: "21Mar18-13:00", state: "ACCEPT_OFFERS", offers: 1, bids: 2, mcp: null },
};

describe("the example flow", () => {
  it("is of nodes that Node-RED has, each wired to one that is there", () => {
    const ids = new Set(flow.map(({ id }) => id));
    expect(ids.size).toBe(flow.length);
    const known = [
      ...["tab", "mqtt-broker", "mqtt in", "mqtt out", "function", "debug", "inject"],
      ...["http in", "http response"],
    ];
    for (const node of flow) {
      expect(known, node.id).toContain(node.type);
      for (const to of node.wires?.flat() ?? [])
        expect(ids.has(to), `${node.id} to ${to}`).toBe(true);
      if (node.broker !== undefined && node.type !== "mqtt-broker")
        expect(ids).toContain(node.broker);
      if (node.z !== undefined) expect(ids).toContain(node.z);
    }
  });

  it("listens to topics that there are", () => {
    const topics = flow.flatMap((node) => (node.type === "mqtt in" ? [node.topic ?? ""] : []));
    expect(topics.length).toBeGreaterThanOrEqual(5);
    for (const topic of topics) {
      expect(parseTopic(topic.replaceAll("+", "x")), topic).not.toBeNull();
    }
  });

  it("shows what was heard, and nothing of it as HTML", () => {
    const at = { context: new Map<string, unknown>(), env: {} };
    const state = { kind: "inverter", power_w: 2500, energy_total_kwh: 12.5 };
    run("remember", { topic: "pvtrading/ann/device/<b>roof/state", payload: state }, at);
    run("remember", { topic: "pvtrading/ann/status", payload: "online" }, at);
    run("remember", listing, at);
    const { payload } = run("page", {}, at) as { payload: string };
    expect(payload).toContain("&#60;b&#62;roof: 2500 W, 12.5 kWh made");
    expect(payload).toContain("ann (online)");
    expect(payload).toContain("21Mar18-13:00 ACCEPT_OFFERS: 1 offers, 2 bids");
    expect(
      (run("page", {}, { ...at, context: new Map() }) as { payload: string }).payload,
    ).toContain("nothing heard yet");
  });

  it("offers by a command that an agent takes, and only while a listing takes offers", () => {
    const env = { PVTRADING_HOME: "ann", PVTRADING_TOKEN: "t" };
    const at = { context: new Map<string, unknown>(), env };
    expect(run("offer", { _msgid: "m1" }, at)).toBeNull();
    run("remember", listing, at);
    const said = run("offer", { _msgid: "m1" }, at) as { topic: string; payload: object };
    expect(parseTopic(said.topic)).toMatchObject({ kind: "set", command: "offer", home: "ann" });
    expect(
      new Ajv2020({ allowUnionTypes: true }).validate(COMMAND_SCHEMAS.offer, said.payload),
    ).toBe(true);
    run("remember", { ...listing, payload: { ...listing.payload, state: "AUCTION_CLOSED" } }, at);
    expect(run("offer", { _msgid: "m2" }, at)).toBeNull();
  });
});
