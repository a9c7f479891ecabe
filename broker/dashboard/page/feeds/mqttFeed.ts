// Everything live, from the broker: MQTT over WebSocket. The library is fetched while the page is already shown.

import type { MqttClient } from "mqtt";
import { TOPIC_ROOT } from "../../../topics.ts";
import type { FeedState } from "../state/model.ts";
import type { Store } from "../state/store.ts";
import { createBackOff } from "./backOff.ts";

const RECONNECT_MS = 2000;
/** Who is not let in asks seldom: a broker makes those wait who are wrong too often. */
const REFUSED_MS = 30_000;
const CONNECT_WITHIN_MS = 10_000;

export type Login = { readonly username: string; readonly password: string };

type MqttFeed = {
  readonly url: string;
  readonly login: Login | null;
  /** Each time that it is connected. */
  readonly opened: () => void;
};

/** Returns what ends it. */
export function openMqttFeed(store: Store, feed: MqttFeed): () => void {
  const backOff = createBackOff();
  let client: MqttClient | null = null;
  let isOver = false;
  const say = (now: FeedState): void => {
    if (isOver) return;
    store.change((state) => {
      state.live = now;
    });
  };
  const begin = async (): Promise<void> => {
    try {
      const { default: mqtt } = await import("mqtt");
      if (isOver) return;
      client = mqtt.connect(feed.url, options(feed.login));
      listen(client);
    } catch {
      // The page's server went between the page and the library.
      say("offline");
      backOff.wait(() => void begin());
    }
  };
  const listen = (opened: MqttClient): void => {
    const decoder = new TextDecoder();
    opened.on("connect", () => {
      say("online");
      opened.options.reconnectPeriod = RECONNECT_MS;
      // At most once: what is state comes again, and what was missed is read by REST.
      opened.subscribe(`${TOPIC_ROOT}/#`, { qos: 0 });
      feed.opened();
    });
    opened.on("message", (topic, payload) => {
      if (!isOver) store.hearTopic(topic, decoder.decode(payload));
    });
    opened.on("close", () => say(store.state.live === "refused" ? "refused" : "offline"));
    opened.on("error", (error) => {
      const code = "code" in error ? error.code : null;
      // MQTT 3.1.1 section 3.2.2.3: 4 bad user name or password, 5 not authorised.
      if (code !== 4 && code !== 5) return;
      say("refused");
      opened.options.reconnectPeriod = REFUSED_MS;
    });
  };
  say("connecting");
  void begin();
  return () => {
    isOver = true;
    client?.end(true);
  };
}

function options(login: Login | null) {
  return {
    ...(login ?? {}),
    // Two tabs are two clients.
    clientId: `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`,
    protocolVersion: 4,
    reconnectPeriod: RECONNECT_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    // Less would not be kept by a tab that nobody sees, whose timers run once a minute.
    keepalive: 60,
    // Its other timers are a worker made from a text, which the page's policy forbids.
    timerVariant: "native",
  } as const;
}
