// The limits of the REST door, each with its reason. A home's agent runs on a small computer: whatever
// strangers do here, the market beside it must not notice.

/** Times in ms, sizes in bytes. A community's operator may change them; the defaults suit a Raspberry Pi. */
export type RestLimits = {
  /** A request's body. Composer's was 100 kB. */
  readonly bodyBytesMax: number;
  /** Brackets within brackets in a body. */
  readonly bodyDepthMax: number;
  /** Members of an array that is posted. */
  readonly itemsMax: number;
  /** Transactions that one GET looks at, the newest. */
  readonly rowsMax: number;
  /** The same of listings, which are three look-ups each: two weeks of hours. */
  readonly listingsMax: number;
  /** Blocks that one GET of transactions walks through, the newest. */
  readonly blocksMax: number;
  readonly headerBytesMax: number;
  /** A client that sends its headers drop by drop is cut off after this. */
  readonly headersWithinMs: number;
  /** The same for the whole request. */
  readonly requestWithinMs: number;
  /** A connection on which nothing happens is closed; longer than any answer takes. */
  readonly idleMs: number;
  /** An idle connection between two requests. */
  readonly keepAliveMs: number;
  /** TCP connections, WebSockets included. */
  readonly connectionsMax: number;
  /** More than `webSocketsMax`, so that a lecture hall behind one address can listen and ask. */
  readonly connectionsPerAddressMax: number;
  /** Requests of one token: so many at once, then so many a second. */
  readonly requestsBurstMax: number;
  readonly requestsPerSecondMax: number;
  /** Requests without a valid token, by address. */
  readonly strangersBurstMax: number;
  readonly strangersPerSecondMax: number;
  /** Tokens and addresses whose requests are counted; the one longest unheard of is forgotten first. */
  readonly countedMax: number;
  readonly webSocketsMax: number;
  /** A reader that has this much waiting is dropped. */
  readonly webSocketBufferBytesMax: number;
  /** What a client may send; nothing of it is read. */
  readonly webSocketFrameBytesMax: number;
  /** Frames, pings included, that a client may send from one of our pings to the next. */
  readonly webSocketFramesMax: number;
  /** Who has not answered one ping by the next is gone; its token is looked at again, too. */
  readonly pingEveryMs: number;
};

const KIB = 1024;
const SECOND = 1000;

export const DEFAULT_REST_LIMITS: RestLimits = {
  bodyBytesMax: 100 * KIB,
  bodyDepthMax: 32,
  itemsMax: 100,
  rowsMax: 1000,
  listingsMax: 336,
  blocksMax: 5000,
  headerBytesMax: 16 * KIB,
  headersWithinMs: 10 * SECOND,
  requestWithinMs: 30 * SECOND,
  idleMs: 120 * SECOND,
  keepAliveMs: 10 * SECOND,
  connectionsMax: 2048,
  connectionsPerAddressMax: 1280,
  requestsBurstMax: 2000,
  requestsPerSecondMax: 500,
  strangersBurstMax: 500,
  strangersPerSecondMax: 50,
  countedMax: 4096,
  webSocketsMax: 1024,
  webSocketBufferBytesMax: 64 * KIB,
  webSocketFrameBytesMax: 4 * KIB,
  webSocketFramesMax: 100,
  pingEveryMs: 15 * SECOND,
};
