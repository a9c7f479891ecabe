// Everything live, from the broker: MQTT over WebSocket. The library is fetched while the page is already shown.

import { TOPIC_ROOT } from "../../../topics.ts";
import type { Store } from "../state/store.ts";

const RECONNECT_MS = 2000;
/** Who is not let in asks seldom: a broker makes those wait who are wrong too often. */
const REFUSED_MS = 30_000;
const CONNECT_WITHIN_MS = 10_000;

export type Login = { readonly username: string; readonly password: string };

/** `opened` each time that it is connected. Returns what ends it. */
export async function openMqttFeed(
  store: Store,
  {
    url,
    login,
    opened,
  }: { readonly url: string; readonly login: Login | null; readonly opened: () => void },
): Promise<() => void> {
  const live = (now: "connecting" | "online" | "offline" | "refused"): void =>
    store.change((state) => {
      state.live = now;
    });
  live("connecting");
  const { default: mqtt } = await import("mqtt");
  const client = mqtt.connect(url, {
    ...(login ?? {}),
    // Two tabs are two clients.
    clientId: `page-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`,
    protocolVersion: 4,
    reconnectPeriod: RECONNECT_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    keepalive: 60,
    // Its other timers are a worker made from a text, which the page's policy forbids.
    timerVariant: "native",
  });
  const decoder = new TextDecoder();
  client.on("connect", () => {
    live("online");
    client.options.reconnectPeriod = RECONNECT_MS;
    // At most once: what is state comes again, and what was missed is read by REST.
    client.subscribe(`${TOPIC_ROOT}/#`, { qos: 0 });
    opened();
  });
  client.on("message", (topic, payload) => store.hearTopic(topic, decoder.decode(payload)));
  client.on("close", () => live(store.state.live === "refused" ? "refused" : "offline"));
  client.on("error", (error) => {
    const code = "code" in error ? error.code : null;
    // MQTT 3.1.1 section 3.2.2.3: 4 bad user name or password, 5 not authorised.
    if (code === 4 || code === 5) {
      live("refused");
      client.options.reconnectPeriod = REFUSED_MS;
    }
  });
  return () => {
    client.end(true);
  };
}
