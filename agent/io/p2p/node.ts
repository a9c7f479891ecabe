// The libp2p node: tcp, noise, yamux, identify, gossipsub; nothing else is switched on.

import { bootstrap } from "@libp2p/bootstrap";
import { generateKeyPairFromSeed, publicKeyFromRaw } from "@libp2p/crypto/keys";
import { type Identify, identify } from "@libp2p/identify";
import type {
  ConnectionGater,
  Ed25519PrivateKey,
  PeerDiscovery,
  PeerId,
  PeerInfo,
} from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import { peerIdFromPublicKey, peerIdFromString } from "@libp2p/peer-id";
import { tcp } from "@libp2p/tcp";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import { type Gossip, type GossipOptions, gossipService } from "./gossip.ts";
import { KeepAlive } from "./keepAlive.ts";
import type { Limits } from "./limits.ts";
import { steadyYamux } from "./muxer.ts";
import { noiseInOneWrite } from "./oneWrite.ts";

type MdnsComponents = Parameters<ReturnType<typeof mdns>>[0];

export type Node = Libp2p<{ identify: Identify; gossip: Gossip; keepAlive: KeepAlive }>;

export type NodeOptions = {
  readonly listen: readonly string[];
  readonly bootstrap: readonly string[];
  /** Told of each peer that answers on the LAN, again and again; null: do not look. */
  readonly found: ((peer: PeerInfo) => void) | null;
  readonly privateKey: Ed25519PrivateKey;
  readonly community8: string;
  readonly limits: Limits;
  readonly gater: ConnectionGater;
  readonly gossip: GossipOptions;
};

/** Spare connections for those being upgraded or replaced. */
const CONNECTIONS_SPARE = 32;
const STREAMS_PER_CONNECTION_MAX = 256;
const PENDING_CONNECTIONS_MAX = 64;

/** A started node, listening. Rejects when an address cannot be listened on. */
export async function createNode(options: NodeOptions): Promise<Node> {
  const { limits } = options;
  const keepAlive = new KeepAlive(limits.pingMs);
  const certain = options.bootstrap.filter((address) => peerOf(multiaddr(address)) !== null);
  return createLibp2p({
    privateKey: options.privateKey,
    nodeInfo: { name: "pvtrading", userAgent: "pvtrading" },
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noiseInOneWrite()],
    streamMuxers: [
      steadyYamux(
        {
          maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
          maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
        },
        keepAlive,
      ),
    ],
    peerDiscovery: [
      // Keeps these in the address book and from being pruned; our dialler does the dialling.
      ...(certain.length > 0 ? [bootstrap({ list: certain, tagTTL: Infinity })] : []),
      ...(options.found === null ? [] : [lanDiscovery(options.community8, options.found)]),
    ],
    connectionGater: options.gater,
    connectionManager: {
      maxConnections: limits.neighboursMax + limits.strangersMax + CONNECTIONS_SPARE,
      inboundConnectionThreshold: limits.connectionsPerSecondMax,
      maxIncomingPendingConnections: PENDING_CONNECTIONS_MAX,
      inboundUpgradeTimeout: limits.dialTimeoutMs,
      dialTimeout: limits.dialTimeoutMs,
      addressDialTimeout: limits.dialTimeoutMs,
    },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      gossip: gossipService(options.gossip),
      keepAlive: () => keepAlive,
    },
  });
}

/** mDNS under our community's own service name, so that others are not even found. */
function lanDiscovery(
  community8: string,
  found: (peer: PeerInfo) => void,
): (components: MdnsComponents) => PeerDiscovery {
  const create = mdns({ serviceTag: `_pvtrading-${community8}._udp.local` });
  return (components) => {
    const discovery = create(components);
    // libp2p's own "peer:discovery" tells of a peer once only.
    discovery.addEventListener("peer", ({ detail }) => found(detail));
    return discovery;
  };
}

/** The libp2p key of a card: its Ed25519 seed, 32 bytes. */
export function privateKeyOf(seed: Uint8Array): Promise<Ed25519PrivateKey> {
  return generateKeyPairFromSeed("Ed25519", seed);
}

/** The peer id of a member's Ed25519 public key. */
export function peerIdOfKey(publicKey: Uint8Array): PeerId {
  return peerIdFromPublicKey(publicKeyFromRaw(publicKey));
}

/** The peer named by an address's /p2p/ID, if any. */
export function peerOf(address: Multiaddr): PeerId | null {
  const named = address.getComponents().findLast((component) => component.name === "p2p");
  return named?.value === undefined ? null : peerIdFromString(named.value);
}
