import { describe, expect, it } from "vitest";
import { compareStamps, stampOf } from "../../../../agent/core/ledger/stamp.ts";
import type { TransactionId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const stamp = (time: number, digit: string) =>
  stampOf(unixMs(time), digit.repeat(64) as TransactionId);

describe("stamp", () => {
  it("orders by block time, then by id", () => {
    const stamps = [stamp(2, "0"), stamp(1, "b"), stamp(1, "a"), stamp(10, "0")];
    expect(stamps.sort(compareStamps).map(({ time, transactionId: [d] }) => `${time}${d}`)).toEqual(
      ["1a", "1b", "20", "100"],
    );
  });

  it("is zero only for the same transaction", () => {
    expect(compareStamps(stamp(1, "a"), stamp(1, "a"))).toBe(0);
    expect(compareStamps(stamp(1, "a"), stamp(1, "b"))).toBeLessThan(0);
    expect(compareStamps(stamp(1, "b"), stamp(1, "a"))).toBeGreaterThan(0);
  });
});
