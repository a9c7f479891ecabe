import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BLOCK_TIME_MAX,
  deliveryStartOf,
  isTimeZone,
  listingIdAt,
  listingTimes,
} from "../../../../agent/core/ledger/calendar.ts";
import { PAPER_TIMELINE } from "../../../../agent/core/ledger/rules.ts";
import { listingId } from "../../../../agent/core/units/ids.ts";
import { HOUR_MS, unixMs } from "../../../../agent/core/units/time.ts";
import { at, ZONE } from "../../../support/ledger.ts";

const ids = (from: string, count: number, zone: string) =>
  Array.from({ length: count }, (_, i) => listingIdAt(unixMs(at(from) + i * HOUR_MS), zone));
const start = (id: string, zone: string) => {
  const found = deliveryStartOf(listingId(id), zone);
  return found.ok ? new Date(found.value).toISOString() : found.refusal;
};

describe("calendar", () => {
  it("writes the paper's id", () => {
    // 13:00 in Virginia on 21 March 2018 is daylight time, UTC-4.
    expect(listingIdAt(at("2018-03-21T17:00:00Z"), ZONE)).toBe("21Mar18-13:00");
    expect(start("21Mar18-13:00", ZONE)).toBe("2018-03-21T17:00:00.000Z");
  });

  it("names all months in English", () => {
    const months = Array.from({ length: 12 }, (_, i) => {
      const month = (i + 1).toString().padStart(2, "0");
      return listingIdAt(at(`2024-${month}-29T00:00:00Z`), "Etc/UTC").slice(2, 5);
    });
    expect(months.join(" ")).toBe("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec");
  });

  it("has no listing for the skipped hour of 11 March 2018", () => {
    expect(ids("2018-03-11T05:00:00Z", 4, ZONE)).toEqual([
      "11Mar18-00:00",
      "11Mar18-01:00",
      "11Mar18-03:00",
      "11Mar18-04:00",
    ]);
    expect(start("11Mar18-02:00", ZONE)).toEqual({
      code: "notAnHour",
      listingId: "11Mar18-02:00",
    });
  });

  it("has two listings for the repeated hour of 4 November 2018, the second with its offset", () => {
    expect(ids("2018-11-04T04:00:00Z", 4, ZONE)).toEqual([
      "04Nov18-00:00",
      "04Nov18-01:00",
      "04Nov18-01:00-05:00",
      "04Nov18-02:00",
    ]);
    expect(start("04Nov18-01:00", ZONE)).toBe("2018-11-04T05:00:00.000Z");
    expect(start("04Nov18-01:00-05:00", ZONE)).toBe("2018-11-04T06:00:00.000Z");
  });

  it("gives one id to an hour: an offset that is not needed is refused", () => {
    expect(start("04Nov18-01:00-04:00", ZONE)).toMatchObject({ code: "notAnHour" });
    expect(start("21Mar18-13:00-04:00", ZONE)).toMatchObject({ code: "notAnHour" });
  });

  it("two repeated hours have offsets where the clock goes back by two", () => {
    // Troll goes from UTC+2 to UTC+0 at 01:00Z on 28 October 2018.
    expect(ids("2018-10-27T23:00:00Z", 4, "Antarctica/Troll")).toEqual([
      "28Oct18-01:00",
      "28Oct18-02:00",
      "28Oct18-01:00+00:00",
      "28Oct18-02:00+00:00",
    ]);
  });

  it("follows zones with half hours: delivery stays a whole UTC hour", () => {
    expect(listingIdAt(at("2018-03-21T08:00:00Z"), "Asia/Kolkata")).toBe("21Mar18-13:30");
    expect(start("21Mar18-13:30", "Asia/Kolkata")).toBe("2018-03-21T08:00:00.000Z");
    expect(start("21Mar18-13:00", "Asia/Kolkata")).toMatchObject({ code: "notAnHour" });
    expect(start("21Mar18-13:30", ZONE)).toMatchObject({ code: "notAnHour" });
  });

  it.each(["31Feb18-10:00", "29Feb18-10:00", "00Mar18-10:00", "21Abc18-13:00", "21Mar18-24:00"])(
    "refuses %s, which is no hour of any day",
    (id) => {
      expect(start(id, ZONE)).toMatchObject({ code: "notAnHour" });
    },
  );

  it("finds each hour of this century again by its id, each id once", () => {
    const zones = [ZONE, "Europe/London", "Australia/Lord_Howe", "Antarctica/Troll"].concat([
      ...["Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca"],
      ...["Pacific/Kiritimati", "Etc/GMT+12", "America/Caracas", "Pacific/Chatham"],
    ]);
    const first = at("2000-01-02T00:00:00Z") / HOUR_MS;
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: first, max: Math.floor(BLOCK_TIME_MAX / HOUR_MS) }),
        (zone, hour) => {
          const time = unixMs(hour * HOUR_MS);
          const id = listingIdAt(time, zone);
          expect(deliveryStartOf(id, zone)).toEqual({ ok: true, value: time });
        },
      ),
    );
  });

  it("derives the listing's times from its hour", () => {
    const times = listingTimes({ timeline: PAPER_TIMELINE }, at("2018-03-21T17:00:00Z"));
    expect(times).toEqual({
      openAt: at("2018-03-21T16:01:00Z"),
      cutoffAt: at("2018-03-21T16:59:00Z"),
      receiptsBy: at("2018-03-21T16:59:05Z"),
      sealFrom: at("2018-03-21T16:59:15Z"),
      closeBy: at("2018-03-21T17:00:00Z"),
      deliveryEnd: at("2018-03-21T18:00:00Z"),
      readingsBy: at("2018-03-21T18:15:00Z"),
    });
  });

  it("tells a zone from a typing error", () => {
    expect(isTimeZone("America/New_York")).toBe(true);
    expect(isTimeZone("America/NewYork")).toBe(false);
  });
});
