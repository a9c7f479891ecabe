// The agent's MQTT: what it tells goes to the broker as broker/topics.ts says, Home Assistant finds it by itself,
// and commands come back. Whatever becomes of the broker, the market beside it does not notice: nothing here
// waits for it, keeps more than the board holds, or throws at whoever publishes.

import {
  HOME_ASSISTANT_STATUS,
  homeTopics,
  OFFLINE,
  ONLINE,
  parseTopic,
} from "../../broker/topics.ts";
import type { Watts } from "../core/units/energy.ts";
import { watts } from "../core/units/energy.ts";
import type { AgentDoor, DeviceReading, Log, Publisher } from "../ports.ts";
import type { RestContext } from "./http/restContext.ts";
import { createBoard } from "./mqtt/board.ts";
import { createCommands } from "./mqtt/commands.ts";
import { createCounters } from "./mqtt/counters.ts";
import { openKeptFile } from "./mqtt/keptFile.ts";
import { openLink, type Received } from "./mqtt/link.ts";
import type { Measured } from "./mqtt/payloads.ts";
import { createTeller, GATHER_MS } from "./mqtt/teller.ts";
import { readPrivateFile, readPublicFile } from "./privateFiles.ts";

/** Health is said this often, and what changes as time goes by. */
const TICK_MS = 60_000;
/** When Home Assistant starts, all of a house greet it: each within this, by chance. */
const BIRTH_SPREAD_MS = 3000;
/** No home's connection carries more; see loops/meter.ts. */
const CONNECTION_POWER_MAX: Watts = watts(110_400);

const NOTHING_MEASURED: Measured = { clockOffsetMs: () => null, roundTripsMs: () => new Map() };

export type MqttOptions = {
  /** mqtt, mqtts, ws or wss. */
  readonly url: string;
  readonly username: string | null;
  /** A file (0600) with the password. */
  readonly passwordFile: string | null;
  readonly tls: MqttTls | null;
  /** As it stands in topics. */
  readonly home: string;
  readonly homeAssistant: boolean;
  /** Where counters are kept; see mqtt/keptFile.ts. */
  readonly keptFile: string;
  /** Of the events' types: org.acme.pv.auction */
  readonly namespace: string;
  readonly devices: readonly { readonly name: string; readonly kind: DeviceReading["kind"] }[];
  /** Real seconds from one reading to the next. */
  readonly pollSeconds: number;
  readonly pvCapacity: Watts | null;
  readonly version: string;
  readonly log: Log;
  /** Left out: nothing is. */
  readonly measured?: Measured;
  readonly isClockSynchronised: () => boolean;
  /** The REST door's address, once it is open. */
  readonly rest: () => string | null;
  /** Left out: as in the world. Tests wait less between two attempts. */
  readonly patience?: number;
};

/** Files in PEM; what is left out is the system's. */
export type MqttTls = {
  readonly caFile: string | null;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
};

export type Mqtt = {
  readonly publisher: Publisher;
  readonly isConnected: () => boolean;
  /** Says goodbye if the broker is there, and keeps what was shown. */
  readonly close: () => Promise<void>;
};

/** Who may command and how; null: nobody. */
export type CommandContext = RestContext | null;

