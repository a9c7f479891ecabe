// The tables. Each migration runs once, in order, and is never edited after a release: add another.
//
// Space is what a Pi's card has least of, so members, PVs and listings are named once and numbered,
// and a transaction's bytes are stored once, packed with its block (blockBytes.ts). The tables below `block`
// are a projection of it, written from LedgerEvents and never by hand.
//
// What the ledger proves (blocks, registries) and what a signature proves (sign_log) needs no checksum. What
// only this home knows has one, row_checksum() over the row's other columns in their order: see checksum.ts.

/** "PVtr": tells our files from other SQLite files. */
export const APPLICATION_ID = 0x50567472;

/** A transaction's number is height x this + its place; more than a block may hold. */
export const NUMBERS_PER_BLOCK = 1024;

/** A transaction is found by so many of its id's first bits: what SQLite holds in four bytes. */
export const ID_HEAD_BITS = 31;

const CHAIN = `
-- Whose directory this is.
CREATE TABLE identity (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  community_id TEXT NOT NULL CHECK (length(community_id) = 64),
  member_id TEXT NOT NULL CHECK (length(member_id) > 0),
  checksum INTEGER NOT NULL
) STRICT;

-- The community's rules in their canonical bytes, whose SHA-256 is its id: with them the ledger can be
-- audited by itself.
CREATE TABLE community (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  rules BLOB NOT NULL CHECK (length(rules) > 0)
) STRICT;

-- Everyone who ever signed or joined: members, validators, the administrator.
CREATE TABLE card (
  card_no INTEGER PRIMARY KEY,
  member_id TEXT NOT NULL UNIQUE CHECK (length(member_id) > 0)
) STRICT;

CREATE TABLE block (
  height INTEGER PRIMARY KEY CHECK (height >= 1),
  time_ms INTEGER NOT NULL CHECK (time_ms > 0),
  proposer_no INTEGER NOT NULL REFERENCES card,
  -- The block's canonical bytes and its certificate's, each packed as blockBytes.ts says.
  packed BLOB NOT NULL CHECK (length(packed) > 4),
  certificate BLOB NOT NULL CHECK (length(certificate) > 4)
) STRICT;

-- Where a transaction stands, by the first ${ID_HEAD_BITS} bits of its id. Some begin alike, and a liar can see to
-- it: whoever looks one up reads its block and compares.
CREATE TABLE ledger_transaction (
  id_head INTEGER NOT NULL CHECK (id_head BETWEEN 0 AND ${2 ** ID_HEAD_BITS - 1}),
  transaction_no INTEGER NOT NULL CHECK (transaction_no >= ${NUMBERS_PER_BLOCK}),
  PRIMARY KEY (id_head, transaction_no)
) STRICT, WITHOUT ROWID;

-- What a snapshot names of blocks before it, with which this ledger begins: only the id is known.
CREATE TABLE earlier_transaction (
  transaction_no INTEGER PRIMARY KEY CHECK (transaction_no < 0),
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 32)
) STRICT;

-- The state's canonical bytes at a height. Kept are the last two; the last two that are snapshots, which have
-- beside them who voted on the block; and the one at the first block here, if that is not block 1.
CREATE TABLE checkpoint (
  height INTEGER PRIMARY KEY REFERENCES block,
  state BLOB NOT NULL,
  validators BLOB CHECK (length(validators) > 0)
) STRICT;
`;

