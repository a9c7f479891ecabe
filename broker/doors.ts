// The broker's doors: TCP, WebSocket, and both over TLS. Connections are counted here, before anything is read.

import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import { BrokerError, causeText } from "./brokerError.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import { isOwnName } from "./ownName.ts";
import { PerMinute } from "./perMinute.ts";

export type TlsFiles = { readonly certFile: string; readonly keyFile: string };

export type Origin = {
  readonly address: string;
  /** By a page whose name anybody on the internet could have pointed here. */
  readonly isForeign: boolean;
};

export type DoorPlan = {
  readonly host: string;
  readonly limits: BrokerLimits;
  readonly log: Log;
  readonly now: () => number;
  /** A connection that may begin with MQTT; it was counted and ends by being destroyed. */
  readonly onStream: (stream: Duplex, from: Origin) => void;
};

/** A dead peer is noticed after some minutes, whatever keep-alive it has asked for. */
const TCP_KEEP_ALIVE_MS = 60_000;
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"];

export class Doors {
  readonly #plan: DoorPlan;
  readonly #servers: net.Server[] = [];
  readonly #stopping: Promise<void>[] = [];
  readonly #sockets = new Set<net.Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly #recent: PerMinute;

  constructor(plan: DoorPlan) {
    this.#plan = plan;
    this.#recent = new PerMinute(plan.limits.connectionsPerMinuteMax, plan.now);
  }

  /** Returns the port, which is another one for 0. Throws BrokerError, as the other two do. */
  openTcp(port: number): Promise<number> {
    const server = net.createServer({ noDelay: true }, (socket) => {
      if (!socket.destroyed) this.#plan.onStream(socket, fromHere(socket));
    });
    return this.#listen(server, port);
  }

