// What the page is told by its server before anything else: where the broker and the homes' REST doors are.

export type PageHome = {
  /** As in topics: seller1 */
  readonly name: string;
  readonly memberId: string | null;
  /** The home's REST door, http://127.0.0.1:3000; null: none that the page may ask. */
  readonly rest: string | null;
};

export type PageConfig = {
  readonly title: string;
  /** MQTT over WebSocket, ws://127.0.0.1:9001; null: none. */
  readonly mqttUrl: string | null;
  readonly homes: readonly PageHome[];
  /** IANA name, in which hours are shown. */
  readonly timeZone: string;
  /** A laboratory's market time, which runs faster; null: the clock on the wall. */
  readonly clock: MarketClock | null;
  /** A laboratory gives a token that may only read; everybody else brings a token. */
  readonly readToken: string | null;
};

/** Unix ms. */
export type MarketClock = {
  readonly realStart: number;
  readonly marketStart: number;
  readonly speed: number;
};

/** Market time, Unix ms, when the wall shows `now`. */
export function marketTime(clock: MarketClock | null, now: number): number {
  return clock === null ? now : clock.marketStart + (now - clock.realStart) * clock.speed;
}

/**
 * An address of this machine alone as the browser can reach it: whoever looks at http://192.168.1.5:8080 finds the
 * broker there too, not on the machine in the hand.
 */
export function reachable(address: string, hostname: string): string {
  const url = new URL(address);
  if (!isLoopback(url.hostname) || isLoopback(hostname)) return address;
  url.hostname = hostname;
  return url.href.replace(/\/$/, "");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
