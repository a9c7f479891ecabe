// A home's MQTT with a broker on the other side: aedes, and Debian's mosquitto where it is installed.

import { type AddressInfo, createServer } from "node:net";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, describe, expect, it } from "vitest";
import { wh } from "../../../agent/core/units/energy.ts";
import { type BlockId, listingId } from "../../../agent/core/units/ids.ts";
import { microTokens, milliTokensPerKwh } from "../../../agent/core/units/money.ts";
import { MOMENTS_MAX } from "../../../agent/io/mqtt/board.ts";
import { COMMAND_SCHEMAS, EVENT_SCHEMAS, TOPIC_SCHEMAS } from "../../../broker/topicSchemas.ts";
import { type CommandResponse, homeTopics, parseTopic, RETAINED } from "../../../broker/topics.ts";
import {
  hasMosquitto,
  type Listener,
  openAedes,
  openListener,
  openMosquitto,
  openWire,
  type TestBroker,
} from "../../support/brokers.ts";
import { discoveryProblems, HomeAssistant } from "../../support/homeAssistant.ts";
import { HOME, INVERTER, METER, type MqttHome, openMqttHome } from "../../support/mqttHome.ts";
import { ADMIN, BUYERS, LISTING, mustBe, NS, SELLERS } from "../../support/restDoor.ts";
import { silentLog } from "../../support/silentLog.ts";

const BROKERS = [
  { name: "aedes", open: (port = 0): Promise<TestBroker> => openAedes(port) },
  ...(hasMosquitto
    ? [{ name: "mosquitto", open: (port = 0): Promise<TestBroker> => openMosquitto(port) }]
    : []),
];
// biome-ignore lint/suspicious/noConsole: what is left out is said
if (!hasMosquitto) console.log("mosquitto is not installed: its half of these tests is left out");

const topics = homeTopics(HOME);
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function keep<T extends { readonly close: () => Promise<unknown> }>(one: T): T {
  closers.push(() => one.close());
  return one;
}

const urlOf = ({ port }: { readonly port: number }) => `mqtt://127.0.0.1:${port}`;

type Setting = {
  readonly home: MqttHome;
  readonly listener: Listener;
  readonly broker: TestBroker;
};

async function setting(open: () => Promise<TestBroker>): Promise<Setting> {
  const broker = keep(await open());
  const listener = keep(await openListener(broker.port));
  const home = keep(await openMqttHome(urlOf(broker)));
  await listener.until("the home", () => listener.last(topics.health) !== null);
  return { broker, listener, home };
}

const json = (listener: Listener, topic: string) => JSON.parse(listener.last(topic) ?? "null");

/** Tokens of everybody, by REST. */
function placeAndClose({ home }: MqttHome) {
  const [seller] = SELLERS;
  const [buyer] = BUYERS;
  const offer = { listingid: LISTING, pv: "seller1house", kWhavailable: 6, reservePrice: 3 };
  const bid = { listingid: LISTING, member: buyer, kWhQuantity: 5, BidPrice: 4 };
  return (async () => {
    const post = (type: string, who: string, body: object) =>
      mustBe(200, home.ask("POST", `/api/${NS}.${type}`, { token: home.tokenOf(who), body }));
    await post("PVOffer", seller, offer);
    await post("BUYOffer", buyer, bid);
    await post("CloseBidding", ADMIN, { listingid: LISTING });
  })();
}

