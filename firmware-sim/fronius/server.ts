// The web server of a simulated Datamanager on a port of its own.

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SimulatedHome } from "../home.ts";
import { CALLS, envelope } from "./answers.ts";

export type RunningServer = {
  readonly port: number;
  /** Cuts the connections there are, as when a fault begins or ends. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
};

const VERSION = { APIVersion: 1, BaseURL: "/solar_api/v1/", CompatibilityRange: "1.8-1" };
const NOT_FOUND = "<html><head><title>404 - Not Found</title></head><body>404</body></html>";

/** Listens on `port` of this machine; 0 takes a free one. */
export async function startFroniusServer(home: SimulatedHome, port = 0): Promise<RunningServer> {
  const server = createServer((request, response) => {
    answer(home, new URL(request.url ?? "/", "http://localhost"), response);
  });
  server.on("connection", (socket) => {
    if (home.fault() === "offline") socket.destroy();
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => server.closeAllConnections(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(home: SimulatedHome, url: URL, response: ServerResponse): void {
  const fault = home.fault();
  const call = CALLS.get(url.pathname.replace(/^\/solar_api\/v1\//, ""));
  const query = url.searchParams;
  if (fault === "stall") return;
  if (fault === "disabled404") {
    send(response, 404, "Solar API disabled by customer config");
  } else if (url.pathname === "/solar_api/GetAPIVersion.cgi") {
    sendJson(response, VERSION);
  } else if (call === undefined) {
    send(response, 404, NOT_FOUND);
  } else {
    const content = fault === "code8" ? { status: 8 } : call(home, query);
    sendJson(response, envelope(home, query, content));
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json");
  send(response, 200, `${JSON.stringify(value, null, "\t")}\n`);
}

function send(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status);
  response.end(body);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}
