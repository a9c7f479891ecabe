// The Network port on libp2p. This file only wires: house.ts says who is in, the other files carry messages.

import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { Connection, PeerId, PeerInfo } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { assert } from "../../core/assert.ts";
import type { MemberId } from "../../core/units/ids.ts";
import type {
  Log,
  Network,
  NetworkHandlers,
  NetworkRequest,
  Protocol,
  Reception,
  Topic,
} from "../../ports.ts";
import { type AdmissionParts, CARD_STREAMS_MAX, judgeCard, showCard } from "./admission.ts";
import { Dialler } from "./dialler.ts";
import { connectionGater } from "./gater.ts";
import { GossipGate, hasGossipStream, topicNames } from "./gossip.ts";
import { House } from "./house.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type Admitted, isAdmitted, type Neighbour } from "./neighbours.ts";
import { createNode, type Node, peerIdOfKey, peerOf, privateKeyOf } from "./node.ts";
import { PUSH_STREAMS_MAX, Pushes } from "./push.ts";
import { type Arrival, receive } from "./receiver.ts";
import { PROTOCOLS, Requests } from "./requests.ts";
import { SeenMessages, seenKey } from "./seen.ts";
import { Standing } from "./standing.ts";
import { Tally } from "./tally.ts";

export type VotingCard = { readonly memberId: MemberId; readonly publicKey: Uint8Array };

export type NetworkOptions = {
  /** Multiaddrs: /ip4/0.0.0.0/tcp/4001 */
  readonly listen: readonly string[];
  /** Multiaddrs, with or without /p2p/ID; dialled for ever. */
  readonly bootstrap: readonly string[];
  /** Look for neighbours of this community on the LAN. */
  readonly mdns: boolean;
  /** The card's Ed25519 seed, 32 bytes: the libp2p key is the card's key. */
  readonly seed: Uint8Array;
  /** Our card's certificate, DER, shown to neighbours. */
  readonly certificate: Uint8Array;
  /** Protocol ids and topics carry its first 8 hex digits. */
  readonly communityId: string;
  /** At the start; see `setValidators`. */
  readonly validators: readonly VotingCard[];
  readonly log: Log;
  readonly limits?: Partial<Limits>;
};

export type OpenNetwork = {
  /** `joined` and `peers` mean: card accepted and gossip running. A message may come just before `joined`. */
  readonly network: Network;
  /** Where we listen, each with our /p2p/ID. */
  readonly addresses: () => readonly string[];
  /** Counts since the start, and under `now.` what is at the moment. */
  readonly counters: () => Readonly<Record<string, number>>;
  /** Asks `admit` again about every neighbour; who is refused now is disconnected. */
  readonly recheck: () => void;
  /** There and back to each neighbour, ms, of the last minutes; who is new is left out until it was measured. */
  readonly roundTripsMs: () => ReadonlyMap<MemberId, number>;
  /**
   * Others vote now: these are dialled, let into a full house, and told consensus messages directly. Who
   * gossips to whom without a choice (gossipsub's direct peers) stays as at the start, for both ends must agree.
   */
  readonly setValidators: (validators: readonly VotingCard[]) => void;
  /** Answers what is asked with null, then hangs up. No handler is called afterwards. */
  readonly close: () => Promise<void>;
};

/** Listens at once; lets nobody in and dials nobody until `network.start`. */
export async function openNetwork(options: NetworkOptions): Promise<OpenNetwork> {
  const network = new P2pNetwork(options);
  await network.open();
  return {
    network,
    addresses: () => network.addresses(),
    counters: () => network.counters(),
    recheck: () => network.recheck(),
    roundTripsMs: () => network.roundTripsMs(),
    setValidators: (validators) => network.setValidators(validators),
    close: () => network.close(),
  };
}

const TICK_MS = 1_000;
const COMMUNITY_DIGITS = 8;
/** Streams libp2p lets through per connection; how many are answered is the limits' business. */
const REQUEST_STREAMS_SPARE = 8;

const VERDICTS: Readonly<Record<Reception, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