const REGISTRIES = `
CREATE TABLE member (
  card_no INTEGER PRIMARY KEY REFERENCES card,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  -- null: it has no card yet.
  public_key BLOB CHECK (length(public_key) = 32),
  balance_micro_tokens INTEGER NOT NULL CHECK (balance_micro_tokens >= 0),
  reserved_micro_tokens INTEGER NOT NULL
    CHECK (reserved_micro_tokens BETWEEN 0 AND balance_micro_tokens),
  revoked INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  revoke_reason TEXT CHECK (revoke_reason IS NULL OR revoked = 1),
  -- Of its own last change of itself.
  sequence INTEGER NOT NULL CHECK (sequence >= 0)
) STRICT;

-- The blocks that gave a member a card: its certificate is in one of their transactions. In a ledger that begins
-- with a snapshot, what was given by then stands at the snapshot's height.
CREATE TABLE member_card (
  card_no INTEGER NOT NULL REFERENCES member,
  height INTEGER NOT NULL REFERENCES block,
  PRIMARY KEY (card_no, height)
) STRICT, WITHOUT ROWID;

CREATE TABLE pv (
  pv_no INTEGER PRIMARY KEY,
  pv_id TEXT NOT NULL UNIQUE,
  owner_no INTEGER NOT NULL REFERENCES member,
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  capacity_w INTEGER NOT NULL CHECK (capacity_w > 0),
  -- It left; its id stays its owner's.
  removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;

CREATE TABLE listing (
  listing_no INTEGER PRIMARY KEY,
  listing_id TEXT NOT NULL UNIQUE,
  delivery_start_ms INTEGER NOT NULL CHECK (delivery_start_ms >= 0),
  state TEXT NOT NULL CHECK (state IN ('CREATED', 'ACCEPT_OFFERS', 'AUCTION_CLOSED', 'VOID')),
  mcp_milli_tokens_per_kwh INTEGER CHECK (mcp_milli_tokens_per_kwh >= 0),
  result_hash BLOB CHECK (length(result_hash) = 32),
  finished INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
  CHECK ((result_hash IS NOT NULL) = (state = 'AUCTION_CLOSED')),
  CHECK (mcp_milli_tokens_per_kwh IS NULL OR state = 'AUCTION_CLOSED'),
  CHECK (finished = 0 OR state IN ('AUCTION_CLOSED', 'VOID'))
) STRICT;

CREATE TABLE posting (
  posting_no INTEGER PRIMARY KEY,
  height INTEGER NOT NULL REFERENCES block,
  card_no INTEGER NOT NULL REFERENCES member,
  amount_micro_tokens INTEGER NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('registration', 'grant', 'change', 'fill', 'snapshot')),
  listing_no INTEGER REFERENCES listing,
  CHECK ((reason = 'fill') = (listing_no IS NOT NULL))
) STRICT;
`;

const MARKET = `
-- The live offer of each PV and listing; earlier ones are in their blocks.
CREATE TABLE pv_offer (
  listing_no INTEGER NOT NULL REFERENCES listing,
  pv_no INTEGER NOT NULL REFERENCES pv,
  transaction_no INTEGER NOT NULL,
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
  reserve_price_milli_tokens_per_kwh INTEGER NOT NULL
    CHECK (reserve_price_milli_tokens_per_kwh >= 0),
  -- null: too few validators have said when they received it.
  stamp_time_ms INTEGER CHECK (stamp_time_ms >= 0),
  PRIMARY KEY (listing_no, pv_no)
) STRICT, WITHOUT ROWID;

-- The live bid of each member and listing.
CREATE TABLE buy_offer (
  listing_no INTEGER NOT NULL REFERENCES listing,
  card_no INTEGER NOT NULL REFERENCES member,
  transaction_no INTEGER NOT NULL,
  sequence INTEGER NOT NULL CHECK (sequence >= 0),
  energy_wh INTEGER NOT NULL CHECK (energy_wh >= 0),
  bid_price_milli_tokens_per_kwh INTEGER NOT NULL CHECK (bid_price_milli_tokens_per_kwh >= 0),
  stamp_time_ms INTEGER CHECK (stamp_time_ms >= 0),
  PRIMARY KEY (listing_no, card_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE fill (
  listing_no INTEGER NOT NULL REFERENCES listing,
  position INTEGER NOT NULL CHECK (position >= 0),
  seller_no INTEGER NOT NULL REFERENCES member,
  pv_no INTEGER NOT NULL REFERENCES pv,
  buyer_no INTEGER NOT NULL REFERENCES member,
  energy_wh INTEGER NOT NULL CHECK (energy_wh > 0),
  price_milli_tokens_per_kwh INTEGER NOT NULL CHECK (price_milli_tokens_per_kwh >= 0),
  PRIMARY KEY (listing_no, position),
  CHECK (buyer_no <> seller_no)
) STRICT, WITHOUT ROWID;

-- Where a home's reading of an hour is: its registers are in the transaction, and what the hour needs of
-- them in hour_statement.
CREATE TABLE meter_reading (
  listing_no INTEGER NOT NULL REFERENCES listing,
  card_no INTEGER NOT NULL REFERENCES member,
  transaction_no INTEGER NOT NULL,
  PRIMARY KEY (listing_no, card_no)
) STRICT, WITHOUT ROWID;

-- Sold and bought beside metered; metered null: no reading came in time.
CREATE TABLE hour_statement (
  listing_no INTEGER NOT NULL REFERENCES listing,
  card_no INTEGER NOT NULL REFERENCES member,
  sold_wh INTEGER NOT NULL CHECK (sold_wh >= 0),
  bought_wh INTEGER NOT NULL CHECK (bought_wh >= 0),
  metered_import_wh INTEGER CHECK (metered_import_wh >= 0),
  metered_export_wh INTEGER CHECK (metered_export_wh >= 0),
  PRIMARY KEY (listing_no, card_no)
) STRICT, WITHOUT ROWID;
`;

