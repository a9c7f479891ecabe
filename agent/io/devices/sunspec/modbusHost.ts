// One Modbus TCP connection: the only place that knows modbus-serial, and where its silences end.
// Its promises may never settle (no default timeout, destroy, reset by the peer), so the socket is ours:
// every request races our timeout, the socket's end and our own closing, and what failed is thrown away.

import { Socket } from "node:net";
import type modbusSerial from "modbus-serial";
import { accepted, type Result, refused } from "../../../core/result.ts";
import type { DeviceRefusal, Log } from "../../../ports.ts";
import { errorText } from "../errorText.ts";
import { pause } from "../pause.ts";
import { createQueue, type Queue } from "../queue.ts";

export type ModbusLimits = {
  /** For the connection, and for each request, ms. */
  readonly timeoutMs: number;
  /** Rest after each request, ms: gateways drop what comes too early. */
  readonly gapMs: number;
  /** After the first failure, doubled by each further one, with jitter, ms. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
};

export type RegisterRequest = {
  readonly unitId: number;
  /** 0-based protocol address. */
  readonly address: number;
  /** 1 to REGISTERS_MAX. */
  readonly count: number;
};

type Client = InstanceType<typeof modbusSerial.default>;

type Link = {
  readonly socket: Socket;
  readonly client: Client;
  /** Rejects when the socket ends, by whomever; never resolves. */
  readonly broken: Promise<never>;
};

/** Modbus Application Protocol 1.1b3, 6.3: a request for more is answered by exception 3. */
export const REGISTERS_MAX = 125;

const EXCEPTIONS: ReadonlyMap<number, string> = new Map([
  [1, "illegal function"],
  [2, "illegal data address"],
  [3, "illegal data value"],
  [4, "server device failure"],
  [5, "acknowledge"],
  [6, "server device busy"],
  [10, "gateway path unavailable"],
  [11, "gateway target device failed to respond"],
]);

/** The socket ended: by the peer, the network, or because it never began. */
class ConnectionBroken extends Error {}

/** Owns one connection, its queue and its back-off; ends when `signal` is aborted. */
export class ModbusHost {
  readonly #host: string;
  readonly #port: number;
  readonly #limits: ModbusLimits;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #queue: Queue = createQueue();
  #link: Link | null = null;
  #connections = 0;
  #failures = 0;
  #retryAt = 0;

  constructor(
    at: { readonly host: string; readonly port: number },
    options: { readonly limits: ModbusLimits; readonly signal: AbortSignal; readonly log: Log },
  ) {
    this.#host = at.host;
    this.#port = at.port;
    this.#limits = options.limits;
    this.#signal = options.signal;
    this.#log = options.log;
    this.#signal.addEventListener("abort", () => this.#drop(new Error("closed")));
  }

  /** Counts connections: another number is another connection, perhaps to another firmware. */
  get connection(): number {
    return this.#connections;
  }