  openTls(port: number, files: TlsFiles): Promise<number> {
    const server = this.#secure(files, (options) => tls.createServer(options));
    server.on("secureConnection", (socket) => this.#plan.onStream(socket, fromHere(socket)));
    return this.#listen(server, port);
  }

  /** Over TLS where there are files for it. */
  openWebSocket(port: number, files: TlsFiles | null): Promise<number> {
    const { limits } = this.#plan;
    const patience = {
      ...{ headersTimeout: limits.connectMsMax, requestTimeout: limits.connectMsMax },
      connectionsCheckingInterval: limits.connectMsMax / 2,
    };
    const answer: http.RequestListener = (_request, response) => {
      response.writeHead(426, { connection: "close" }).end("MQTT over WebSocket only\n");
    };
    const server =
      files === null
        ? http.createServer({ ...patience, noDelay: true }, answer)
        : this.#secure(files, (options) => https.createServer({ ...options, ...patience }, answer));
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: limits.packetBytesMax,
      perMessageDeflate: false,
      handleProtocols: (offered) => SUBPROTOCOLS.find((name) => offered.has(name)) ?? false,
    });
    server.on("upgrade", (request, socket, head) => {
      socket.on("error", ignore);
      if (!isSameSite(request.headers)) {
        this.#plan.log("warn", "page of another site refused", { origin: request.headers.origin });
        socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#plan.onStream(streamOf(webSocket), {
          address: addressOf(request.socket),
          // Over TLS no name can be pointed here: the certificate is another's.
          isForeign: files === null && isForeign(request.headers),
        }),
      );
    });
    return this.#listen(server, port);
  }

  #secure<S extends tls.Server>(
    { certFile, keyFile }: TlsFiles,
    create: (options: tls.TlsOptions) => S,
  ): S {
    let server: S;
    try {
      server = create({
        cert: fs.readFileSync(certFile),
        key: fs.readFileSync(keyFile),
        minVersion: "TLSv1.2",
        handshakeTimeout: this.#plan.limits.connectMsMax,
        noDelay: true,
      });
    } catch (cause) {
      const sentence = `TLS with ${certFile} and ${keyFile}: ${causeText(cause)}`;
      throw new BrokerError("fileFailed", sentence, cause);
    }
    server.on("tlsClientError", (error, socket) => {
      this.#plan.log("debug", "TLS handshake failed", { reason: causeText(error) });
      socket.destroy();
    });
    return server;
  }

  /** No more connections; those there are go on. */
  stop(): void {
    for (const server of this.#servers.splice(0)) {
      this.#stopping.push(new Promise<void>((resolve) => server.close(() => resolve())));
    }
  }

  async close(): Promise<void> {
    this.stop();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#stopping);
  }

  #listen(server: net.Server, port: number): Promise<number> {
    const { host, log } = this.#plan;
    // For TLS and WebSocket, too, this is the bare connection; before anybody reads from it.
    server.prependListener("connection", (socket: net.Socket) => this.#admit(socket));
    return new Promise((resolve, reject) => {
      server.once("error", (cause) => {
        const sentence = `${host} port ${port}: ${listenText(causeText(cause))}`;
        reject(new BrokerError("cannotListen", sentence, cause));
      });
      server.listen(port, host, () => {
        server.removeAllListeners("error");
        server.on("error", (error) => log("warn", "a door fails", { reason: causeText(error) }));
        this.#servers.push(server);
        const address = server.address();
        resolve(address !== null && typeof address === "object" ? address.port : port);
      });
    });
  }

  #admit(socket: net.Socket): void {
    const { limits, log } = this.#plan;
    const address = addressOf(socket);
    const isLocal = isLoopback(address);
    const ofAddress = this.#perAddress.get(address) ?? 0;
    const reason =
      this.#sockets.size >= limits.clientsMax
        ? "clientsMax"
        : isLocal
          ? null
          : ofAddress >= limits.clientsPerAddressMax
            ? "clientsPerAddressMax"
            : this.#recent.isFull(address)
              ? "connectionsPerMinuteMax"
              : null;
    socket.on("error", ignore);
    if (reason !== null) {
      log("debug", "connection refused", { address, reason });
      socket.destroy();
      return;
    }
    this.#recent.count(address);
    this.#sockets.add(socket);
    this.#perAddress.set(address, ofAddress + 1);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    socket.once("close", () => this.#release(socket, address));
  }

  #release(socket: net.Socket, address: string): void {
    this.#sockets.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}

/** ws would send each write as a message of its own; a packet is several. */
function streamOf(webSocket: WebSocket): Duplex {
  const stream = createWebSocketStream(webSocket);
  stream._writev = (chunks, done) => {
    webSocket.send(Buffer.concat(chunks.map(({ chunk }) => chunk as Uint8Array)), done);
  };
  return stream;
}

/**
 * Browsers tell from which page a WebSocket was opened. Only one of the same host may: otherwise any page on
 * the internet could read a home's figures through the browser of somebody who lives there.
 */
export function isSameSite({ origin, host }: http.IncomingHttpHeaders): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin) || !URL.canParse(`ws://${host}`)) return false;
  const [page, here] = [new URL(origin).hostname, new URL(`ws://${host}`).hostname];
  return page === here || (isLoopback(page) && isLoopback(here));
}

/** A page of a name that anybody could have pointed here; it needs a password. See ownName.ts. */
export function isForeign({ origin }: http.IncomingHttpHeaders): boolean {
  return origin !== undefined && !isOwnName(URL.parse(origin)?.hostname ?? "");
}

export function isLoopback(address: string): boolean {
  return /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1|\[::1\]|localhost)$/.test(address);
}

function fromHere(socket: net.Socket): Origin {
  return { address: addressOf(socket), isForeign: false };
}

function addressOf(socket: net.Socket): string {
  return socket.remoteAddress ?? "unknown";
}

function listenText(code: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "is taken, perhaps by another broker; end that one, use it instead, or name another port";
    case "EACCES":
      return "may not be opened by this user; name a port from 1024 on";
    default:
      return `cannot be opened (${code})`;
  }
}

function ignore(): void {}
