// The limits of the page's server: a small computer serves a household's few browsers.

/** Times in ms, sizes in bytes. */
export type PageLimits = {
  /** A browser opens six; a household has a dozen of them. */
  readonly connectionsMax: number;
  readonly headerBytesMax: number;
  readonly headersWithinMs: number;
  readonly requestWithinMs: number;
  readonly keepAliveMs: number;
  readonly urlLengthMax: number;
};

export const DEFAULT_PAGE_LIMITS: PageLimits = {
  connectionsMax: 256,
  headerBytesMax: 8 * 1024,
  headersWithinMs: 5000,
  requestWithinMs: 10_000,
  keepAliveMs: 5000,
  urlLengthMax: 1024,
};
