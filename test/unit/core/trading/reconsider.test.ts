import { describe, expect, it } from "vitest";
import type { Decision } from "../../../../agent/core/trading/decide.ts";
import { reconsider } from "../../../../agent/core/trading/reconsider.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import { milliTokensPerKwh } from "../../../../agent/core/units/money.ts";

const price = milliTokensPerKwh(3000);
const sell = (energy: number): Decision => ({
  ...{
    action: "sell",
    pvId: pvId("pv1"),
    energy: wh(energy),
    reservePrice: price,
    reason: "excess",
  },
});
const buy = (energy: number): Decision => ({
  ...{ action: "buy", energy: wh(energy), bidPrice: price, reason: "deficit" },
});
const SELLING = { action: "sell", energy: wh(1000) } as const;
const BUYING = { action: "buy", energy: wh(1000) } as const;

describe("reconsider", () => {
  it("lowers an offer by more than 20 % only", () => {
    expect(reconsider(SELLING, sell(800))).toBe("keep");
    expect(reconsider(SELLING, sell(799))).toBe("replace");
  });

  it("never raises an offer: its place in the queue is worth more", () => {
    expect(reconsider(SELLING, sell(5000))).toBe("keep");
  });

  it("changes a bid both ways", () => {
    expect(reconsider(BUYING, buy(1200))).toBe("keep");
    expect(reconsider(BUYING, buy(1201))).toBe("replace");
    expect(reconsider(BUYING, buy(799))).toBe("replace");
  });

  it("withdraws when the side changes or nothing is left", () => {
    expect(reconsider(SELLING, buy(500))).toBe("withdraw");
    expect(reconsider(BUYING, sell(500))).toBe("withdraw");
    expect(reconsider(SELLING, { action: "none", reason: "tooLittle" })).toBe("withdraw");
  });

  it("keeps what stands when the device went silent meanwhile", () => {
    expect(reconsider(SELLING, { action: "none", reason: "forecastUnknown" })).toBe("keep");
  });
});
