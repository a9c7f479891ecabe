// Every bound of the network room in one place. Bytes, counts and milliseconds (names say which).

export type Limits = {
  /** One gossiped or pushed message. A proposal carries a block of 128 KiB, so there is headroom. */
  readonly messageBytesMax: number;
  /** One gossipsub RPC: a message and the control data that rides on it. */
  readonly rpcBytesMax: number;
  readonly certificateBytesMax: number;
  readonly requestBytesMax: number;
  /** One answer, and all answers on their way to one neighbour. Blocks come in batches. */
  readonly responseBytesMax: number;
  /** Answers on their way to all neighbours together; beyond it a request stays unanswered. */
  readonly responsesPendingBytesMax: number;

  /** Admitted neighbours. Validators are let in beyond it. */
  readonly neighboursMax: number;
  /** Connections that have not shown a card yet. */
  readonly strangersMax: number;
  /** New connections a second from one host: homes behind one router share it. */
  readonly connectionsPerSecondMax: number;

  /** A stranger shows an acceptable card in this time or is disconnected. */
  readonly admissionMs: number;
  /** How often `admit` is asked again about those who are in. */
  readonly recheckMs: number;
  /** From the request to the last byte of the answer. */
  readonly requestMs: number;

  /** Requests under way to one neighbour; more are answered null at once. */
  readonly requestsOutMax: number;
  /** Requests of one neighbour being answered. */
  readonly requestsInMax: number;
  readonly requestsPerSecondMax: number;
  readonly requestsBurstMax: number;
  /** Messages of one neighbour, gossiped and pushed; more are ignored. */
  readonly messagesPerSecondMax: number;
  readonly messagesBurstMax: number;

  /** What waits for one slow validator; the oldest goes first. */
  readonly pushFramesMax: number;
  readonly pushBytesMax: number;
  /** A push stream that has not moved for so long is reset. */
  readonly pushStallMs: number;
  /** gossipsub's buffer for one slow neighbour; beyond it the stream is reset. */
  readonly gossipBufferBytesMax: number;

  /** So many rejected messages (forgiven one by one) cost the connection. */
  readonly rejectsMax: number;
  readonly rejectForgivenMs: number;

  /** First denial of a peer; each further one doubles, up to the longest. */
  readonly denialFirstMs: number;
  readonly denialMaxMs: number;
  /** Peers remembered as denied or rejected. */
  readonly deniedMax: number;

  readonly dialTimeoutMs: number;
  /** The pause between dials is a quarter of the time since the loss, within these. */
  readonly dialPauseMinMs: number;
  readonly dialPauseMaxMs: number;
  /** Addresses tried for ever: bootstrap, validators, neighbours found by mDNS. */
  readonly dialTargetsMax: number;
  /** A connection is asked before it has been silent for so long; one that is silent for twice as long is ended. */
  readonly pingMs: number;

  /** Messages remembered, so that the handler sees one that came by push and gossip once. */
  readonly seenMax: number;
  readonly seenMs: number;
  /** An ignored message may be said again soon: it may have come too early. */
  readonly ignoredMs: number;
};

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 192 * KIB,
  rpcBytesMax: 256 * KIB,
  certificateBytesMax: 4 * KIB,
  requestBytesMax: 64 * KIB,
  responseBytesMax: 6 * MIB,
  responsesPendingBytesMax: 16 * MIB,

  neighboursMax: 64,
  strangersMax: 32,
  connectionsPerSecondMax: 64,

  admissionMs: 10_000,
  recheckMs: 60_000,
  requestMs: 10_000,

  requestsOutMax: 8,
  requestsInMax: 8,
  requestsPerSecondMax: 32,
  requestsBurstMax: 64,
  messagesPerSecondMax: 2_000,
  messagesBurstMax: 4_000,

  pushFramesMax: 256,
  pushBytesMax: 2 * MIB,
  pushStallMs: 5_000,
  gossipBufferBytesMax: 4 * MIB,

  rejectsMax: 8,
  rejectForgivenMs: 10_000,

  denialFirstMs: 5_000,
  denialMaxMs: 600_000,
  deniedMax: 1_024,

  dialTimeoutMs: 5_000,
  dialPauseMinMs: 200,
  dialPauseMaxMs: 10_000,
  dialTargetsMax: 128,
  pingMs: 5_000,

  seenMax: 16_384,
  seenMs: 120_000,
  ignoredMs: 1_000,
};
