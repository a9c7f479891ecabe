import { describe, expect, it } from "vitest";
import { household } from "../../../../agent/core/metering/household.ts";
import { wh } from "../../../../agent/core/units/energy.ts";

const home = (produced: number, imported: number, exported: number) =>
  household({ produced: wh(produced), imported: wh(imported), exported: wh(exported) });

describe("household", () => {
  it("is production plus import minus export", () => {
    // Noon: 3000 made, 1800 fed in, 50 drawn in between: 1250 used, 1750 left over.
    expect(home(3000, 50, 1800)).toEqual({ consumed: 1250, excess: 1750, isClamped: false });
  });

  it("is the import at night, a deficit", () => {
    expect(home(0, 400, 0)).toEqual({ consumed: 400, excess: -400, isClamped: false });
  });

  it("is never negative, and says when registers made it so", () => {
    expect(home(100, 0, 103)).toEqual({ consumed: 0, excess: 100, isClamped: true });
    expect(home(100, 0, 100)).toEqual({ consumed: 0, excess: 100, isClamped: false });
  });
});
