// The market's events from a home's own door, where there is no broker: ws://home:3000/?access_token=... If that
// home goes, the next one's door is tried: each of them tells of the same ledger.

import type { FeedState } from "../state/model.ts";
import type { Store } from "../state/store.ts";
import { createBackOff } from "./backOff.ts";

/** A browser itself gives up after minutes. */
const CONNECT_WITHIN_MS = 10_000;

/** `opened` each time that it is connected: what was missed is to be read. Returns what ends it. */
export function openSocketFeed(
  store: Store,
  {
    doors,
    token,
    opened,
  }: { readonly doors: readonly string[]; readonly token: string; readonly opened: () => void },
): () => void {
  const backOff = createBackOff();
  let socket: WebSocket | null = null;
  let isOver = false;
  let tries = 0;
  const connect = (): void => {
    const address = doors[tries % doors.length];
    if (isOver || address === undefined) return;
    const url = new URL(address.replace(/^http/, "ws"));
    url.searchParams.set("access_token", token);
    const mine = new WebSocket(url);
    socket = mine;
    const giveUp = setTimeout(() => mine.close(), CONNECT_WITHIN_MS);
    mine.addEventListener("open", () => {
      clearTimeout(giveUp);
      backOff.reset();
      say("online");
      opened();
    });
    mine.addEventListener("message", ({ data }) => {
      if (!isOver) store.hearFrame(String(data));
    });
    mine.addEventListener("close", () => {
      clearTimeout(giveUp);
      if (isOver) return;
      tries += 1;
      say("offline");
      backOff.wait(connect);
    });
  };
  const say = (now: FeedState): void =>
    store.change((state) => {
      state.door = now;
    });
  say("connecting");
  connect();
  return () => {
    isOver = true;
    socket?.close();
    say("off");
  };
}
