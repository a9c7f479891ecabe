// What the home says on the ledger by itself: who it is, what it offers, what its meter saw.
// Looks each minute and whenever the ledger changed; what is under way is the outbox's affair.

import { assert } from "../core/assert.ts";
import type { LedgerEvent } from "../core/ledger/event.ts";
import type { Rules } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { Payload } from "../core/ledger/transaction.ts";
import type { TradingLimits } from "../core/trading/limits.ts";
import type { Watts } from "../core/units/energy.ts";
import type { ListingId, PvId } from "../core/units/ids.ts";
import type { Cancel, Clock, Intent, Log, Publisher, Signer } from "../ports.ts";
import type { MeterLoop } from "./meter.ts";
import { createOffers } from "./tradeOffers.ts";
import { createReadings } from "./tradeReadings.ts";
import { createRegistration } from "./tradeRegistration.ts";

export type TradeDependencies = {
  readonly rules: Rules;
  readonly signer: Pick<Signer, "memberId" | "certificate">;
  /** As the member is registered. */
  readonly member: { readonly firstName: string; readonly lastName: string };
  readonly pv: { readonly pvId: PvId; readonly capacity: Watts } | null;
  readonly limits: TradingLimits;
  /** False: somebody else puts the member and its PV on the ledger. */
  readonly registersItself: boolean;
  readonly meter: Pick<
    MeterLoop,
    "history" | "hour" | "closedUntil" | "meterSource" | "readsProduction"
  >;
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly log: Log;
  /** The newest committed state. */
  readonly ledger: () => LedgerState;
  /** Signs, keeps and sends; `purpose` is outbox.ts's `purposeOf(payload)`. */
  readonly submit: (purpose: string, payload: Payload) => void;
  /** Whether something was submitted for this purpose and is neither on the ledger nor refused. */
  readonly isPending: (purpose: string) => boolean;
  /** Whether an offer or bid of ours for this listing is under way, whoever made it. */
  readonly isOffering: (listingId: ListingId) => boolean;
  /** The next number that this card has not signed; null for what has none. */
  readonly freeNumber: (intent: Intent) => number | null;
  /** Whether the ledger at hand shows what this home has offered already. */
  readonly mayOffer: () => boolean;
};

export type TradeLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  /** After each block, with what it changed. */
  readonly ledgerChanged: (events: readonly LedgerEvent[]) => void;
};

/** Events after which there may be something to say before the next full minute. */
const AWAITED: ReadonlySet<LedgerEvent["type"]> = new Set([
  "memberRegistered",
  "pvRegistered",
  "acceptOfferBroadcast",
]);

export function createTradeLoop(dependencies: TradeDependencies): TradeLoop {
  const { rules, limits, clock, ledger } = dependencies;
  const register = createRegistration(dependencies);
  const offer = createOffers(dependencies);
  const read = createReadings(dependencies);
  // In the paper's laboratory people offer by hand.
  const isAutomatic = rules.schedule !== "manual" || limits.auto === true;
  let cancelBeat: Cancel | null = null;

  function look(): void {
    const state = ledger();
    const now = clock.now();
    if (dependencies.registersItself) register(state, now);
    if (isAutomatic && dependencies.mayOffer()) offer(state, now);
    read(state, now);
  }

  return {
    start: () => {
      assert(cancelBeat === null, "a trade loop is started once");
      cancelBeat = clock.everyMinute(look);
      look();
    },
    stop: () => {
      cancelBeat?.();
      cancelBeat = null;
    },
    ledgerChanged: (events) => {
      if (cancelBeat !== null && events.some(({ type }) => AWAITED.has(type))) look();
    },
  };
}
