// The laboratory's timeline: what happened on the market, in lines for people.

import { integerToDecimal } from "../core/units/decimal.ts";
import type { LabEvent } from "./record.ts";

/** "09:59:00" in the community's zone. */
export function marketClock(at: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{ timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  });
  return format.format(at);
}

/** Wh as kWh: 2500 is "2.5". */
export function kwhText(energy: number): string {
  return integerToDecimal(energy, 3);
}

/** Milli-tokens per kWh as tokens. */
export function priceText(price: number): string {
  return integerToDecimal(price, 3);
}

/** "seller1" of seller1@vt.edu: everyone in the laboratory is at vt.edu. */
export function shortName(memberId: string): string {
  return memberId.replace(/@vt\.edu$/, "");
}

/** Lines for one event of the ledger; none for what other lines already say. */
export function timelineLines(event: LabEvent): readonly string[] {
  switch (event.type) {
    case "memberRegistered":
      return [`${event.member.memberId} joined with ${moneyText(event.member.balance)} tokens`];
    case "memberRevoked":
      return [`${event.memberId} revoked: ${event.reason}`];
    case "identityBound":
      return [`${event.memberId} has a new card`];
    case "memberChanged":
      return [`${event.memberId} is ${event.firstName} ${event.lastName}`];
    case "validatorsChanged": {
      const joined = event.added.map(({ memberId }) => `+ ${shortName(memberId)}`);
      const left = event.removed.map((memberId) => `- ${shortName(memberId)}`);
      const who = [...joined, ...left].join(", ") || "the same";
      return [`from block ${event.fromHeight} on vote: ${who}`];
    }
    case "pvRegistered": {
      const { pvId, owner, capacity } = event.pv;
      return [`PV ${pvId} of ${shortName(owner)} joined, ${kwhText(capacity)} kW`];
    }
    case "pvRemoved":
      return [`PV ${event.pvId} left`];
    case "acceptOfferBroadcast":
      return [`${event.listingId}  open for offers`];
    case "pvOfferPlaced": {
      const { memberId, energy, reservePrice } = event.offer;
      const what = `${kwhText(energy)} kWh from ${priceText(reservePrice)} tokens/kWh`;
      return [`${event.listingId}  ${shortName(memberId)} offers ${what}`];
    }
    case "buyOfferPlaced": {
      const { memberId, energy, bidPrice } = event.bid;
      const what = `${kwhText(energy)} kWh at ${priceText(bidPrice)} tokens/kWh`;
      return [`${event.listingId}  ${shortName(memberId)} bids for ${what}`];
    }
    case "biddingClosed":
      return closingLines(event);
    case "listingVoided":
      return [`${event.listingId}  VOID: not closed in time, nobody trades`];
    case "listingFinished":
      return [`${event.listingId}  delivered and metered:`, ...event.statements.map(statementLine)];
    case "evidence": {
      const { kind, offender, subject, reporter } = event;
      const shownBy = reporter === null ? "the ledger" : shortName(reporter);
      return [`${offender} signed twice, as ${shownBy} shows: ${kind}, ${subject}`];
    }
    case "listingCreated":
    case "offerStamped":
    case "meterRead":
    case "posted":
    case "balanceChanged":
      return [];
  }
}

function closingLines({
  listingId,
  mcp,
  fills,
}: Extract<LabEvent, { type: "biddingClosed" }>): readonly string[] {
  if (mcp === null) return [`${listingId}  closed without a bid`];
  const sold = fills.reduce((sum, fill) => sum + fill.energy, 0);
  return [
    `${listingId}  closed: MCP ${priceText(mcp)} tokens/kWh, ${kwhText(sold)} kWh sold`,
    ...fills.map(({ seller, buyer, energy, price }) => {
      // mT/kWh x Wh is micro-tokens.
      const cost = moneyText(String(BigInt(price) * BigInt(energy)));
      const who = `${shortName(seller)} -> ${shortName(buyer)}`;
      return `    ${who}: ${kwhText(energy)} kWh for ${cost} tokens`;
    }),
  ];
}

function statementLine(
  statement: Extract<LabEvent, { type: "listingFinished" }>["statements"][number],
): string {
  const { memberId, sold, bought, meteredExport, meteredImport } = statement;
  const metered = (energy: number | null) => (energy === null ? "not metered" : kwhText(energy));
  const agreed = `sold ${kwhText(sold)}, bought ${kwhText(bought)}`;
  const seen = `exported ${metered(meteredExport)}, imported ${metered(meteredImport)}`;
  return `    ${shortName(memberId)}: ${agreed}; ${seen} kWh`;
}

function moneyText(microTokens: string): string {
  return integerToDecimal(BigInt(microTokens), 6);
}

/** "balances: seller1 202.7, buyer1 197.3"; micro-tokens by member. */
export function balancesLine(balances: ReadonlyMap<string, string>): string {
  const all = [...balances].sort().map(([id, balance]) => `${shortName(id)} ${moneyText(balance)}`);
  return `balances: ${all.join(", ")}`;
}
