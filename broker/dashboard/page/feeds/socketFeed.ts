// The market's events from a home's own door, where there is no broker: ws://home:3000/?access_token=...

import type { Store } from "../state/store.ts";
import { createBackOff } from "./backOff.ts";

/** `opened` each time that it is connected: what was missed is to be read. Returns what ends it. */
export function openSocketFeed(
  store: Store,
  {
    address,
    token,
    opened,
  }: { readonly address: string; readonly token: string; readonly opened: () => void },
): () => void {
  const backOff = createBackOff();
  let socket: WebSocket | null = null;
  let isOver = false;
  const connect = (): void => {
    if (isOver) return;
    const url = new URL(address.replace(/^http/, "ws"));
    url.searchParams.set("access_token", token);
    socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      backOff.reset();
      live("online");
      opened();
    });
    socket.addEventListener("message", ({ data }) => store.hearFrame(String(data)));
    socket.addEventListener("close", () => {
      if (isOver) return;
      live("offline");
      backOff.wait(connect);
    });
  };
  const live = (now: "connecting" | "online" | "offline"): void =>
    store.change((state) => {
      state.live = now;
    });
  live("connecting");
  connect();
  return () => {
    isOver = true;
    socket?.close();
  };
}
