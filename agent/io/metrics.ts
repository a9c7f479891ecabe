// `/metrics` in Prometheus' text format 0.0.4: what a community's operator graphs and is woken by. A small HTTP
// server of its own, for a home may want figures and no REST.
//
// Counters are the devices' and the agent's own: they may begin anew, as Prometheus expects of counters. What is
// not known has no sample, which is never 0.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentDoor, AgentEvent, DeviceReading, Log, Publisher } from "../ports.ts";
import type { Measured } from "./mqtt/payloads.ts";

export type MetricsOptions = {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly door: AgentDoor;
  readonly version: string;
  readonly isClockSynchronised: () => boolean;
  /** Left out: nothing is. */
  readonly measured?: Measured;
  /** null: no MQTT. */
  readonly isMqttConnected: () => boolean | null;
  readonly log: Log;
};

export type Metrics = {
  /** http://127.0.0.1:9464/metrics */
  readonly address: string;
  readonly publisher: Publisher;
  readonly close: () => Promise<void>;
};

const PATH = "/metrics";
const CONNECTIONS_MAX = 16;
const HEADERS_WITHIN_MS = 5000;
const HEADER_BYTES_MAX = 8192;
/**
 * This machine, as a request's Host may name it. Where nobody else is to read, a browser in here must not either:
 * whoever owns a name can point it here, and their page then reads what that name answers.
 */