describe.each(BROKERS)("with $name, a home", ({ open }) => {
  it("says all that the contract has, each by its schema, the states kept", async () => {
    const { home, listener, broker } = await setting(open);
    home.answers(INVERTER);
    home.reads(INVERTER, 0, { power: 2500, produced: 1_234_567 });
    home.reads(INVERTER, 0.01, { power: 2512, produced: 1_234_590 });
    home.answers(METER);
    home.reads(METER, 0, { power: -700, imported: 10, exported: 20 });
    home.refuses(METER, "disabled");
    const { publisher } = home.mqtt();
    publisher.publish({
      ...{ type: "forecast", listingId: listingId(LISTING) },
      ...{ production: wh(6500), consumption: null },
      productionBand: { low: wh(5200), high: wh(6650) },
    });
    publisher.publish({
      ...{ type: "decision", listingId: listingId(LISTING), action: "sell", energy: wh(6000) },
      ...{ price: milliTokensPerKwh(2500), reason: "excess" },
    });
    await placeAndClose(home);
    publisher.publish({
      type: "ledger",
      height: home.home.door.state.height,
      event: {
        ...{ type: "listingFinished", listingId: listingId(LISTING) },
        statements: [
          {
            ...{ memberId: home.home.door.door.self, sold: wh(5000), bought: wh(0) },
            ...{ meteredImport: null, meteredExport: wh(5120) },
          },
        ],
      },
    });
    await listener.until("the sale", () => json(listener, topics.balance)?.balance === 220);
    await listener.until("the hour", () => listener.last(topics.hour) !== null);
    // 5 kWh at 4 tokens: 20 tokens to the seller's 200.
    expect(json(listener, topics.balance)).toMatchObject({
      ...{ balance: 220, reserved: 0, sold_total_kwh: 5, bought_total_kwh: 0 },
    });
    const { state } = home.home.door;
    expect(json(listener, topics.ledger)).toMatchObject({ height: state.height });
    const fill = { seller: SELLERS[0], pv: "seller1house", buyer: BUYERS[0] };
    await listener.until("the result", () => json(listener, topics.listing)?.mcp === 4);
    expect(json(listener, topics.listing)).toMatchObject({
      ...{ listingid: LISTING, state: "AUCTION_CLOSED", offers: 1, bids: 1, opensAt: null },
      ...{ offered_kwh: 6, wanted_kwh: 5, traded_kwh: 5, fillCount: 1 },
      fills: [{ ...fill, energy_kwh: 5, price: 4 }],
      lastCleared: { listingid: LISTING, mcp: 4, traded_kwh: 5 },
    });
    expect(json(listener, topics.deviceState("inverter_roof"))).toMatchObject({
      ...{ kind: "inverter", state: "producing", power_w: 2512, energy_total_kwh: 1234.59 },
    });
    expect(json(listener, topics.deviceState("grid_meter"))).toMatchObject({
      // One reading is no counter yet, and a device that is off has no power.
      ...{ kind: "meter", power_w: null, import_total_kwh: null, export_total_kwh: null },
    });
    expect(json(listener, topics.deviceError("grid_meter"))).toMatchObject({ code: "disabled" });
    expect(json(listener, topics.offer)).toMatchObject({
      action: "sell",
      energy_kwh: 6,
      price: 2.5,
    });
    expect(json(listener, topics.forecast)).toMatchObject({
      ...{ production_kwh: 6.5, production_low_kwh: 5.2, production_high_kwh: 6.65 },
      ...{ consumption_kwh: null, consumption_low_kwh: null },
    });
    expect(json(listener, topics.hour)).toMatchObject({
      metered_import_kwh: null,
      metered_export_kwh: 5.12,
    });
    const kinds = checkAll(listener);
    const events = [...kinds].filter((kind) => kind.startsWith("event/"));
    expect(events.sort()).toEqual([
      ...["event/BUYOffer", "event/BalanceChanged", "event/CloseBidding", "event/PVOffer"],
    ]);
    // Who comes later hears the states, and nothing of the moment.
    const late = keep(await openListener(broker.port));
    await late.until("what is kept", () => late.last(topics.hour) !== null);
    const heard = new Set(late.heard.map(({ topic }) => parseTopic(topic)?.kind));
    expect([...heard].sort()).toEqual(
      Object.entries(RETAINED)
        .flatMap(([kind, isKept]) => (isKept ? [kind] : []))
        .sort(),
    );
    expect(late.heard.every(({ isRetained }) => isRetained)).toBe(true);
  });

  it("is offline by the broker's word when it is gone, and back with everything", async () => {
    const broker = keep(await open());
    const wire = keep(await openWire(broker.port));
    const listener = keep(await openListener(broker.port));
    const home = keep(await openMqttHome(urlOf(wire)));
    await listener.until("online", () => listener.last(topics.status) === "online");
    const all = [topics.health, topics.ledger, topics.listing, topics.discovery, topics.balance];
    await listener.until("all", () => all.every((topic) => listener.last(topic) !== null));
    const before = listener.heard.length;
    wire.cut();
    await listener.until("offline", () => listener.last(topics.status) === "offline");
    await listener.until("online again", () => listener.last(topics.status) === "online");
    const again = () => new Set(listener.heard.slice(before).map(({ topic }) => topic));
    await listener.until("all again", () => all.every((topic) => again().has(topic)));
    await home.mqtt().close();
    await listener.until("its last word", () => listener.last(topics.status) === "offline");
  });

  it("says online again when the will of an earlier connection comes late", async () => {
    const { listener } = await setting(open);
    await listener.client.publishAsync(topics.status, "offline", { qos: 1, retain: true });
    const said = () => listener.heard.filter(({ topic }) => topic === topics.status);
    await listener.until("the will", () => said().some(({ payload }) => payload === "offline"));
    await listener.until("the truth", () => said().at(-1)?.payload === "online");
  });

  it("waits for a broker that is not there yet, and fills one that has forgotten everything", async () => {
    const first = await open();
    await first.close();
    const home = keep(await openMqttHome(urlOf(first)));
    const started = performance.now();
    // As after hours: far more than is kept, and nobody waits for any of it.
    const { publisher } = home.mqtt();
    for (let i = 0; i < 3000; i += 1) {
      publisher.publish({ type: "peers", peers: [] });
      home.reads(INVERTER, i / 360, { power: i, produced: 1_000_000 + 5 * i });
    }
    expect((performance.now() - started) / 6000).toBeLessThan(2);
    const broker = keep(await open(first.port));
    const listener = keep(await openListener(broker.port));
    const power = () => json(listener, topics.deviceState("inverter_roof"))?.power_w;
    await listener.until("the newest reading", () => power() === 2999);
    expect(listener.heard.length).toBeLessThan(MOMENTS_MAX);
    // 1000 kWh and 2999 x 5 Wh.
    expect(json(listener, topics.deviceState("inverter_roof")).energy_total_kwh).toBe(1014.995);
  });

  it("says the events that waited, all of them and in order, and says what it had to leave out", async () => {
    const first = await open();
    await first.close();
    const home = keep(await openMqttHome(urlOf(first), { patience: 0.3 }));
    const { state, door } = home.home.door;
    const { publisher } = home.mqtt();
    const block = { round: 0, stateRoot: "", blockId: "0".repeat(64) as BlockId, transactions: 0 };
    const height = state.height + 1;
    publisher.publish({ type: "block", height, time: door.now(), ...block });
    for (let i = 0; i < MOMENTS_MAX + 20; i += 1) {
      const balance = { balance: microTokens(BigInt(i)), reserved: microTokens(0n) };
      const event = { type: "balanceChanged" as const, memberId: door.self, ...balance };
      publisher.publish({ type: "ledger", height, event });
    }
    const broker = keep(await open(first.port));
    const listener = keep(await openListener(broker.port));
    const told = () =>
      listener.heard.filter(({ topic }) => topic === topics.event("BalanceChanged"));
    await listener.until("the last", () => told().at(-1)?.payload.includes("#1019") === true);
    const numbers = told().map(({ payload }) => Number(JSON.parse(payload).eventId.split("#")[1]));
    expect(numbers).toEqual(Array.from({ length: MOMENTS_MAX }, (_, i) => i + 20));
    expect(json(listener, topics.health).dropped_messages).toBe(20);
  });

  it("tells Home Assistant again when it starts, and not for what the broker had kept", async () => {
    const { listener } = await setting(open);
    const count = () => listener.heard.filter(({ topic }) => topic === topics.discovery).length;
    expect(count()).toBe(1);
    await listener.client.publishAsync("homeassistant/status", "offline", { qos: 1 });
    await listener.client.publishAsync("homeassistant/status", "online", { qos: 1 });
    await listener.until("discovery", () => count() === 2);
    const often = Array.from({ length: 100 }, () =>
      listener.client.publishAsync("homeassistant/status", "online", { qos: 0 }),
    );
    await Promise.all(often);
    await listener.until("discovery again", () => count() > 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(count()).toBeLessThan(6);
  });

  it("obeys commands as REST does: same rights, same words, an answer where it is wanted", async () => {
    const { home, listener } = await setting(open);
    const { tokenOf, ask, door } = home.home;
    const command = async (
      name: "offer" | "bid" | "cancel",
      body: object,
    ): Promise<CommandResponse> => {
      const id = `c${listener.heard.length}`;
      const payload = JSON.stringify({ id, ...body });
      await listener.client.publishAsync(topics.set(name), payload, { qos: 1 });
      await listener.until(
        `an answer to ${payload}`,
        () => listener.last(topics.response(id)) !== null,
      );
      return json(listener, topics.response(id));
    };
    const mine = tokenOf(SELLERS[0]);
    const offer = { listingid: LISTING, kWhavailable: 6, reservePrice: 3 };
    const placed = await command("offer", { token: mine, ...offer });
    const live = () => door.state.listings.get(listingId(LISTING));
    const [standing] = [...(live()?.pvOffers.values() ?? [])];
    expect(standing).toMatchObject({ pvId: "seller1house", energy: 6000, reservePrice: 3000 });
    expect(placed).toMatchObject({ ok: true, transactionId: standing?.transactionId });
    // The same again is the same, as by REST.
    expect(await command("offer", { token: mine, ...offer })).toMatchObject({
      transactionId: standing?.transactionId,
    });
    const bid = { listingid: LISTING, kWhQuantity: "2.5", BidPrice: 4 };
    expect(await command("bid", { token: tokenOf(BUYERS[0]), ...bid })).toMatchObject({ ok: true });
    expect([...(live()?.buyOffers.values() ?? [])]).toMatchObject([{ energy: 2500 }]);
    const cancel = { listingid: LISTING, what: "offer" };
    expect(await command("cancel", { token: mine, ...cancel })).toMatchObject({ ok: true });
    expect([...(live()?.pvOffers.values() ?? [])]).toMatchObject([{ energy: 0 }]);
    const height = door.state.height;
    const refused: readonly (readonly [object, string | undefined])[] = [
      [{ ...offer }, undefined],
      [{ ...offer, token: "x".repeat(64) }, "x".repeat(64)],
      [{ ...offer, token: 7 }, undefined],
      [
        { ...offer, token: tokenOf(SELLERS[0], { scopes: ["read"] }) },
        tokenOf(SELLERS[0], { scopes: ["read"] }),
      ],
      [
        { ...offer, token: tokenOf(SELLERS[0], { expiresAt: 1 }) },
        tokenOf(SELLERS[0], { expiresAt: 1 }),
      ],
      [{ ...offer, token: mine, pv: "seller2house" }, mine],
      [{ ...offer, token: tokenOf(ADMIN), pv: "seller1house" }, tokenOf(ADMIN)],
      [{ ...offer, token: mine, listingid: "21Mar18-14:00" }, mine],
      [{ ...offer, token: mine, kWhavailable: -1 }, mine],
      [{ listingid: LISTING, token: mine }, mine],
    ];
    for (const [body, token] of refused) {
      const said = await command("offer", body);
      const { token: _, ...plain } = { pv: "seller1house", token: null, ...body };
      const more = token === undefined ? {} : { token };
      const { json: rest } = await ask("POST", `/api/${NS}.PVOffer`, { body: plain, ...more });
      expect(said, JSON.stringify(body)).toMatchObject({ ok: false });
      const { statusCode, name, message } = rest.error;
      expect(said.ok ? null : said.error, JSON.stringify(body)).toMatchObject({
        ...{ statusCode, name, message },
      });
    }
    expect(door.state.height).toBe(height);
    const answers = listener.heard.filter(({ topic }) => parseTopic(topic)?.kind === "response");
    expect(answers.some(({ payload }) => payload.includes(mine))).toBe(false);
    checkAll(listener);
  });

  it("answers below its own `response/` alone, and obeys nothing that was kept or is no JSON", async () => {
    const { home, listener, broker } = await setting(open);
    const { tokenOf, door } = home.home;
    const send = (body: unknown, retain = false): Promise<unknown> =>
      listener.client.publishAsync(
        topics.set("offer"),
        typeof body === "string" ? body : JSON.stringify(body),
        { qos: 1, retain },
      );
    await send({ responseTopic: topics.response("elsewhere") });
    await listener.until("its answer", () => listener.last(topics.response("elsewhere")) !== null);
    for (const responseTopic of [topics.status, "pvtrading/other/response/x", "a/#", 7]) {
      await send({ id: "mine", responseTopic });
    }
    const mine = () =>
      listener.heard.filter(({ topic }) => topic === topics.response("mine")).length;
    await listener.until("four answers", () => mine() === 4);
    expect(listener.last("pvtrading/other/response/x")).toBeNull();
    await send("not json");
    await send("[]");
    await send("x".repeat(20_000));
    await listener.until(
      "answers by command",
      () => listener.last(topics.response("offer")) !== null,
    );
    // A command that the broker keeps would be obeyed after each connection.
    const height = door.state.height;
    const body = { listingid: LISTING, kWhavailable: 6, reservePrice: 3 };
    await send({ id: "kept", token: tokenOf(SELLERS[0]), ...body }, true);
    await listener.until("once", () => listener.last(topics.response("kept")) !== null);
    expect(door.state.height).toBe(height + 1);
    await home.restart("clean");
    await listener.until("back", () => home.mqtt().isConnected());
    await send({ id: "after" });
    await listener.until("after", () => listener.last(topics.response("after")) !== null);
    const kept = listener.heard.filter(({ topic }) => topic === topics.response("kept"));
    expect(kept).toHaveLength(1);
    expect(broker.port).toBeGreaterThan(0);
  });

  describe("and what it once said of its devices", () => {
    const roof = topics.deviceDiscovery("inverter_roof");
    const grid = topics.deviceDiscovery("grid_meter");
    const discoveries = [topics.discovery, roof, grid];
    const ofRoof = [topics.deviceState, topics.deviceAvailability, topics.deviceError];
    const roofTopics = ofRoof.map((topicOf) => topicOf("inverter_roof"));

    let forecasts = 0;

    /** Both devices have answered; another home's device is there, too. */
    async function told(): Promise<Setting & { readonly others: string }> {
      const all = await setting(open);
      const { home, listener } = all;
      home.answers(INVERTER);
      home.reads(INVERTER, 0, { power: 5, produced: 1000 });
      home.answers(METER);
      home.reads(METER, 0, { power: 5, imported: 10, exported: 20 });
      await listener.until("both", () => discoveries.every((one) => listener.last(one) !== null));
      home.refuses(INVERTER, "unreachable");
      const others = `homeassistant/device/pvtrading_${HOME}_too/roof/config`;
      await listener.client.publishAsync(others, "{}", { qos: 1, retain: true });
      return { ...all, others };
    }

    /** What somebody who comes now is told of these topics, everything before having been said. */
    async function kept(
      { broker, home, listener }: Setting,
      wanted: readonly string[],
    ): Promise<readonly string[]> {
      await listener.until("back", () => home.mqtt().isConnected());
      // There and back twice: what the broker has kept was heard, and wiped.
      for (const _ of "12") {
        const before = listener.heard.length;
        forecasts += 1;
        home.mqtt().publisher.publish({
          ...{ type: "forecast", listingId: listingId(LISTING) },
          ...{ production: wh(forecasts), consumption: null },
        });
        const since = () => listener.heard.slice(before);
        await listener.until("a word", () =>
          since().some(({ topic }) => topic === topics.forecast),
        );
      }
      const late = keep(await openListener(broker.port));
      await late.until("what is kept", () => late.last(topics.forecast) !== null);
      await late.client.publishAsync("the end", "");
      await late.until("all that is kept", () => late.last("the end") !== null);
      return wanted.filter((topic) => late.last(topic) !== null);
    }

    it("stays where a start finds the file as it was, also without a data folder", async () => {
      const all = await told();
      const everything = [...discoveries, ...roofTopics, all.others];
      await all.home.restart("clean");
      expect(await kept(all, everything)).toEqual(everything);
      // No device has answered since, and nothing is known of any.
      await all.home.restart("lost");
      expect(await kept(all, everything)).toEqual(everything);
      const wiped = all.listener.heard.filter(({ payload }) => payload === "");
      expect(wiped.map(({ topic }) => topic).filter((one) => discoveries.includes(one))).toEqual(
        [],
      );
    });

    it.each(["clean", "lost"] as const)(
      "goes with a device that was taken out of the file or renamed (%s)",
      async (how) => {
        const all = await told();
        const devices = [
          { name: METER, kind: "meter" },
          { name: "new roof", kind: "inverter" },
        ] as const;
        await all.home.restart(how, { devices });
        await all.listener.until("gone", () => all.listener.last(roof) === "");
        const left = [topics.discovery, grid, all.others];
        expect(await kept(all, [...left, roof, ...roofTopics])).toEqual(left);
        const fresh = topics.deviceDiscovery("new_roof");
        const at = all.home.home.door.door.now();
        all.home.mqtt().publisher.publish({
          ...{ type: "reading", device: "new roof", at },
          reading: {
            ...{ kind: "inverter", source: "", state: "producing", deviceTime: null },
            ...{ power: null, produced: wh(1000) },
          },
        });
        await all.listener.until("the new one", () => all.listener.last(fresh) !== null);
      },
    );

    it("goes when Home Assistant is not to be told any more, and is said again when it is", async () => {
      const all = await told();
      await all.home.restart("lost", { homeAssistant: false });
      await all.listener.until("gone", () =>
        discoveries.every((one) => all.listener.last(one) === ""),
      );
      const left = [...roofTopics, all.others];
      expect(await kept(all, [...discoveries, ...left])).toEqual(left);
      // Wiped once: a broker that comes back is not told again.
      const before = all.listener.heard.length;
      await all.home.restart("clean", { homeAssistant: false });
      await kept(all, []);
      const heard = all.listener.heard.slice(before).map(({ topic }) => topic);
      expect(heard.filter((topic) => discoveries.includes(topic))).toEqual([]);
      await all.home.restart("clean");
      await all.listener.until("again", () => all.listener.last(topics.discovery) !== "");
    });
  });

  it("shows Home Assistant counters that never fall: a night, restarts, a counter that is reset", async () => {
    const { home, listener } = await setting(open);
    const assistant = new HomeAssistant();
    let done = 0;
    const listen = async (what: string, holds: () => boolean): Promise<void> => {
      await listener.until(what, () => {
        for (; done < listener.heard.length; done += 1) {
          const one = listener.heard[done];
          if (one !== undefined) assistant.hear(one.topic, one.payload);
        }
        return assistant.ids().length > 0 && holds();
      });
    };
    const own = `pvtrading_${HOME}_inverter_roof`;
    const state = (id: string): string =>
      assistant.ids().includes(id) ? assistant.entity(id).state() : "none";
    const energy = () => state(`${own}_energy`);
    const power = () => state(`${own}_power`);
    home.answers(INVERTER);
    home.answers(METER);
    // Noon: 1000 kWh and rising.
    home.reads(INVERTER, 0, { power: 3000, produced: 1_000_000 });
    home.reads(INVERTER, 0.1, { power: 3000, produced: 1_000_300 });
    home.reads(METER, 0, { power: -1000, imported: 500_000, exported: 700_000 });
    home.reads(METER, 0.1, { power: -1000, imported: 500_000, exported: 700_100 });
    await listen("noon", () => energy() === "1000.3" && power() === "3000");
    for (const id of [`${own}_energy`, `pvtrading_${HOME}_grid_meter_import`]) {
      expect(assistant.energyProblems(id)).toEqual([]);
    }
    // A counter that reads 0 once, and one that runs ahead.
    home.reads(INVERTER, 0.2, { power: 3000, produced: 0 });
    home.reads(INVERTER, 0.3, { power: 3000, produced: 3_000_000 });
    home.reads(INVERTER, 0.4, { power: 2900, produced: 1_001_200 });
    await listen("the truth", () => energy() === "1001.2");
    // Dusk: it answers, and sleeps; 0 W is known.
    home.reads(INVERTER, 6, { power: null, produced: 1_009_000, state: "asleep" });
    await listen("dusk", () => energy() === "1009" && power() === "0");
    // Night: it does not answer at all; the counter stays, the power is not yesterday's.
    home.refuses(INVERTER, "unreachable");
    await listen("night", () => power() === "unavailable");
    expect(energy()).toBe("1009");
    expect(assistant.energyProblems(`${own}_energy`)).toEqual([]);
    // The agent starts anew in the night, and again without power.
    await home.restart("clean");
    await listen("the agent", () => energy() === "1009");
    await home.restart("powerCut");
    await listen("the agent again", () => energy() !== "unavailable");
    expect(Number(energy())).toBeGreaterThanOrEqual(1009);
    expect(Number(energy())).toBeLessThanOrEqual(1009.2);
    // Morning: another inverter hangs there, and begins at 0.
    home.answers(INVERTER);
    for (let i = 0; i < 6; i += 1) {
      home.reads(INVERTER, 20 + i / 10, { power: 1000, produced: 100 * i });
    }
    await listen("morning", () => power() === "1000" && Number(energy()) > 1009.2);
    const { numbers } = assistant.entity(`${own}_energy`);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers);
    expect(numbers.at(-1)).toBeLessThanOrEqual(1009.6);
    expect(assistant.energyProblems(`${own}_energy`)).toEqual([]);
    // Sold energy counts the same way.
    await placeAndClose(home);
    await listen("the sale", () => state(`pvtrading_${HOME}_sold`) === "5");
    await home.restart("clean");
    await listen("the end", () => state(`pvtrading_${HOME}_problem`) === "OFF");
    expect(assistant.energyProblems(`pvtrading_${HOME}_sold`)).toEqual([]);
    expect(state(`pvtrading_${HOME}_price`)).toBe("4");
    expect(assistant.problems).toEqual([]);
    // Every counter that Home Assistant has.
    const counters = assistant
      .ids()
      .filter((id) => assistant.entity(id).config["state_class"] === "total_increasing");
    expect(counters).toHaveLength(5);
    for (const id of counters) {
      const all = assistant.entity(id).numbers;
      expect(
        all.toSorted((a, b) => a - b),
        id,
      ).toEqual(all);
    }
  });
});