  /**
   * Reads holding registers (function 03), connecting if need be.
   * Refusals: unreachable (no connection, no answer in time, waiting to try again, closed),
   * deviceError with `exception` (a Modbus exception), unintelligible (an answer of another length).
   */
  read(request: RegisterRequest): Promise<Result<readonly number[], DeviceRefusal>> {
    return this.#queue(async () => {
      const outcome = await this.#readNow(request);
      await pause(this.#limits.gapMs, this.#signal);
      return outcome;
    });
  }

  async #readNow(request: RegisterRequest): Promise<Result<readonly number[], DeviceRefusal>> {
    if (this.#signal.aborted) return this.#unreachable("closed");
    // Closed by the device while nobody asked: that costs no reading.
    if (this.#link?.socket.destroyed === true) this.#drop(new Error("closed while idle"));
    const waitMs = this.#retryAt - performance.now();
    if (this.#link === null && waitMs > 0) {
      return this.#unreachable(`failed before, next attempt in ${Math.ceil(waitMs)} ms`);
    }
    const isKept = this.#link !== null;
    try {
      return accepted(await this.#exchange(request));
    } catch (cause) {
      if (!isKept || !(cause instanceof ConnectionBroken)) return this.#failed(cause, request);
      // An idle connection that the device gave up just now: reading twice does no harm.
      this.#drop(cause);
    }
    try {
      return accepted(await this.#exchange(request));
    } catch (cause) {
      return this.#failed(cause, request);
    }
  }

  async #exchange(request: RegisterRequest): Promise<readonly number[]> {
    this.#link ??= await this.#connect();
    const registers = await this.#request(this.#link, request);
    this.#failures = 0;
    return registers;
  }

  async #connect(): Promise<Link> {
    const ModbusClient = await loadModbus();
    const socket = new Socket();
    const broken = new Promise<never>((_, reject) => {
      socket.on("error", (cause) => reject(new ConnectionBroken(errorText(cause))));
      socket.on("close", () => reject(new ConnectionBroken("connection closed by the device")));
    });
    // Heard by whoever races it; alone it is no news.
    broken.catch(() => undefined);
    const connected = new Promise<void>((resolve) => {
      socket.setNoDelay();
      socket.connect(this.#port, this.#host, resolve);
    });
    try {
      await this.#withTimeout([connected, broken]);
      const client = new ModbusClient();
      client.on("error", (cause: unknown) =>
        this.#log.debug("modbus error", { cause: String(cause) }),
      );
      await this.#withTimeout([
        client.connectTCP(this.#host, { port: this.#port, socket }),
        broken,
      ]);
      this.#connections += 1;
      return { socket, client, broken };
    } catch (cause) {
      socket.destroy();
      throw cause;
    }
  }

  async #request(link: Link, request: RegisterRequest): Promise<readonly number[]> {
    link.client.setID(request.unitId);
    const answer = link.client.readHoldingRegisters(request.address, request.count);
    const { data } = await this.#withTimeout([answer, link.broken]);
    if (data.length !== request.count) {
      throw new Error(`${WRONG_LENGTH}: ${data.length} registers for ${request.count}`);
    }
    return data;
  }

  async #withTimeout<T>(promises: readonly Promise<T>[]): Promise<T> {
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const { timeoutMs } = this.#limits;
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const abort = (): void => reject(new Error("closed"));
    this.#signal.addEventListener("abort", abort);
    try {
      return await Promise.race([...promises, stopped]);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", abort);
    }
  }

  #failed(cause: unknown, request: RegisterRequest): Result<readonly number[], DeviceRefusal> {
    const exception = modbusCode(cause);
    if (exception !== null) {
      this.#failures = 0;
      return refused({
        code: "deviceError",
        detail: `Modbus exception ${exception}: ${EXCEPTIONS.get(exception) ?? "unknown"}`,
        exception,
        ...this.#where(request),
      });
    }
    // A new connection has no late answers in it, whatever happened on the old one.
    this.#drop(cause);
    const { backOffMs, backOffMaxMs } = this.#limits;
    const delay = Math.min(backOffMs * 2 ** Math.min(this.#failures, 30), backOffMaxMs);
    this.#failures += 1;
    this.#retryAt = performance.now() + delay * (0.75 + Math.random() / 4);
    const detail = errorText(cause);
    if (!isMalformed(detail)) return this.#unreachable(detail);
    return refused({ code: "unintelligible", detail, ...this.#where(request) });
  }

  #drop(cause: unknown): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    link.socket.destroy();
    this.#log.debug("modbus connection dropped", {
      host: this.#host,
      port: this.#port,
      cause: String(cause),
    });
  }

  #unreachable(detail: string): Result<readonly number[], DeviceRefusal> {
    return refused({ code: "unreachable", detail, host: this.#host, port: this.#port });
  }

  #where(request: RegisterRequest): Pick<DeviceRefusal, string> {
    return { host: this.#host, port: this.#port, ...request };
  }
}

/** Loaded when the first connection is made: a home without Modbus does without it. */
async function loadModbus(): Promise<new () => Client> {
  const modbus = await import("modbus-serial");
  return modbus.default.default;
}

function modbusCode(cause: unknown): number | null {
  const code = cause instanceof Error && "modbusCode" in cause ? cause.modbusCode : null;
  return typeof code === "number" ? code : null;
}

const WRONG_LENGTH = "Data length error";

/** modbus-serial tells these by their text only. */
function isMalformed(message: string): boolean {
  return new RegExp(`^(${WRONG_LENGTH}|Unexpected data error|CRC error)`).test(message);
}
