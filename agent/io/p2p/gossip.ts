// gossipsub as we want it, and the gate before it: gossipsub never hears of a peer that is not admitted.
//
// Ignore or punish: the receiver's "reject" counts against who passed the message on, twice: gossipsub's
// invalid-message score (P4) and our own standing (the app-specific score, and the end of the connection).
// Delivery-rate scores (P3, P3b) are off: on a quiet topic they punish the honest.
// A message said again within GOSSIP_SEEN_MS is not gossiped again; pushes and requests are not affected.

import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  StrictNoSign,
  type TopicValidatorResult,
} from "@libp2p/gossipsub";
import type { Connection, PeerId, Stream, StreamHandler, Topology } from "@libp2p/interface";
import type { Topic } from "../../ports.ts";
import type { Limits } from "./limits.ts";
import { messageId } from "./seen.ts";

type Registrar = GossipSubComponents["registrar"];

/** The class has it, its published interface does not. */
export type Gossip = GossipSub & {
  /** By peer: our end of the gossip with it. */
  readonly streamsOutbound: ReadonlyMap<string, unknown>;
  reportMessageValidationResult(id: string, from: string, result: TopicValidatorResult): void;
};

const GOSSIP_SEEN_MS = 30_000;
/**
 * Who says something says it to all its neighbours, and a validator to all validators (push.ts). To pass it on to a
 * few reaches the homes that are not its neighbours; gossipsub's own numbers are for thousands of homes that nobody
 * tells directly, and each home heard everything a dozen times. What is lost all the same is announced, and asked for.
 */
const MESH = {
  D: 4,
  Dlo: 3,
  Dhi: 6,
  Dscore: 2,
  Dout: 1,
  Dlazy: 3,
  gossipFactor: 0.1,
  mcacheGossip: 2,
};
/** IWANT promises may be late on a busy Pi without fault. */
const PROMISE_MS = 12_000;
/** One stream each way, and room for one being replaced. */
const STREAMS_MAX = 4;
/** To agree on the protocol: many homes start at once when the street's power comes back, and answer late. */
const OPENING_MS = 10_000;
/** Gossip of one connection kept until its card is judged. */
const HELD_MAX = 2;
const SUBSCRIPTIONS_MAX = 16;
const REJECT_WEIGHT = -10;

export function topicNames(community8: string): Readonly<Record<Topic, string>> {
  return {
    transaction: `/pvtrading/${community8}/transaction/1`,
    consensus: `/pvtrading/${community8}/consensus/1`,
  };
}

export type GossipOptions = {
  readonly topics: Readonly<Record<Topic, string>>;
  readonly limits: Limits;
  /** Validators among themselves always pass everything on to each other. */
  readonly directPeers: readonly PeerId[];
  /** Rejects of a peer that are not forgiven yet. */
  readonly rejects: (peer: string) => number;
  readonly gate: GossipGate;
};

/** The service's factory for createLibp2p. */
export function gossipService(options: GossipOptions): (components: GossipSubComponents) => Gossip {
  const { topics, limits, directPeers, rejects, gate } = options;
  const names = Object.values(topics);
  const create = gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message) => messageId(message.topic, message.data),
    asyncValidation: true,
    allowedTopics: names,
    fallbackToFloodsub: false,
    floodPublish: true,
    batchPublish: true,
    emitSelf: false,
    doPX: false,
    ignoreDuplicatePublishError: true,
    seenTTL: GOSSIP_SEEN_MS,
    ...MESH,
    gossipsubIWantFollowupMs: PROMISE_MS,
    maxInboundDataLength: limits.rpcBytesMax,
    maxOutboundBufferSize: limits.gossipBufferBytesMax,
    maxInboundStreams: STREAMS_MAX,
    maxOutboundStreams: STREAMS_MAX,
    directPeers: directPeers.map((id) => ({ id, addrs: [] })),
    // Our dialler keeps them connected; gossipsub would hold up its heartbeat for a frozen one.
    directConnectTicks: Number.MAX_SAFE_INTEGER,
    decodeRpcLimits: {
      maxSubscriptions: SUBSCRIPTIONS_MAX,
      maxMessages: 5_000,
      maxIhaveMessageIDs: 5_000,
      maxIwantMessageIDs: 5_000,
      maxControlMessages: 64,
      maxIdontwantMessageIDs: 512,
      maxPeerInfos: 16,
    },
    scoreThresholds: { opportunisticGraftThreshold: 0 },
    scoreParams: {
      topics: Object.fromEntries(names.map((name) => [name, topicScore])),
      IPColocationFactorWeight: 0,
      appSpecificScore: (peer) => rejects(peer) * REJECT_WEIGHT,
      appSpecificWeight: 1,
    },
  });
  return (components) =>
    create({
      privateKey: components.privateKey,
      peerId: components.peerId,
      peerStore: components.peerStore,
      connectionManager: components.connectionManager,
      logger: components.logger,
      registrar: gate.guard(components.registrar),
    }) as Gossip;
}