/** Throws KeyError where a file that it needs is not right; a broker that is away is no error. */
export function openMqtt(options: MqttOptions, door: AgentDoor, context: CommandContext): Mqtt {
  const { home, log, devices, namespace, version } = options;
  const topics = homeTopics(home);
  const credentials = credentialsOf(options);
  const board = createBoard();
  const kept = openKeptFile(options.keptFile, log);
  const production = options.pvCapacity ?? CONNECTION_POWER_MAX;
  const counters = createCounters(kept, devices, { production, grid: CONNECTION_POWER_MAX });
  const timers = new Set<NodeJS.Timeout>();
  let isClosing = false;
  /** Home Assistant has said that it is there, and everything is about to be said again: once, however often. */
  let isGreeting = false;
  const later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      guarded(run);
    }, ms);
    timers.add(timer);
  };

  let isBugTold = false;
  /** Telling is not worth an agent: what goes wrong in it is logged, once in a row. */
  const guarded = (run: () => void): void => {
    try {
      run();
      isBugTold = false;
    } catch (error) {
      if (!isBugTold) log.error("telling by MQTT failed", { what: String(error) });
      isBugTold = true;
    }
    link.wake();
  };

  const teller = createTeller({
    ...{ door, topics, board, counters, devices },
    composer: { namespace, rules: door.rules },
    pollSeconds: options.pollSeconds,
    discovery: options.homeAssistant
      ? { home, memberId: door.self, topics, version, url: null }
      : null,
    isClockSynchronised: options.isClockSynchronised,
    measured: options.measured ?? NOTHING_MEASURED,
    process: () => ({ ...processFacts(), version, rest: options.rest() }),
    monotonic: () => performance.now(),
    later: (run) => later(GATHER_MS, run),
  });
  const obey =
    context === null
      ? null
      : createCommands({
          ...{ context, topics, monotonic: () => performance.now() },
          answer: (topic, payload) => {
            board.tell({ topic, payload, qos: 1 }, performance.now());
            link.wake();
          },
        });

  const received = (message: Received): void => {
    if (isClosing) return;
    const text = message.topic.length < 256 ? message.payload.subarray(0, 16).toString() : "";
    if (message.topic === topics.status) {
      // An earlier connection's will, later than our own word.
      if (text === OFFLINE && !message.isRetained) {
        board.republish((topic) => topic === topics.status);
        link.wake();
      }
    } else if (message.topic === HOME_ASSISTANT_STATUS) {
      // What was kept for us was said before we came, and we have just said everything.
      if (text !== ONLINE || message.isRetained || isGreeting) return;
      isGreeting = true;
      later(Math.random() * BIRTH_SPREAD_MS * (options.patience ?? 1), () => {
        isGreeting = false;
        board.republish();
      });
    } else if (namesDevice(message.topic)) {
      // What is not of earlier is our own.
      if (message.isRetained && text !== "") guarded(() => teller.remembers(message.topic));
    } else guarded(() => obey?.(message));
  };

  board.put(topics.status, ONLINE);
  const link = openLink({
    ...{ url: options.url, board, log, received },
    client: {
      ...credentials,
      clientId: `pvtrading-${home.slice(0, 64)}-${kept.value.clientSuffix}`,
    },
    statusTopic: topics.status,
    filters: [
      topics.status,
      ...topics.namingFilters,
      ...(options.homeAssistant ? [HOME_ASSISTANT_STATUS] : []),
      ...(obey === null ? [] : [topics.setFilter]),
    ],
    connected: () => guarded(() => teller.tick()),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  });
  guarded(() => teller.begin());
  const ticking = setInterval(() => guarded(() => teller.tick()), TICK_MS);
  return {
    publisher: { publish: (event) => guarded(() => teller.publish(event)) },
    isConnected: link.isConnected,
    close: async () => {
      isClosing = true;
      clearInterval(ticking);
      for (const timer of timers) clearTimeout(timer);
      await link.close();
      counters.close();
    },
  };
}

/** Whether it is one of `HomeTopics.namingFilters`. */
function namesDevice(topic: string): boolean {
  const kind = parseTopic(topic)?.kind;
  return kind === "discovery" || kind === "deviceAvailability";
}

function credentialsOf({ username, passwordFile, tls }: MqttOptions) {
  const { caFile = null, certificateFile = null, keyFile = null } = tls ?? {};
  return {
    ...(username === null ? {} : { username }),
    ...(passwordFile === null ? {} : { password: readPrivateFile(passwordFile).trim() }),
    ...(caFile === null ? {} : { ca: readPublicFile(caFile) }),
    ...(certificateFile === null ? {} : { cert: readPublicFile(certificateFile) }),
    ...(keyFile === null ? {} : { key: readPrivateFile(keyFile) }),
  };
}

function processFacts(): { readonly uptime_s: number; readonly rss_mb: number } {
  return {
    uptime_s: Math.round(process.uptime()),
    rss_mb: Math.round(process.memoryUsage.rss() / 100_000) / 10,
  };
}