/** Everything that was heard, by its schema; hands back the kinds that there were. */
function checkAll(listener: Listener): ReadonlySet<string> {
  const kinds = new Set<string>();
  for (const { topic, payload } of listener.heard) {
    const parsed = parseTopic(topic);
    if (parsed === null) continue;
    const { kind } = parsed;
    kinds.add(kind === "event" ? `event/${parsed.type}` : kind);
    if (payload === "" && kind !== "status") continue;
    if (kind === "discovery") {
      expect(discoveryProblems(topic, payload), topic).toEqual([]);
      continue;
    }
    if (kind === "set") continue;
    const isText = kind === "status" || kind === "deviceAvailability";
    const schema = kind === "event" ? EVENT_SCHEMAS[parsed.type] : TOPIC_SCHEMAS[kind];
    const validate = ajv.compile(schema);
    const isRight = validate(isText ? payload : JSON.parse(payload));
    expect(isRight, `${topic} ${payload}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  }
  return kinds;
}
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });

it("what the examples of commands are is what their schemas want", () => {
  const offer = { token: "t", listingid: LISTING, kWhavailable: 6, reservePrice: "2.5" };
  expect(ajv.validate(COMMAND_SCHEMAS.offer, offer)).toBe(true);
  expect(ajv.validate(COMMAND_SCHEMAS.offer, { ...offer, token: undefined })).toBe(false);
  expect(
    ajv.validate(COMMAND_SCHEMAS.cancel, { token: "t", listingid: LISTING, what: "all" }),
  ).toBe(false);
});

describe("with a broker that is not as it should be, a home", () => {
  it("is not held up by one that takes everything and answers nothing", async () => {
    const broker = keep(await openAedes());
    const wire = keep(await openWire(broker.port));
    const home = keep(await openMqttHome(urlOf(wire)));
    const listener = keep(await openListener(broker.port));
    await listener.until("online", () => listener.last(topics.status) === "online");
    wire.freeze();
    const before = process.memoryUsage().heapUsed;
    const started = performance.now();
    for (let i = 0; i < 5000; i += 1) {
      home.reads(METER, i / 360, { power: i, imported: 1_000_000 + i, exported: 0 });
    }
    expect((performance.now() - started) / 5000).toBeLessThan(2);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("does not collect what is larger than anything of ours", async () => {
    let ends = 0;
    const huge = createServer((socket) => {
      const header = Buffer.from([0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0x7f]);
      socket.once("data", () => socket.write(Buffer.concat([header, Buffer.alloc(8_000_000)])));
      socket.on("error", () => {});
      socket.on("close", () => {
        ends += 1;
      });
    });
    await new Promise<void>((resolve) => huge.listen(0, "127.0.0.1", resolve));
    closers.push(() => new Promise((resolve) => huge.close(resolve)));
    const warned: unknown[] = [];
    const log = { ...silentLog, warn: (_message: string, facts?: object) => warned.push(facts) };
    const { port } = huge.address() as AddressInfo;
    const home = keep(await openMqttHome(`mqtt://127.0.0.1:${port}`, { log }));
    await expect.poll(() => ends).toBeGreaterThanOrEqual(1);
    expect(JSON.stringify(warned)).toContain("larger than any of ours");
    await home.mqtt().close();
  });

  it("does not storm one that lets it in and throws it out", async () => {
    const broker = keep(
      await openAedes(0, {
        authorizePublish: (_client, _packet, done) => done(new Error("not yours")),
      }),
    );
    const wire = keep(await openWire(broker.port));
    keep(await openMqttHome(urlOf(wire), { patience: 0.1 }));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // 3 s are 30 s of patience: waits of half of 1, 2, 4, 8, 16 s at the least, so six connections at most.
    expect(wire.count()).toBeGreaterThanOrEqual(3);
    expect(wire.count()).toBeLessThanOrEqual(6);
  });

  it("says what to do where the password is wrong, once", async () => {
    const broker = keep(
      await openAedes(0, { authenticate: (_client, _user, _password, done) => done(null, false) }),
    );
    const warned: unknown[] = [];
    const log = {
      ...{ debug: () => {}, info: () => {}, error: () => {} },
      warn: (_message: string, facts?: object) => void warned.push(facts),
    };
    keep(await openMqttHome(urlOf(broker), { log }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(warned).toHaveLength(1);
    expect(JSON.stringify(warned)).toContain("mqtt.passwordFile");
  });
});
