// The connection to the broker, for as long as the agent runs: it comes back by itself, sends what the board
// has as fast as the broker takes it, and holds up nobody. Each attempt is a new client, so that nothing that
// an old one still had in flight arrives after what is newer.

import { type IClientOptions, type MqttClient, connect as openClient } from "mqtt";
import { OFFLINE } from "../../../broker/topics.ts";
import type { Log } from "../../ports.ts";
import { backOffMs, STABLE_AFTER_MS } from "./backOff.ts";
import type { Board, Message } from "./board.ts";
import { endTooLarge } from "./inbound.ts";

/** Messages that the broker has not taken yet; the others wait on the board. */
export const IN_FLIGHT_MAX = 32;
const CONNECT_MAX_MS = 20_000;
const KEEP_ALIVE_S = 30;
/** An agent that ends waits no longer than this for its last word. */
const LAST_WORD_MAX_MS = 1000;

export type Received = {
  readonly topic: string;
  readonly payload: Buffer;
  /** The broker had kept it: nobody says it now. */
  readonly isRetained: boolean;
};

export type LinkOptions = {
  readonly url: string;
  readonly client: Pick<
    IClientOptions,
    "clientId" | "username" | "password" | "ca" | "cert" | "key"
  >;
  /** Its retained text: `offline` by the broker's hand, or as the last word. */
  readonly statusTopic: string;
  readonly filters: readonly string[];
  readonly board: Board;
  /** Each time; everything on the board is about to be sent. */
  readonly connected: () => void;
  readonly received: (message: Received) => void;
  readonly log: Log;
  /** From 0 up to 1. */
  readonly random?: () => number;
  /** Left out: 1, so as in the world; tests wait less. */
  readonly patience?: number;
};

export type Link = {
  readonly isConnected: () => boolean;
  /** There is something on the board. */
  readonly wake: () => void;
  readonly close: () => Promise<void>;
};

export function openLink(options: LinkOptions): Link {
  const { board, log, random = Math.random, patience = 1 } = options;
  let client: MqttClient | null = null;
  let isUp = false;
  let isClosed = false;
  let failures = 0;
  let inFlight = 0;
  let isPumping = false;
  let isRefused = false;
  let retry: NodeJS.Timeout | null = null;
  let stable: NodeJS.Timeout | null = null;
  let told = "";

  const send = (to: MqttClient, message: Message): void => {
    const { topic, payload, qos, retain } = message;
    inFlight += 1;
    to.publish(topic, payload, { qos, retain }, (error) => {
      // What an earlier connection had in flight says nothing about this one.
      if (to !== client) return;
      inFlight -= 1;
      if (error instanceof Error) {
        board.again(message);
        isRefused = true;
      } else pump();
    });
  };

  const pump = (): void => {
    // A message that is taken at once calls back before `send` returns: the loop goes on with the next.
    if (isPumping) return;
    isPumping = true;
    // What cannot be sent now waits for the next occasion, not for the next turn of this loop.
    isRefused = false;
    try {
      while (client !== null && isUp && !isRefused && inFlight < IN_FLIGHT_MAX) {
        const message = board.next(performance.now());
        if (message === null) return;
        send(client, message);
      }
    } finally {
      isPumping = false;
    }
  };

  const greeted = (own: MqttClient): void => {
    isUp = true;
    told = "";
    log.info("broker connected", { url: options.url });
    stable = setTimeout(() => {
      failures = 0;
    }, STABLE_AFTER_MS * patience);
    stable.unref();
    const filters = Object.fromEntries(options.filters.map((one) => [one, { qos: 1 as const }]));
    own.subscribe(filters, (error, granted = []) => {
      const refused = granted.filter(({ qos }) => qos > 2).map(({ topic }) => topic);
      if (refused.length > 0) log.warn("broker refuses subscriptions", { refused });
      else if (error) log.debug("subscription failed", { what: error.message });
    });
    board.republish();
    options.connected();
    pump();
  };

  /** The same trouble is told once, until the broker was there again. */
  const trouble = (what: string): void => {
    if (what !== told) log.warn("no broker, trying again", { url: options.url, what });
    told = what;
  };

  const ended = (own: MqttClient): void => {
    if (own !== client) return;
    if (isUp) trouble("the connection was closed");
    isUp = false;
    client = null;
    inFlight = 0;
    if (stable !== null) clearTimeout(stable);
    own.end(true);
    if (isClosed) return;
    failures += 1;
    retry = setTimeout(attempt, backOffMs(failures, random()) * patience);
    retry.unref();
  };

  const attempt = (): void => {
    const own = openClient(options.url, {
      ...options.client,
      protocolVersion: 4,
      clean: true,
      keepalive: KEEP_ALIVE_S,
      // A broker that takes everything and answers nothing is noticed all the same.
      reschedulePings: false,
      connectTimeout: CONNECT_MAX_MS,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      will: { topic: options.statusTopic, payload: Buffer.from(OFFLINE), qos: 1, retain: true },
    });
    client = own;
    endTooLarge(own.stream, () => trouble(TOO_LARGE));
    own.on("connect", () => greeted(own));
    own.on("message", (topic, payload, { retain }) =>
      options.received({ topic, payload, isRetained: retain }),
    );
    own.on("error", (error) => trouble(whyOf(error)));
    own.on("close", () => ended(own));
  };

  attempt();
  return {
    isConnected: () => isUp,
    wake: pump,
    close: async () => {
      isClosed = true;
      if (retry !== null) clearTimeout(retry);
      if (stable !== null) clearTimeout(stable);
      const own = client;
      if (own === null) return;
      if (isUp) await lastWord(own, options.statusTopic);
      client = null;
      isUp = false;
      await Promise.race([own.endAsync(true), wait(LAST_WORD_MAX_MS)]);
    },
  };
}

/** The broker says `offline` for who is gone without a word; who ends in order says it itself. */
async function lastWord(client: MqttClient, topic: string): Promise<void> {
  const said = new Promise<void>((resolve) => {
    client.publish(topic, OFFLINE, { qos: 1, retain: true }, () => resolve());
  });
  await Promise.race([said, wait(LAST_WORD_MAX_MS)]);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

const TOO_LARGE =
  "it sends a packet larger than any of ours: look for a huge retained message below this home's topics";

/** MQTT 3.1.1 section 3.2.2.3, in words that say what to do. */
const REFUSALS: { readonly [code: number]: string } = {
  1: "the broker does not speak MQTT 3.1.1",
  2: "the broker refuses this client's id",
  3: "the broker is not available just now",
  4: "the broker refuses the user or the password: look at mqtt.username and mqtt.passwordFile",
  5: "the broker does not let this user in: look at mqtt.username and mqtt.passwordFile, and at its users",
};

function whyOf(error: Error & { readonly code?: unknown }): string {
  const { code } = error;
  if (typeof code === "number") return REFUSALS[code] ?? error.message;
  return typeof code === "string" ? code : error.message;
}