const SETS = `
-- Who came to vote (with which key) or ceased to (null) from a height on; at first vote those of the rules.
-- In a ledger that begins with a snapshot, what had changed by then stands at the height after it.
CREATE TABLE validator_change (
  from_height INTEGER NOT NULL CHECK (from_height >= 1),
  card_no INTEGER NOT NULL REFERENCES card,
  public_key BLOB CHECK (length(public_key) = 32),
  PRIMARY KEY (from_height, card_no)
) STRICT, WITHOUT ROWID;

-- The blocks that begin with a restart: its set votes on the block itself.
CREATE TABLE restart (
  height INTEGER PRIMARY KEY REFERENCES block
) STRICT;
`;

const EVIDENCE = `
-- Cards that signed two things where they may sign one. subject: "prevote 12/0", "receipt 17".
CREATE TABLE evidence (
  evidence_no INTEGER PRIMARY KEY,
  height INTEGER NOT NULL REFERENCES block,
  kind TEXT NOT NULL CHECK
    (kind IN ('doubleVote', 'doubleProposal', 'doubleReceipt', 'doublePvOffer', 'doubleBuyOffer')),
  offender_no INTEGER NOT NULL REFERENCES card,
  -- null: told by the snapshot with which this ledger begins, which does not say.
  reporter_no INTEGER REFERENCES card,
  subject TEXT NOT NULL CHECK (length(subject) > 0)
) STRICT;
`;

const HOME = `
-- What this home's card signed in the agreement: never two lines for one key.
CREATE TABLE sign_log (
  height INTEGER NOT NULL CHECK (height >= 1),
  round INTEGER NOT NULL CHECK (round >= 0),
  type TEXT NOT NULL CHECK (type IN ('proposal', 'prevote', 'precommit')),
  sign_bytes BLOB NOT NULL CHECK (length(sign_bytes) > 0),
  signature BLOB NOT NULL CHECK (length(signature) = 64),
  message BLOB NOT NULL,
  PRIMARY KEY (height, round, type)
) STRICT, WITHOUT ROWID;

-- Where the agreement stood when the last of them was signed, with lock and valid block.
CREATE TABLE consensus_state (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  durable BLOB NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;

-- The newest restart that this home was given. Nothing in sign_log above its height is of the chain before it.
CREATE TABLE given_restart (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  bytes BLOB NOT NULL CHECK (length(bytes) > 0),
  checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE own_transaction (
  own_no INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
  bytes BLOB NOT NULL CHECK (length(bytes) > 0),
  checksum INTEGER NOT NULL
) STRICT;

-- Counters at full minutes; null where no device could say.
CREATE TABLE register_sample (
  at_ms INTEGER PRIMARY KEY CHECK (at_ms >= 0),
  produced_wh INTEGER CHECK (produced_wh >= 0),
  imported_wh INTEGER CHECK (imported_wh >= 0),
  exported_wh INTEGER CHECK (exported_wh >= 0),
  checksum INTEGER NOT NULL
) STRICT;
`;

/** user_version n means that the first n have run. */
export const MIGRATIONS: readonly string[] = [CHAIN + REGISTRIES + MARKET + SETS + EVIDENCE + HOME];