const LOCAL = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)(?::\d+)?$/i;
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Opens the server; rejects where the port is taken. */
export async function openMetrics(options: MetricsOptions): Promise<Metrics> {
  const { host, port, log } = options;
  const figures = createFigures(options);
  const isLocal = LOCAL.test(host.includes(":") ? `[${host}]` : host);
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: HEADERS_WITHIN_MS,
      connectionsCheckingInterval: HEADERS_WITHIN_MS,
    },
    (request, reply) => {
      try {
        if (isLocal && !LOCAL.test(request.headers.host ?? "")) {
          reply.writeHead(403, { "content-type": "text/plain" }).end("not by this name\n");
        } else answer(request, reply, figures.text);
      } catch (error) {
        log.error("metrics failed", { what: String(error) });
        reply.writeHead(500).end();
      }
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  const opened = Promise.withResolvers<void>();
  server.once("error", opened.reject);
  server.listen(port, host, opened.resolve);
  await opened.promise;
  server.off("error", opened.reject);
  server.on("error", (error) => log.warn("metrics server failed", { what: error.message }));
  const bound = (server.address() as AddressInfo).port;
  return {
    address: `http://${host.includes(":") ? `[${host}]` : host}:${bound}${PATH}`,
    publisher: figures.publisher,
    close: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

function answer(request: IncomingMessage, reply: ServerResponse, text: () => string): void {
  const { method = "", url = "" } = request;
  const [path] = url.split("?", 1);
  if (path !== PATH) {
    reply.writeHead(404, { "content-type": "text/plain" }).end(`here is ${PATH} alone\n`);
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    reply.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  const body = Buffer.from(text());
  reply.writeHead(200, { "content-type": CONTENT_TYPE, "content-length": body.length });
  reply.end(method === "HEAD" ? undefined : body);
}

export type Figures = { readonly publisher: Publisher; readonly text: () => string };

type FigureDependencies = Pick<
  MetricsOptions,
  "door" | "version" | "isClockSynchronised" | "measured" | "isMqttConnected"
>;

type Seen = { readonly reading: DeviceReading | null; readonly isUp: boolean };

/** What is counted from what the agent tells, and the page that shows it. */
export function createFigures(dependencies: FigureDependencies): Figures {
  const devices = new Map<string, Seen>();
  const refused = new Map<string, number>();
  const closed = { cleared: 0, voided: 0 };
  let [round, transactions] = [0, 0];
  let [isQuarantined, isHalted] = [false, false];

  const publish = (event: AgentEvent): void => {
    switch (event.type) {
      case "reading":
        devices.set(event.device, { reading: event.reading, isUp: true });
        return;
      case "device": {
        const reading =
          event.refusal === null ? (devices.get(event.device)?.reading ?? null) : null;
        devices.set(event.device, { reading, isUp: event.refusal === null });
        return;
      }
      case "block":
        round = event.round;
        transactions += event.transactions;
        return;
      case "ledger":
        if (event.event.type === "biddingClosed") closed.cleared += 1;
        if (event.event.type === "listingVoided") closed.voided += 1;
        return;
      case "refused":
        refused.set(event.refusal.code, (refused.get(event.refusal.code) ?? 0) + 1);
        return;
      case "quarantined":
      case "released":
        isQuarantined = event.type === "quarantined";
        return;
      case "halted":
        isHalted = true;
        return;
      case "started":
      case "forecast":
      case "decision":
      case "peers":
      case "ledgerSetAside":
        return;
    }
  };

  const text = (): string =>
    [
      ...processFamilies(dependencies),
      ...deviceFamilies(devices),
      ...measuredFamilies(dependencies.measured),
      ...marketFamilies(dependencies.door),
      gauge("ledger_round", "Round in which the newest block was agreed.", round),
      counter("ledger_transactions_total", "Transactions in blocks since the start.", transactions),
      family("listings_closed_total", "counter", "Listings that ended since the start.", [
        [{ how: "cleared" }, closed.cleared],
        [{ how: "voided" }, closed.voided],
      ]),
      family(
        "own_transactions_refused_total",
        "counter",
        "Own transactions that the ledger refused for good.",
        [...refused].map(([code, n]) => [{ code }, n]),
      ),
      gauge("agent_quarantined", "1 while the card votes on nothing.", isQuarantined),
      gauge("agent_halted", "1 after the agent stopped itself.", isHalted),
    ].join("");

  return { publisher: { publish }, text };
}

function processFamilies(dependencies: FigureDependencies): readonly string[] {
  const { door, version, isClockSynchronised, isMqttConnected } = dependencies;
  const mqtt = isMqttConnected();
  return [
    family("agent_info", "gauge", "The agent's version and member.", [
      [{ version, member: door.self }, 1],
    ]),
    gauge("agent_uptime_seconds", "Since the process began.", process.uptime()),
    gauge("agent_resident_memory_bytes", "Memory of the process.", process.memoryUsage.rss()),
    gauge("clock_synchronised", "1 while NTP agrees with the clock.", isClockSynchronised()),
    gauge("ledger_caught_up", "1 once the ledger is the community's newest.", door.isCaughtUp()),
    mqtt === null ? "" : gauge("mqtt_connected", "1 while the broker is connected.", mqtt),
  ];
}

function measuredFamilies(measured: Measured | undefined): readonly string[] {
  if (measured === undefined) return [];
  const offset = measured.clockOffsetMs();
  return [
    offset === null
      ? ""
      : gauge("clock_offset_seconds", "By which the clock is ahead of NTP's time.", offset / 1000),
    family(
      "peer_round_trip_seconds",
      "gauge",
      "To a neighbour and back, median of the last few times.",
      [...measured.roundTripsMs()].map(([peer, ms]) => [{ peer }, Math.round(ms * 1000) / 1e6]),
    ),
  ];
}

function deviceFamilies(devices: ReadonlyMap<string, Seen>): readonly string[] {
  const all = [...devices];
  const power = all.flatMap(([device, { reading }]): Sample[] =>
    reading === null || reading.power === null
      ? []
      : [[{ device, kind: reading.kind }, reading.power]],
  );
  const energy = all.flatMap(([device, { reading }]): Sample[] => {
    const counters: readonly (readonly [string, number | null])[] =
      reading === null
        ? []
        : reading.kind === "inverter"
          ? [["produced", reading.produced]]
          : [
              ["imported", reading.imported],
              ["exported", reading.exported],
            ];
    return counters.flatMap(([direction, value]): Sample[] =>
      value === null ? [] : [[{ device, direction }, value]],
    );
  });
  return [
    family(
      "device_up",
      "gauge",
      "1 while the device answers.",
      all.map(([device, { isUp }]) => [{ device }, isUp ? 1 : 0]),
    ),
    family("device_power_watts", "gauge", "Production, or import at a meter.", power),
    family("device_energy_watthours_total", "counter", "The device's own counters.", energy),
  ];
}

function marketFamilies(door: AgentDoor): readonly string[] {
  const state = door.ledger();
  const member = state.members.get(door.self);
  const open = [...state.listings.values()].filter((one) => one.state === "ACCEPT_OFFERS");
  const tokens = (money: bigint) => Number(money) / 1_000_000;
  return [
    gauge("ledger_height", "Height of the newest block.", state.height),
    gauge("ledger_block_time_seconds", "Time of the newest block, Unix.", state.time / 1000),
    gauge("ledger_validators", "Members whose agents vote.", state.validators.length),
    gauge("ledger_accusations", "Cards that were shown to have signed twice.", state.evidence.size),
    gauge("ledger_members", "Members on the ledger.", state.members.size),
    gauge("peers", "Neighbours that are connected.", door.peers().length),
    gauge("listings_open", "Listings that take offers.", open.length),
    member === undefined ? "" : gauge("balance_tokens", "Own balance.", tokens(member.balance)),
    member === undefined
      ? ""
      : gauge("reserved_tokens", "Part of it that open bids hold.", tokens(member.reserved)),
  ];
}

type Sample = readonly [labels: { readonly [name: string]: string }, value: number];

function gauge(name: string, help: string, value: number | boolean): string {
  return family(name, "gauge", help, [[{}, Number(value)]]);
}

function counter(name: string, help: string, value: number): string {
  return family(name, "counter", help, [[{}, value]]);
}

/** The lines of one metric; none if it has no sample. */
function family(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: readonly Sample[],
): string {
  if (samples.length === 0) return "";
  const full = `pvtrading_${name}`;
  const lines = samples.map(([labels, value]) => {
    const said = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${full}${said.length === 0 ? "" : `{${said.join(",")}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
