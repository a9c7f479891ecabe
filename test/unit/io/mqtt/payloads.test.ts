// What a home says of the next hour and of its network, as numbers that people and schemas understand.

import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { wh } from "../../../../agent/core/units/energy.ts";
import { listingId, memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { forecastState, measuredState } from "../../../../agent/io/mqtt/payloads.ts";
import { TOPIC_SCHEMAS } from "../../../../broker/topicSchemas.ts";

const AT = unixMs(Date.parse("2018-03-21T16:01:00Z"));
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });

describe("a forecast", () => {
  const head = { type: "forecast", listingId: listingId("21Mar18-13:00") } as const;
  const isValid = ajv.compile(TOPIC_SCHEMAS.forecast);

  it("has its bands in kWh", () => {
    const state = forecastState(AT, {
      ...{ ...head, production: wh(1120), consumption: wh(640) },
      productionBand: { low: wh(800), high: wh(1400) },
      consumptionBand: { low: wh(0), high: wh(2005) },
    });
    expect(state).toEqual({
      ...{ at: "2018-03-21T16:01:00.000Z", listingid: "21Mar18-13:00" },
      ...{ production_kwh: 1.12, production_low_kwh: 0.8, production_high_kwh: 1.4 },
      ...{ consumption_kwh: 0.64, consumption_low_kwh: 0, consumption_high_kwh: 2.005 },
    });
    expect(isValid(state)).toBe(true);
  });

  it("says null for a band that is not known", () => {
    const state = forecastState(AT, { ...head, production: null, consumption: wh(640) });
    expect(state).toMatchObject({
      ...{ production_kwh: null, production_low_kwh: null, production_high_kwh: null },
      ...{ consumption_kwh: 0.64, consumption_low_kwh: null, consumption_high_kwh: null },
    });
    expect(isValid(state)).toBe(true);
  });
});

describe("what is measured", () => {
  it("is the clock's offset and the way to each neighbour, to a tenth of a millisecond", () => {
    const roundTripsMs = () =>
      new Map([
        [memberId("buyer1@vt.edu"), 1.2345],
        [memberId("buyer2@vt.edu"), 240],
      ]);
    expect(measuredState({ clockOffsetMs: () => -12.5, roundTripsMs })).toEqual({
      clock_offset_ms: -12.5,
      round_trip_ms: { "buyer1@vt.edu": 1.2, "buyer2@vt.edu": 240 },
    });
    expect(measuredState({ clockOffsetMs: () => null, roundTripsMs: () => new Map() })).toEqual({
      ...{ clock_offset_ms: null, round_trip_ms: {} },
    });
  });
});
