import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { allSchemas } from "../../../broker/topicSchemas.ts";
import {
  COMMANDS,
  EVENT_TYPES,
  homeTopics,
  isCommandTopic,
  isName,
  parseTopic,
  RETAINED,
  topicName,
} from "../../../broker/topics.ts";

const topics = homeTopics("seller1_vt_edu");

describe("names in topics", () => {
  it("are ids without what a topic must not have", () => {
    expect(topicName("seller1@vt.edu")).toBe("seller1_vt_edu");
    expect(topicName("inverter roof/#+ ü")).toBe("inverter_roof_____");
    expect(isName(topicName("x".repeat(500)))).toBe(true);
  });

  it("are not what could be a wildcard or a level", () => {
    for (const text of ["", "a/b", "+", "#", "a b", "ü", "x".repeat(129)]) {
      expect(isName(text), text).toBe(false);
    }
  });
});

describe("a topic", () => {
  it("is read as it was made", () => {
    const home = "seller1_vt_edu";
    expect(parseTopic(topics.status)).toEqual({ home, kind: "status" });
    expect(parseTopic(topics.deviceState("roof"))).toEqual({
      ...{ home, kind: "deviceState", device: "roof" },
    });
    expect(parseTopic(topics.deviceError("roof"))?.kind).toBe("deviceError");
    expect(parseTopic(topics.deviceAvailability("roof"))?.kind).toBe("deviceAvailability");
    for (const type of EVENT_TYPES) {
      expect(parseTopic(topics.event(type))).toEqual({ home, kind: "event", type });
    }
    for (const command of COMMANDS) {
      expect(parseTopic(topics.set(command))).toEqual({ home, kind: "set", command });
      expect(isCommandTopic(topics.set(command))).toBe(true);
    }
    expect(parseTopic(topics.response("x1"))).toEqual({ home, kind: "response", id: "x1" });
    expect(parseTopic(topics.discovery)).toEqual({ home, kind: "discovery", device: null });
    expect(parseTopic(topics.deviceDiscovery("roof"))).toEqual({
      ...{ home, kind: "discovery", device: "roof" },
    });
    for (const kind of ["forecast", "offer", "listing", "hour", "balance", "ledger"] as const) {
      expect(parseTopic(topics[kind])).toEqual({ home, kind });
    }
    expect(parseTopic(topics.health)?.kind).toBe("health");
  });

  it("of nobody's is none", () => {
    const others = [
      ...[
        "",
        "pvtrading",
        "pvtrading/a",
        "pvtrading/a/else",
        "pvtrading//status",
        "other/a/status",
      ],
      ...["pvtrading/a/status/", "pvtrading/+/status", "pvtrading/a/#", "pvtrading/a/set/mint"],
      ...["pvtrading/a/device/b", "pvtrading/a/device/b/constructor", "pvtrading/a/event/toString"],
      ...["homeassistant/sensor/pvtrading_a/config", "homeassistant/device/pvtrading_/config"],
      ...["homeassistant/device/other/config", "homeassistant/device/pvtrading_a/b/c/config"],
      ...["homeassistant/status", `pvtrading/${"a".repeat(600)}/status`, "$SYS/pvtrading/status"],
    ];
    for (const topic of others) expect(parseTopic(topic), topic).toBeNull();
  });

  it("with a token in it is known as such, also when it is no command of ours", () => {
    expect(isCommandTopic("pvtrading/a/set/unknown/deep")).toBe(true);
    expect(isCommandTopic("pvtrading/a/set")).toBe(true);
    expect(isCommandTopic("pvtrading/a/settings")).toBe(false);
    expect(isCommandTopic("other/a/set/offer")).toBe(false);
  });

  it("with a token in it is never kept by the broker", () => {
    expect(RETAINED.set).toBe(false);
    expect(RETAINED.response).toBe(false);
    expect(RETAINED.event).toBe(false);
    expect(RETAINED.status).toBe(true);
  });
});

describe("the schemas", () => {
  it("are JSON Schemas, one for each kind of payload", () => {
    const ajv = new Ajv2020({ strict: true, strictRequired: true, allowUnionTypes: true });
    const schemas = allSchemas();
    for (const [name, schema] of Object.entries(schemas)) {
      expect(() => ajv.compile(schema), name).not.toThrow();
    }
    // 15 kinds of topics but discovery, set and event; six events; three commands.
    expect(Object.keys(schemas)).toHaveLength(12 + 6 + 3);
  });

  it("and the page for people name the same fields", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/mqtt.md"), "utf8");
    const schemas = allSchemas();
    const missing = Object.entries(schemas).flatMap(([name, schema]) =>
      name.startsWith("event/")
        ? []
        : fieldsOf(schema)
            .filter((field) => !new RegExp(`[\`, (]${field}[\`, )]`).test(page))
            .map((field) => `${name}: ${field}`),
    );
    expect(missing).toEqual([]);
  });
});

function fieldsOf(schema: { readonly [keyword: string]: unknown }): string[] {
  const { properties = {}, oneOf = [] } = schema as {
    properties?: object;
    oneOf?: { readonly [keyword: string]: unknown }[];
  };
  return [...Object.keys(properties), ...oneOf.flatMap(fieldsOf)];
}
