// What the broker takes from others. Everything that a stranger, or a program gone wrong, can make grow
// has its end here.

export type BrokerLimits = {
  /** Connections at once, whether or not they have logged in yet. */
  readonly clientsMax: number;
  /** Of these from one address; connections from this machine are not counted. */
  readonly clientsPerAddressMax: number;
  /** New connections of one address within a minute; this machine's are not counted. */
  readonly connectionsPerMinuteMax: number;
  /** From the connection to its CONNECT, and a TLS or WebSocket handshake, ms. */
  readonly connectMsMax: number;
  /** The first packet, its will included: the only one that is kept for somebody unknown. */
  readonly connectBytesMax: number;
  readonly clientIdCharsMax: number;
  /** A greater packet is not even read, and its connection ends. */
  readonly packetBytesMax: number;
  /** Packets of one client that are worked on at once; the next ones are read when these are done. */
  readonly packetsAtOnceMax: number;
  /** A greater payload is not passed on; the connection stays. */
  readonly payloadBytesMax: number;
  readonly topicCharsMax: number;
  readonly topicLevelsMax: number;
  /** Of one client. */
  readonly subscriptionsMax: number;
  /** Home Assistant takes each topic by itself: some 16 of a home with three devices. */
  readonly subscriptionsOfHomeAssistantMax: number;
  /** Unsent to one client; what comes on top of it is left out for this client. */
  readonly queueBytesMax: number;
  /** A client that has not taken what waits for it within this time is dropped, ms. */
  readonly drainMsMax: number;
  readonly retainedMax: number;
  /** Of all retained topics and payloads. */
  readonly retainedBytesMax: number;
  /** The same of one home. An agent with its devices has some 60 topics; with 1000 fills its listing is 100 kB. */
  readonly retainedOfHomeMax: number;
  readonly retainedBytesOfHomeMax: number;
  /** Wrong passwords from one address within a minute; then it must wait for the next. */
  readonly loginFailuresPerMinuteMax: number;
  /** Logins that wait for the hashing of their password: one is hashed at a time. */
  readonly loginsWaitingMax: number;
  /** So often in a minute a client id may change hands; then who has it keeps it. */
  readonly takeoversPerMinuteMax: number;
};

/** Enough for a street of 100 homes with a few dashboards, on a Raspberry Pi. */
export const BROKER_LIMITS: BrokerLimits = {
  clientsMax: 300,
  clientsPerAddressMax: 30,
  connectionsPerMinuteMax: 120,
  connectMsMax: 10_000,
  connectBytesMax: 16_384,
  clientIdCharsMax: 128,
  packetBytesMax: 1_048_576,
  packetsAtOnceMax: 64,
  payloadBytesMax: 131_072,
  topicCharsMax: 256,
  topicLevelsMax: 10,
  subscriptionsMax: 200,
  subscriptionsOfHomeAssistantMax: 2000,
  queueBytesMax: 1_048_576,
  drainMsMax: 30_000,
  retainedMax: 20_000,
  retainedBytesMax: 16_777_216,
  retainedOfHomeMax: 200,
  retainedBytesOfHomeMax: 1_048_576,
  loginFailuresPerMinuteMax: 20,
  loginsWaitingMax: 100,
  takeoversPerMinuteMax: 5,
};
