import { describe, expect, test } from "vitest";
import { ANONYMOUS, isCommand, rightsOf, type User } from "../../../broker/rights.ts";
import { homeTopics } from "../../../broker/topics.ts";

const agent = rightsOf({ name: "home1", role: "agent" });
const OWN = [
  "pvtrading/home1/status",
  "pvtrading/home1/device/m1/state",
  "pvtrading/home1/set/bid",
];
const DISCOVERY = "homeassistant/device/pvtrading_home1/config";
const OF_DEVICE = "homeassistant/device/pvtrading_home1/m1/config";
const OTHERS = [
  "homeassistant/device/pvtrading_home2/m1/config",
  "pvtrading/home2/status",
  "pvtrading/home11/status",
  "homeassistant/device/pvtrading_home2/config",
  "homeassistant/sensor/home1/config",
  "$SYS/denied",
  "else",
];

describe("an agent", () => {
  test("writes its own branch and its discovery, nothing else", () => {
    expect([...OWN, DISCOVERY, OF_DEVICE].filter((topic) => !agent.mayWrite(topic))).toEqual([]);
    const more = [...OTHERS, "homeassistant/status", "pvtrading/+/status", "pvtrading/home1/#"];
    expect(more.filter(agent.mayWrite)).toEqual([]);
  });

  test("reads its own branch with its commands, and Home Assistant's birth", () => {
    expect([...OWN, "homeassistant/status"].filter((topic) => !agent.mayRead(topic))).toEqual([]);
    // So that it can wipe what it said of devices that are no more.
    expect([DISCOVERY, OF_DEVICE].filter(agent.mayRead)).toHaveLength(2);
    expect(homeTopics("home1").namingFilters.filter(agent.maySubscribe)).toHaveLength(3);
    expect(homeTopics("home2").namingFilters.filter(agent.maySubscribe)).toEqual([]);
    expect(OTHERS.filter(agent.mayRead)).toEqual([]);
    expect(["pvtrading/home1/set/#", "#", "+/home1/#"].filter(agent.maySubscribe)).toHaveLength(3);
    const refused = ["pvtrading/home2/#", "$SYS/#", "pvtrading/home1/a#", "else/#"];
    expect(refused.filter(agent.maySubscribe)).toEqual([]);
  });
});

describe("who looks on", () => {
  const roles: readonly User[] = [
    { name: "page", role: "dashboard" },
    { name: "ha", role: "homeassistant" },
    ANONYMOUS,
  ];

  test.each(roles)("$role reads all homes, but no commands and no $SYS", (user) => {
    const { mayRead, maySubscribe } = rightsOf(user);
    expect(mayRead("pvtrading/home1/listing")).toBe(true);
    expect(mayRead("homeassistant/status")).toBe(true);
    const hidden = ["pvtrading/home1/set/offer", "pvtrading/home1/set", "$SYS/denied", "else"];
    expect(hidden.filter(mayRead)).toEqual([]);
    expect(["#", "pvtrading/#", "+/+/set/#", "pvtrading/home1/+/a"].filter(maySubscribe)).toEqual([
      "#",
      "pvtrading/#",
      "+/+/set/#",
      "pvtrading/home1/+/a",
    ]);
    const refused = ["pvtrading/+/set/#", "pvtrading/home1/set/offer", "$SYS/#", "else"];
    expect(refused.filter(maySubscribe)).toEqual([]);
  });

  test("writes commands at most, and Home Assistant its birth", () => {
    const topics = [...OWN, "pvtrading/home1", "homeassistant/status", DISCOVERY, "$SYS/a"];
    const written = roles.map((user) => topics.filter(rightsOf(user).mayWrite));
    expect(written).toEqual([
      ["pvtrading/home1/set/bid"],
      ["pvtrading/home1/set/bid", "homeassistant/status"],
      [],
    ]);
  });
});

test("an administrator reads $SYS, and writes there no more than anybody", () => {
  const { mayRead, mayWrite, maySubscribe } = rightsOf({ name: "root", role: "admin" });
  expect([mayRead("$SYS/denied"), mayRead("else"), maySubscribe("$SYS/#")]).toEqual([
    true,
    true,
    true,
  ]);
  expect([mayRead("pvtrading/home1/set/bid"), maySubscribe("pvtrading/+/set/#")]).toEqual([
    false,
    false,
  ]);
  expect([mayWrite("else"), mayWrite("$SYS/new/clients"), mayWrite("$x")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("commands are known by their topic", () => {
  expect(isCommand("pvtrading/home1/set/offer")).toBe(true);
  expect(isCommand("pvtrading/home1/settings")).toBe(false);
});
