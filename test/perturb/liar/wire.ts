// Below the agent's protocols: bytes that are none, frames larger than any limit, and streams of every protocol
// that is spoken, by a stranger and by whoever holds the liar's card.

import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import { privateKeyOf } from "../../../agent/io/p2p/node.ts";

const SPOKEN = ["card", "push", "votes", "blocks", "transactions"];
const OTHERS = ["/meshsub/1.2.0", "/meshsub/1.1.0", "/ipfs/id/1.0.0"];
/** Beyond every limit of the network room. */
const OVERSIZED = 300_000;
const PATIENCE_MS = 3000;

export type Target = { readonly address: string; readonly community8: string };

/** Says nonsense to a home in every way; returns how often something was sent. */
export async function nonsense(
  target: Target,
  seed: Uint8Array,
  certificate: Uint8Array,
): Promise<number> {
  const scribbled = await scribble(target.address);
  const asStranger = await spray(target, randomBytes(32), null);
  return scribbled + asStranger + (await spray(target, seed, certificate));
}

/** Bytes straight into the TCP port. */
async function scribble(address: string): Promise<number> {
  const [, , host = "", , port = ""] = address.split("/");
  const hello = Buffer.from("\x13/multistream/1.0.0\n");
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.concat([hello, Buffer.from("\x07/noise\n"), randomBytes(2000)]),
    Buffer.concat([hello, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])]),
    randomBytes(OVERSIZED),
  ];
  for (const bytes of garbage) {
    const socket = connect(Number(port), host, () => socket.write(bytes));
    // It hangs up, as it should.
    socket.on("error", () => {});
    setTimeout(() => socket.destroy(), PATIENCE_MS);
  }
  return garbage.length;
}

async function spray(
  target: Target,
  seed: Uint8Array,
  certificate: Uint8Array | null,
): Promise<number> {
  const node = await createLibp2p({
    privateKey: await privateKeyOf(seed),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const connection = await node.dial(multiaddr(target.address), { signal });
    if (certificate !== null) await send(connection, nameOf(target, "card"), toFrame(certificate));
    let sent = 0;
    for (const name of [...SPOKEN.map((spoken) => nameOf(target, spoken)), ...OTHERS]) {
      for (const bytes of shapes()) sent += await send(connection, name, bytes);
    }
    return sent;
  } catch {
    // Turned away at the door: as it should be.
    return 1;
  } finally {
    await node.stop();
  }
}

function shapes(): readonly Uint8Array[] {
  return [
    Buffer.from("ffffffff", "hex"),
    toFrame(randomBytes(OVERSIZED)),
    toFrame(randomBytes(3000)),
    randomBytes(10_000),
  ];
}

async function send(connection: Connection, name: string, bytes: Uint8Array): Promise<0 | 1> {
  if (connection.status !== "open") return 0;
  try {
    const stream = await connection.newStream(name, { signal: AbortSignal.timeout(PATIENCE_MS) });
    stream.send(bytes);
    await sleep(2);
    stream.abort(new Error("enough"));
    return 1;
  } catch {
    // Refused or cut off: as it should be.
    return 0;
  }
}

function nameOf({ community8 }: Target, name: string): string {
  return `/pvtrading/${community8}/${name}/1`;
}