/** Only invalid messages count; every score is at most zero. */
const topicScore = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 5_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: REJECT_WEIGHT,
  invalidMessageDeliveriesDecay: 0.95,
};

type Held = { readonly stream: Stream; readonly deliver: () => void };

/** Our end of the gossip on a connection, before gossipsub takes it. */
type Own = { stream: Stream | null; isOpening: boolean };

/**
 * Stands where gossipsub expects libp2p's registrar. A peer is announced to gossipsub when it is admitted; its
 * gossip streams wait, unread, until then, so that nothing said in between is lost.
 *
 * Our own stream to it is opened here: gossipsub would open one after the other, everybody waiting for the
 * slowest, and none a second time.
 */
export class GossipGate {
  readonly #isAdmitted: (connection: Connection) => boolean;
  readonly #held = new Map<Connection, Held[]>();
  readonly #own = new Map<Connection, Own>();
  #topology: Topology | null = null;
  /** Best first, as gossipsub names them. */
  #protocols: readonly string[] = [];

  constructor(isAdmitted: (connection: Connection) => boolean) {
    this.#isAdmitted = isAdmitted;
  }

  guard(registrar: Registrar): Registrar {
    return {
      getProtocols: () => registrar.getProtocols(),
      getHandler: (protocol) => registrar.getHandler(protocol),
      getMiddleware: (protocol) => registrar.getMiddleware(protocol),
      use: (protocol, middleware) => registrar.use(protocol, middleware),
      unuse: (protocol) => registrar.unuse(protocol),
      unhandle: (protocol, options) => registrar.unhandle(protocol, options),
      handle: (protocol, handler, options) =>
        registrar.handle(protocol, this.#wait(handler), options),
      register: async (protocol, topology) => {
        this.#topology = topology;
        this.#protocols = [...this.#protocols, protocol];
        return protocol;
      },
      unregister: () => {
        this.#topology = null;
        this.#protocols = [];
      },
      // gossipsub asks for these only to announce direct peers, past the gate.
      getTopologies: () => [],
    };
  }

  /** The peer is admitted: gossip with it on this connection. Again: our stream was lost, or never came. */
  open(connection: Connection): void {
    const own = this.#ownOf(connection);
    for (const { deliver } of this.#held.get(connection) ?? []) deliver();
    this.#held.delete(connection);
    if (own.stream?.status === "open") this.#announce(connection);
    else if (!own.isOpening) void this.#openOwn(connection, own);
  }

  /** The connection is gone, whether it was ever used or not. */
  drop(connection: Connection): void {
    this.#held.delete(connection);
    this.#own.delete(connection);
  }

  /** The peer is gone, or about to go. */
  close(connection: Connection): void {
    this.drop(connection);
    this.#topology?.onDisconnect?.(connection.remotePeer);
  }

  #ownOf(connection: Connection): Own {
    const own = this.#own.get(connection) ?? { stream: null, isOpening: false };
    this.#own.set(connection, own);
    return own;
  }

  async #openOwn(connection: Connection, own: Own): Promise<void> {
    own.isOpening = true;
    try {
      const signal = AbortSignal.timeout(OPENING_MS);
      const stream = await connection.newStream([...this.#protocols], { signal });
      if (this.#own.get(connection) === own) {
        own.stream = stream;
        this.#announce(connection);
      } else stream.abort(new Error("its connection is not wanted any more"));
    } catch {
      // It is slow, or going, or gossips not at all: who looks after its stay asks again, or ends it.
    } finally {
      own.isOpening = false;
    }
  }

  #announce(connection: Connection): void {
    this.#topology?.onConnect?.(connection.remotePeer, this.#withOwnStream(connection));
  }

  /** The connection, but with no other gossip stream than ours, which is there or is not. */
  #withOwnStream(connection: Connection): Connection {
    const newStream: Connection["newStream"] = async () => {
      const own = this.#own.get(connection);
      const stream = own?.stream ?? null;
      if (own !== undefined) own.stream = null;
      // gossipsub would keep a closed one for the peer's, and never notice.
      if (stream?.status !== "open") throw new Error("the gossip stream is not open");
      return stream;
    };
    return Object.create(connection, { newStream: { value: newStream } }) as Connection;
  }

  #wait(handler: StreamHandler): StreamHandler {
    return (stream, connection) => {
      if (this.#isAdmitted(connection)) return handler(stream, this.#withOwnStream(connection));
      const held = this.#held.get(connection) ?? [];
      if (connection.status !== "open" || held.length >= HELD_MAX) {
        stream.abort(new Error("no gossip before the card"));
        return;
      }
      stream.pause();
      const deliver = (): void => {
        if (stream.status !== "open") return;
        void handler(stream, this.#withOwnStream(connection));
        stream.resume();
      };
      this.#held.set(connection, [...held, { stream, deliver }]);
    };
  }
}

/** Whether our end of the gossip with this neighbour stands. */
export function hasGossipStream(connection: Connection): boolean {
  return connection.streams.some(
    (stream) => stream.direction === "outbound" && stream.protocol.startsWith("/meshsub/"),
  );
}