class P2pNetwork implements Network {
  readonly #options: NetworkOptions;
  readonly #limits: Limits;
  readonly #log: Log;
  readonly #community8: string;
  readonly #topics: Readonly<Record<Topic, string>>;
  #validators: ReadonlyMap<string, PeerId>;
  readonly #tally = new Tally();
  readonly #standing: Standing;
  readonly #seen: SeenMessages;
  readonly #house: House;
  readonly #gate: GossipGate;
  readonly #pushes: Pushes;
  readonly #requests: Requests;
  readonly #dialler: Dialler;
  readonly #admission: AdmissionParts;
  #node: Node | null = null;
  #handlers: NetworkHandlers | null = null;
  #isClosed = false;
  #tick: NodeJS.Timeout | null = null;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#log = options.log;
    this.#community8 = options.communityId.slice(0, COMMUNITY_DIGITS);
    this.#topics = topicNames(this.#community8);
    this.#validators = peersOf(options.validators);
    this.#standing = new Standing(this.#limits);
    this.#seen = new SeenMessages(this.#limits);
    this.#house = this.#newHouse();
    this.#gate = new GossipGate((connection) => {
      const neighbour = this.#house.neighbours.of(connection);
      return neighbour !== null && isAdmitted(neighbour);
    });
    this.#pushes = new Pushes({
      ...this.#shared(),
      protocol: this.#protocolName("push"),
      received: (from, message) => {
        this.#receive({ topic: "consensus", message, from, way: "push" });
      },
      malformed: (from) => this.#reject(from),
    });
    this.#requests = new Requests({
      ...this.#shared(),
      protocolName: (protocol) => this.#protocolName(protocol),
      handlers: () => this.#handlers,
    });
    this.#dialler = this.#newDialler();
    this.#admission = this.#newAdmission();
  }

  // ------------------------------------------------------------------------------------ lifetime

  async open(): Promise<void> {
    const { listen, bootstrap, mdns, seed } = this.#options;
    const privateKey = await privateKeyOf(seed);
    const own = peerIdOfKey(privateKey.publicKey.raw).toString();
    const others = [...this.#validators.values()].filter((peer) => peer.toString() !== own);
    const node = await createNode({
      listen,
      bootstrap,
      found: mdns ? (peer) => this.#found(peer) : null,
      privateKey,
      community8: this.#community8,
      limits: this.#limits,
      gater: connectionGater({
        limits: this.#limits,
        isOpen: () => this.#handlers !== null && !this.#isClosed,
        isDenied: (peer) => this.#standing.deniedFor(peer, now()) > 0,
        isValidator: (peer) => this.#validators.has(peer),
        isConnected: (peer) => this.#isConnected(peer),
        strangers: () => this.#house.neighbours.strangers,
        admitted: () => this.#house.neighbours.admitted,
        denied: () => this.#tally.count("connection.denied"),
      }),
      gossip: {
        topics: this.#topics,
        limits: this.#limits,
        directPeers: this.#validators.has(own) ? others : [],
        rejects: (peer) => this.#standing.rejects(peer, now()),
        gate: this.#gate,
      },
    });
    this.#node = node;
    this.#listen(node);
    await this.#serve(node);
  }

  start(handlers: NetworkHandlers): void {
    assert(this.#handlers === null && !this.#isClosed, "a network is started once");
    this.#handlers = handlers;
    const node = this.#started();
    for (const topic of Object.values(this.#topics)) node.services.gossip.subscribe(topic);
    for (const text of this.#options.bootstrap) {
      const address = multiaddr(text);
      const peer = peerOf(address);
      if (peer?.equals(node.peerId)) continue;
      this.#dialler.add({ peer, addresses: [address], isFound: false });
    }
    this.#dialValidators(node);
    this.#tick = setInterval(() => {
      this.#house.beat();
      this.#pushes.tick();
    }, TICK_MS);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#tick !== null) clearInterval(this.#tick);
    this.#dialler.stop();
    this.#requests.close();
    this.#house.close();
    await this.#node?.stop();
  }

  // ------------------------------------------------------------------------------------ the port

  publish(topic: Topic, message: Uint8Array): void {
    assert(message.length <= this.#limits.messageBytesMax, "a message must be within its limit");
    if (this.#isClosed) return;
    // A neighbour may push our own message back to us.
    this.#seen.remember(seenKey(topic, message), "accept", now());
    void this.#gossip(topic, message);
    if (topic !== "consensus") return;
    for (const key of this.#validators.keys()) {
      const validator = this.#house.neighbours.ofPeer(key);
      if (validator !== null && isAdmitted(validator)) this.#pushes.send(validator, message);
    }
  }

  request(request: NetworkRequest): void {
    this.#requests.ask(request, this.#house.neighbours.ofMember(request.to));
  }

  peers(): readonly MemberId[] {
    return this.#house.members();
  }

  addresses(): readonly string[] {
    return this.#started()
      .getMultiaddrs()
      .map((address) => address.toString());
  }

  counters(): Readonly<Record<string, number>> {
    const connections = this.#isClosed ? [] : this.#started().getConnections();
    return {
      ...this.#tally.snapshot(),
      "now.neighbours": this.#house.members().length,
      "now.strangers": this.#house.neighbours.strangers,
      "now.connections": connections.length,
      "now.streams": connections.reduce((sum, { streams }) => sum + streams.length, 0),
      "now.requests": this.#requests.pending,
      "now.seen": this.#seen.size,
      "now.targets": this.#dialler.targets,
    };
  }

  setValidators(validators: readonly VotingCard[]): void {
    this.#validators = peersOf(validators);
    if (this.#handlers !== null && !this.#isClosed) this.#dialValidators(this.#started());
  }

  recheck(): void {
    this.#house.recheck();
  }

  roundTripsMs(): ReadonlyMap<MemberId, number> {
    const trips = new Map<MemberId, number>();
    const { keepAlive } = this.#started().services;
    for (const member of this.#house.members()) {
      const neighbour = this.#house.neighbours.ofMember(member);
      const ms = neighbour === null ? null : keepAlive.roundTripMs(neighbour.connection);
      if (ms !== null) trips.set(member, ms);
    }
    return trips;
  }

  // ------------------------------------------------------------------------------------ messages

  #receive(arrival: Arrival): Reception {
    const handlers = this.#handlers;
    if (handlers === null || this.#isClosed || !this.#house.isCurrent(arrival.from)) {
      return "ignore";
    }
    const rejected = (from: Admitted): void => this.#reject(from);
    return receive(arrival, { ...this.#shared(), seen: this.#seen, handlers, rejected });
  }

  #reject(from: Admitted): void {
    if (!this.#standing.reject(from.key, now())) return;
    this.#tally.count("peer.expelled");
    this.#house.dismiss(from, "too many rejected messages");
  }

  async #gossip(topic: Topic, message: Uint8Array): Promise<void> {
    try {
      await this.#started().services.gossip.publish(this.#topics[topic], message);
      this.#tally.count(`gossip.out.${topic}`);
    } catch (error) {
      // Nobody there: whoever publishes says it again, or is asked for it.
      this.#tally.count("gossip.unheard");
      this.#log.debug("gossip unheard", { topic, error });
    }
  }

  // -------------------------------------------------------------------------------------- wiring

  #dialValidators({ peerId }: Node): void {
    for (const peer of this.#validators.values()) {
      if (!peer.equals(peerId)) this.#dialler.add({ peer, addresses: [], isFound: false });
    }
  }

  #listen(node: Node): void {
    const { gossip } = node.services;
    node.addEventListener("connection:open", ({ detail }) => this.#house.opened(detail));
    node.addEventListener("connection:close", ({ detail }) => {
      this.#gate.drop(detail);
      const neighbour = this.#house.neighbours.of(detail);
      if (neighbour !== null) this.#house.forget(neighbour);
    });
    gossip.addEventListener(
      "gossipsub:message",
      ({ detail: { msg, msgId, propagationSource } }) => {
        const source = propagationSource.toString();
        const from = this.#house.neighbours.ofPeer(source);
        const topic = this.#topicOf(msg.topic);
        // A copy: the original keeps the whole buffer it came in alive.
        const message = new Uint8Array(msg.data);
        const isOurs = from !== null && isAdmitted(from) && topic !== null;
        const reception = isOurs
          ? this.#receive({ topic, message, from, way: "gossip" })
          : "ignore";
        gossip.reportMessageValidationResult(msgId, source, VERDICTS[reception]);
      },
    );
  }

  async #serve(node: Node): Promise<void> {
    await node.handle(
      this.#admission.protocol,
      (stream, connection) => judgeCard(stream, connection, this.#admission),
      { maxInboundStreams: CARD_STREAMS_MAX },
    );
    await node.handle(
      this.#protocolName("push"),
      (stream, connection) => this.#pushes.serve(stream, connection),
      { maxInboundStreams: PUSH_STREAMS_MAX },
    );
    for (const protocol of PROTOCOLS) {
      await node.handle(
        this.#protocolName(protocol),
        (stream, connection) => this.#requests.serve(protocol, stream, connection),
        { maxInboundStreams: this.#limits.requestsInMax + REQUEST_STREAMS_SPARE },
      );
    }
  }

  #newHouse(): House {
    return new House({
      ...this.#shared(),
      standing: this.#standing,
      own: () => this.#started().peerId.toString(),
      judge: (certificate, publicKey) => this.#judge(certificate, publicKey),
      dialled: (neighbour) => void showCard(neighbour, this.#admission),
      admitted: ({ connection }) => this.#gate.open(connection),
      gossipAgain: (neighbour) => this.#gossipAgain(neighbour),
      isGossiping: (neighbour) => this.#isGossiping(neighbour),
      joined: (member) => this.#tell("joined", member),
      left: (member) => this.#tell("left", member),
      gone: (neighbour) => this.#gone(neighbour),
      unlearn: (peer) => void this.#unlearn(peer),
    });
  }

  #newDialler(): Dialler {
    return new Dialler({
      limits: this.#limits,
      own: () => this.#started().peerId.toString(),
      now,
      random: Math.random,
      dial: async (to) => (await this.#started().dial("type" in to ? to : [...to])).remotePeer,
      isConnected: (peer) => this.#isConnected(peer),
      deniedFor: (peer) => this.#standing.deniedFor(peer, now()),
      failed: () => this.#tally.count("dial.failed"),
    });
  }

  #newAdmission(): AdmissionParts {
    return {
      ...this.#shared(),
      protocol: this.#protocolName("card"),
      certificate: this.#options.certificate,
      admit: (certificate, publicKey) => this.#judge(certificate, publicKey),
      admitted: (neighbour, member, certificate) =>
        this.#house.admit(neighbour, member, certificate),
      refused: (neighbour) => {
        this.#tally.count("card.refused");
        this.#house.dismiss(neighbour, "card refused");
      },
      failed: (neighbour) => {
        if (!this.#house.isCurrent(neighbour)) return;
        this.#tally.count("card.malformed");
        this.#house.hangUp(neighbour, "no card exchanged");
      },
    };
  }

  #shared(): SharedParts {
    const neighbourOf = (connection: Connection): Neighbour | null =>
      this.#house.neighbours.of(connection);
    return { limits: this.#limits, tally: this.#tally, log: this.#log, now, neighbourOf };
  }

  // ------------------------------------------------------------------------------------- helpers

  #gone(neighbour: Neighbour): void {
    this.#gate.close(neighbour.connection);
    this.#pushes.drop(neighbour);
    this.#requests.drop(neighbour);
    this.#dialler.lost(neighbour.key, { wasNeighbour: neighbour.card !== null });
  }

  #found({ id, multiaddrs }: PeerInfo): void {
    if (this.#handlers === null || this.#isClosed || multiaddrs.length === 0) return;
    this.#dialler.add({ peer: id, addresses: multiaddrs, isFound: true });
  }

  #gossipAgain({ connection, key }: Admitted): void {
    const isOpen = this.#started().services.gossip.streamsOutbound.has(key);
    // Else it is the neighbour's own that is missing.
    if (!isOpen) this.#gate.open(connection);
  }

  #isGossiping({ connection, key }: Admitted): boolean {
    const { gossip } = this.#started().services;
    const isSubscribed = (topic: string): boolean =>
      gossip.getSubscribers(topic).some((peer) => peer.toString() === key);
    const isOpen = hasGossipStream(connection) && gossip.streamsOutbound.has(key);
    return isOpen && Object.values(this.#topics).every(isSubscribed);
  }

  #isConnected(peer: string): boolean {
    return this.#house.neighbours.ofPeer(peer) !== null;
  }

  #judge(certificate: Uint8Array, publicKey: Uint8Array): MemberId | null {
    try {
      return this.#handlers?.admit(certificate, publicKey) ?? null;
    } catch (error) {
      this.#threw("admit", error);
      return null;
    }
  }

  #tell(handler: "joined" | "left", member: MemberId): void {
    try {
      this.#handlers?.[handler](member);
    } catch (error) {
      this.#threw(handler, error);
    }
  }

  #threw(handler: string, error: unknown): void {
    this.#tally.count("handler.threw");
    this.#log.error("network handler threw", { handler, error });
  }

  async #unlearn(peer: PeerId): Promise<void> {
    try {
      await this.#started().peerStore.delete(peer);
    } catch (error) {
      this.#log.debug("stranger not in the address book", { peer: peer.toString(), error });
    }
  }

  #topicOf(name: string): Topic | null {
    if (name === this.#topics.consensus) return "consensus";
    return name === this.#topics.transaction ? "transaction" : null;
  }

  #protocolName(name: Protocol | "card" | "push"): string {
    return `/pvtrading/${this.#community8}/${name}/1`;
  }

  #started(): Node {
    assert(this.#node !== null, "the network is open");
    return this.#node;
  }
}

type SharedParts = {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly log: Log;
  readonly now: () => number;
  readonly neighbourOf: (connection: Connection) => Neighbour | null;
};

/** Monotonic ms. */
function now(): number {
  return performance.now();
}

function peersOf(validators: readonly VotingCard[]): ReadonlyMap<string, PeerId> {
  const peers = validators.map(({ publicKey }) => peerIdOfKey(publicKey));
  return new Map(peers.map((peer) => [peer.toString(), peer]));
}
