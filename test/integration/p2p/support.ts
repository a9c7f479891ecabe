// Nodes on 127.0.0.1 with real keys and a fake CA: a certificate here is the text "member key-in-hex".

import { randomBytes } from "node:crypto";
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { bytesToHex } from "../../../agent/core/codec/hex.ts";
import { type MemberId, memberId } from "../../../agent/core/units/ids.ts";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import type { Limits } from "../../../agent/io/p2p/limits.ts";
import { type OpenNetwork, openNetwork } from "../../../agent/io/p2p/network.ts";
import { privateKeyOf } from "../../../agent/io/p2p/node.ts";
import type {
  Facts,
  Log,
  Network,
  NetworkHandlers,
  Protocol,
  Reception,
  Topic,
} from "../../../agent/ports.ts";

export const COMMUNITY = "c0ffee11".padEnd(64, "0");
export const PREFIX = "/pvtrading/c0ffee11";

export type Identity = {
  readonly id: MemberId;
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly certificate: Uint8Array;
};

export async function identity(name: string, seed = randomBytes(32)): Promise<Identity> {
  const id = memberId(`${name}@test.example`);
  const { publicKey } = await privateKeyOf(seed);
  return { id, seed, publicKey: publicKey.raw, certificate: certificateOf(id, publicKey.raw) };
}

export function identities(...names: string[]): Promise<Identity[]> {
  return Promise.all(names.map((name) => identity(name)));
}

export function certificateOf(id: string, publicKey: Uint8Array): Uint8Array {
  return Buffer.from(`${id} ${bytesToHex(publicKey)}`);
}

/** The fake CA: whose certificate names its own key and who is not revoked. */
export function admitAll(revoked: ReadonlySet<string> = new Set()): NetworkHandlers["admit"] {
  return (certificate, publicKey) => {
    const [id, key] = Buffer.from(certificate).toString().split(" ");
    if (id === undefined || key !== bytesToHex(publicKey) || revoked.has(id)) return null;
    return memberId(id);
  };
}

export type Received = { readonly topic: Topic; readonly text: string; readonly from: MemberId };
export type Asked = {
  readonly protocol: Protocol;
  readonly body: Uint8Array;
  readonly from: MemberId;
};

export type TestNode = {
  readonly identity: Identity;
  readonly open: OpenNetwork;
  readonly network: Network;
  readonly address: string;
  readonly received: Received[];
  readonly asked: Asked[];
  /** "+member" and "-member", in order. */
  readonly peerLog: string[];
  readonly errors: { readonly message: string; readonly facts: Facts | undefined }[];
  readonly count: (name: string) => number;
};

export type NodeOptions = {
  readonly validators?: readonly Identity[];
  readonly bootstrap?: readonly string[];
  readonly port?: number;
  readonly limits?: Partial<Limits>;
  readonly certificate?: Uint8Array;
  readonly communityId?: string;
  readonly admit?: NetworkHandlers["admit"];
  readonly verdict?: (received: Received) => Reception;
  readonly answer?: (asked: Asked) => Uint8Array | null;
};

const opened: { close(): Promise<void> }[] = [];

/** Closes every node of the test; for afterEach. */
export async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((node) => node.close()));
}

export async function startNode(who: Identity, options: NodeOptions = {}): Promise<TestNode> {
  const received: Received[] = [];
  const asked: Asked[] = [];
  const peerLog: string[] = [];
  const errors: TestNode["errors"] = [];
  const open = await openNetwork({
    listen: [`/ip4/127.0.0.1/tcp/${options.port ?? 0}`],
    bootstrap: options.bootstrap ?? [],
    mdns: false,
    seed: who.seed,
    certificate: options.certificate ?? who.certificate,
    communityId: options.communityId ?? COMMUNITY,
    validators: (options.validators ?? []).map(({ id, publicKey }) => ({
      memberId: id,
      publicKey,
    })),
    log: quietLog((message, facts) => errors.push({ message, facts })),
    limits: options.limits ?? {},
  });
  opened.push(open);
  open.network.start({
    received: (topic, message, from) => {
      const it = { topic, text: Buffer.from(message).toString(), from };
      received.push(it);
      return options.verdict?.(it) ?? "accept";
    },
    requested: (protocol, body, from) => {
      asked.push({ protocol, body, from });
      return options.answer?.({ protocol, body, from }) ?? null;
    },
    joined: (peer) => peerLog.push(`+${peer}`),
    left: (peer) => peerLog.push(`-${peer}`),
    admit: options.admit ?? admitAll(),
  });
  const address = open.addresses()[0] ?? "";
  const count = (name: string): number => open.counters()[name] ?? 0;
  return {
    identity: who,
    open,
    network: open.network,
    address,
    received,
    asked,
    peerLog,
    errors,
    count,
  };
}

function quietLog(error: Log["error"]): Log {
  const nothing = (): void => undefined;
  return { debug: nothing, info: nothing, warn: nothing, error };
}

/** Waits until `condition` holds; throws with `what` after the deadline. */
export async function until(
  what: string,
  condition: () => boolean,
  withinMs = 8_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function allConnected(nodes: readonly TestNode[], each: number): Promise<void> {
  return until(`${each} neighbours each`, () =>
    nodes.every(({ network }) => network.peers().length === each),
  );
}

export function ask(
  node: TestNode,
  to: Identity,
  { protocol = "votes", body = Buffer.from("?") }: { protocol?: Protocol; body?: Uint8Array } = {},
): Promise<Uint8Array | null> {
  return new Promise((answered) => {
    node.network.request({ to: to.id, protocol, body, answered });
  });
}

/** A bare libp2p node that speaks our protocols only as the test makes it. */
export type RawNode = {
  readonly libp2p: Libp2p;
  readonly dial: (address: string) => Promise<Connection>;
  readonly close: () => Promise<void>;
};

export async function rawNode(who: Identity): Promise<RawNode> {
  const libp2p = await createLibp2p({
    privateKey: await privateKeyOf(who.seed),
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  });
  const node = {
    libp2p,
    dial: (address: string) => libp2p.dial(multiaddr(address)),
    close: async () => libp2p.stop(),
  };
  opened.push(node);
  return node;
}

/** Opens a raw stream of one of our protocols: "card", "push", "votes"... */
export function rawStream(connection: Connection, name: string): Promise<Stream> {
  return connection.newStream(name.startsWith("/") ? name : `${PREFIX}/${name}/1`);
}

/** Sends on a stream that the other side may have reset already. */
export function rawSend(stream: Stream, bytes: Uint8Array): void {
  if (stream.writeStatus === "writable") stream.send(bytes);
}

/** Dials someone who does not want us: a closed connection is a denial, too. */
export async function isDenied(node: RawNode, address: string): Promise<boolean> {
  try {
    const connection = await node.dial(address);
    await until("it is closed", () => connection.status !== "open", 1_000);
    return true;
  } catch (error) {
    return !(error instanceof Error && error.message.includes("it is closed"));
  }
}

/** Shows the card as a proper dialler does, and waits for the listener's. */
export async function rawCard(connection: Connection, certificate: Uint8Array): Promise<boolean> {
  const stream = await rawStream(connection, "card");
  const answered = new Promise<boolean>((resolve) => {
    stream.addEventListener("message", () => resolve(true));
    stream.addEventListener("close", () => resolve(false));
  });
  stream.send(toFrame(certificate));
  return answered;
}
