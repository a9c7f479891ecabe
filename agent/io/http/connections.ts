// Who may connect: so many TCP connections in all and from one address. The others are told so, in one
// line, and closed, before a byte of theirs is read.

import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { RestLimits } from "./limits.ts";

type ConnectionLimits = Pick<RestLimits, "connectionsMax" | "connectionsPerAddressMax">;

/** Counts from now on; call it before the server listens. */
export function guardConnections(
  server: Server,
  { connectionsMax, connectionsPerAddressMax }: ConnectionLimits,
): void {
  const perAddress = new Map<string, number>();
  let all = 0;
  server.prependListener("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const mine = perAddress.get(address) ?? 0;
    if (all >= connectionsMax || mine >= connectionsPerAddressMax) {
      refuse(socket);
      return;
    }
    all += 1;
    perAddress.set(address, mine + 1);
    socket.once("close", () => {
      all -= 1;
      const left = (perAddress.get(address) ?? 1) - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });
}

const REFUSAL_BODY = JSON.stringify({
  error: { statusCode: 503, name: "Error", message: "Too many connections. Close some." },
});
const REFUSAL = [
  "HTTP/1.1 503 Service Unavailable",
  "Connection: close",
  "Content-Type: application/json; charset=utf-8",
  `Content-Length: ${Buffer.byteLength(REFUSAL_BODY)}`,
  "",
  REFUSAL_BODY,
].join("\r\n");

function refuse(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.end(REFUSAL);
  socket.destroySoon();
}
