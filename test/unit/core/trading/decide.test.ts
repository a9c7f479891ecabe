import { describe, expect, it } from "vitest";
import { type Circumstances, decide } from "../../../../agent/core/trading/decide.ts";
import { watts, wh } from "../../../../agent/core/units/energy.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import { microTokens, milliTokensPerKwh } from "../../../../agent/core/units/money.ts";

const HOME: Circumstances = {
  forecast: { production: wh(3000), consumption: wh(500) },
  limits: {
    sell: { reservePrice: milliTokensPerKwh(2000), mostEnergy: wh(10_000) },
    buy: { bidPrice: milliTokensPerKwh(4000), mostEnergy: wh(10_000) },
  },
  pv: { pvId: pvId("seller1house"), capacity: watts(5000) },
  bidMax: wh(20_000),
  // 200 tokens
  freeBalance: microTokens(200_000_000n),
};
const flows = (production: number | null, consumption: number | null) => ({
  forecast: {
    production: production === null ? null : wh(production),
    consumption: consumption === null ? null : wh(consumption),
  },
});
const limits = (sell: number | null, buy: number | null): Circumstances["limits"] => ({
  sell: sell === null ? null : { reservePrice: milliTokensPerKwh(2000), mostEnergy: wh(sell) },
  buy: buy === null ? null : { bidPrice: milliTokensPerKwh(4000), mostEnergy: wh(buy) },
});

describe("decide", () => {
  it("sells the excess at the reserve price", () => {
    // 3000 - 500
    expect(decide(HOME)).toEqual({
      ...{ action: "sell", pvId: "seller1house", energy: 2500, reservePrice: 2000 },
      reason: "excess",
    });
  });

  it("bids for the deficit", () => {
    expect(decide({ ...HOME, ...flows(100, 900) })).toEqual({
      ...{ action: "buy", energy: 800, bidPrice: 4000, reason: "deficit" },
    });
  });

  it("does nothing when either side is unknown", () => {
    const unknown = { action: "none", reason: "forecastUnknown" };
    expect(decide({ ...HOME, ...flows(null, 500) })).toEqual(unknown);
    expect(decide({ ...HOME, ...flows(3000, null) })).toEqual(unknown);
  });

  it("does nothing below 50 Wh either way", () => {
    const little = { action: "none", reason: "tooLittle" };
    expect(decide({ ...HOME, ...flows(549, 500) })).toEqual(little);
    expect(decide({ ...HOME, ...flows(500, 549) })).toEqual(little);
    expect(decide({ ...HOME, ...flows(550, 500) })).toMatchObject({ action: "sell", energy: 50 });
    expect(decide({ ...HOME, ...flows(500, 550) })).toMatchObject({ action: "buy", energy: 50 });
  });

  it("caps a sale by the PV's capacity and by the home's limit", () => {
    expect(decide({ ...HOME, ...flows(6000, 500) })).toMatchObject({
      ...{ energy: 5000, reason: "cappedByCapacity" },
    });
    expect(decide({ ...HOME, limits: limits(1000, null) })).toMatchObject({
      ...{ energy: 1000, reason: "cappedByLimit" },
    });
    expect(decide({ ...HOME, limits: limits(49, null) })).toMatchObject({ reason: "tooLittle" });
  });

  it("caps a bid by the connection, the home's limit and the balance", () => {
    const deficit = flows(0, 30_000);
    expect(decide({ ...HOME, ...deficit, limits: limits(null, 50_000) })).toMatchObject({
      ...{ energy: 20_000, reason: "cappedByConnection" },
    });
    expect(decide({ ...HOME, ...deficit })).toMatchObject({
      ...{ energy: 10_000, reason: "cappedByLimit" },
    });
    // 3 tokens at 4 tokens/kWh: 3 000 000 uT / 4000 uT per Wh = 750 Wh.
    const poor = { ...HOME, ...deficit, freeBalance: microTokens(3_000_000n) };
    expect(decide(poor)).toMatchObject({ energy: 750, reason: "cappedByBalance" });
    // One uT less buys 749.99975 Wh: rounded down.
    expect(decide({ ...poor, freeBalance: microTokens(2_999_999n) })).toMatchObject({
      energy: 749,
    });
    // 50 Wh cost 200 000 uT.
    expect(decide({ ...poor, freeBalance: microTokens(199_999n) })).toEqual({
      ...{ action: "none", reason: "balanceTooLow" },
    });
    expect(decide({ ...poor, freeBalance: microTokens(-1n) })).toMatchObject({
      reason: "balanceTooLow",
    });
    expect(decide({ ...HOME, ...deficit, limits: limits(null, 49) })).toMatchObject({
      reason: "tooLittle",
    });
  });

  it("trades only what the home allows", () => {
    expect(decide({ ...HOME, limits: limits(null, 1000) })).toEqual({
      ...{ action: "none", reason: "sellingIsOff" },
    });
    expect(decide({ ...HOME, ...flows(0, 500), limits: limits(1000, null) })).toEqual({
      ...{ action: "none", reason: "buyingIsOff" },
    });
    const free = { sell: null, buy: { bidPrice: milliTokensPerKwh(0), mostEnergy: wh(1000) } };
    expect(decide({ ...HOME, ...flows(0, 500), limits: free })).toMatchObject({
      reason: "buyingIsOff",
    });
    expect(decide({ ...HOME, pv: null })).toEqual({ action: "none", reason: "noPv" });
  });
});
