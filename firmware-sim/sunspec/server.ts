// A Modbus TCP server for one SunSpec unit, on node:net: the agent reads by modbus-serial, and a mistake of that
// package must not answer itself. Source: Modbus Application Protocol 1.1b3; Messaging on TCP/IP 1.0b.

import { type AddressInfo, createServer, type Socket } from "node:net";
import type { RunningServer } from "../fronius/server.ts";
import type { SimulatedHome } from "../home.ts";
import { BASE, registerImage } from "./image.ts";

export const UNIT_ID = 1;

const FUNCTION_READ_HOLDING = 3;
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;
const NO_TARGET = 11;
const REGISTERS_MAX = 125;

/** Transaction, protocol, length; the unit counts as content. */
const HEADER_BYTES = 6;
const FRAME_BYTES_MAX = 260;

/** Listens on `port` of this machine; 0 takes a free one. */
export async function startSunspecServer(home: SimulatedHome, port = 0): Promise<RunningServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (home.fault() === "offline" || home.fault() === "disabled404") {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A reader that is gone is no concern of the device.
    socket.on("error", () => socket.destroy());
    serve(home, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}

function serve(home: SimulatedHome, socket: Socket): void {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + received.readUInt16BE(4);
      if (end > FRAME_BYTES_MAX || end < HEADER_BYTES + 2) {
        socket.destroy();
        return;
      }
      if (received.length < end) return;
      const frame = received.subarray(0, end);
      received = received.subarray(end);
      if (home.fault() !== "stall") socket.write(reply(home, frame));
    }
  });
}

function reply(home: SimulatedHome, frame: Buffer): Buffer {
  const unit = frame.readUInt8(6);
  const code = frame.readUInt8(7);
  const outcome = read(home, frame);
  const body =
    typeof outcome === "number"
      ? Buffer.from([unit, code | 0x80, outcome])
      : Buffer.concat([Buffer.from([unit, code, outcome.length]), outcome]);
  const header = Buffer.from(frame.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** The registers' bytes, or an exception code. */
function read(home: SimulatedHome, frame: Buffer): Buffer | number {
  if (frame.readUInt8(6) !== UNIT_ID || home.fault() === "code8") return NO_TARGET;
  if (frame.readUInt8(7) !== FUNCTION_READ_HOLDING) return ILLEGAL_FUNCTION;
  if (frame.length < 12) return ILLEGAL_VALUE;
  const from = frame.readUInt16BE(8) - BASE;
  const count = frame.readUInt16BE(10);
  if (count < 1 || count > REGISTERS_MAX) return ILLEGAL_VALUE;
  const image = registerImage(home);
  if (from < 0 || from + count > image.length) return ILLEGAL_ADDRESS;
  const bytes = Buffer.alloc(2 * count);
  for (const [index, word] of image.slice(from, from + count).entries()) {
    bytes.writeUInt16BE(word, 2 * index);
  }
  return bytes;
}
