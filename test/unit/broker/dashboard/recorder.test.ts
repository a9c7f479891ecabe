// What is kept for those who open the page later.

import { expect, test } from "vitest";
import { createRecorder, DEVICES_MAX, HOMES_MAX } from "../../../../broker/dashboard/recorder.ts";

const MINUTE = 60_000;

function reading(minute: number, w: number | null): string {
  return JSON.stringify({ at: new Date(minute * MINUTE).toISOString(), power_w: w });
}

test("a day in means of five minutes, what is older in hours", () => {
  const recorder = createRecorder();
  const say = (minute: number, w: number | null) =>
    recorder.hear("pvtrading/a/device/roof/state", reading(minute, w));
  say(0, 100);
  say(1, 200);
  say(2, null);
  say(5, 400);
  expect(JSON.parse(recorder.history("a"))).toEqual({
    devices: [
      {
        device: "roof",
        samples: [
          [0, 150],
          [5 * MINUTE, 400],
        ],
      },
    ],
    hours: [],
  });
  for (let minute = 60; minute < 40 * 60; minute += 5) say(minute, minute);
  // A device's clock was set back.
  say(1, 9000);
  const { samples } = JSON.parse(recorder.history("a")).devices[0];
  // 40 hours: the newest 25 fine, hours 0 to 14 coarse; hour 0 is (100 + 200 + 400) / 3.
  expect(samples).toHaveLength(15 + 25 * 12);
  expect(samples[0]).toEqual([0, 233]);
  // 60, 65, ... 115
  expect(samples[1]).toEqual([60 * MINUTE, 88]);
  expect(samples[15]).toEqual([15 * 60 * MINUTE, 900]);
  expect(samples.at(-1)).toEqual([2395 * MINUTE, 2395]);
});

test("an hour that is told again replaces itself", () => {
  const recorder = createRecorder();
  const say = (sold: number) =>
    recorder.hear(
      "pvtrading/a/hour",
      JSON.stringify({ listingid: "21Mar18-13:00", sold_kwh: sold, bought_kwh: 0 }),
    );
  say(1);
  say(2);
  expect(JSON.parse(recorder.history("a")).hours).toEqual([["21Mar18-13:00", 2, 0, null, null]]);
});

test("nonsense is not kept, nor more homes and devices than there may be", () => {
  const recorder = createRecorder();
  recorder.hear("pvtrading/a/hour", "{");
  recorder.hear("pvtrading/a/hour", '{"listingid":5}');
  recorder.hear("elsewhere/a/hour", "{}");
  for (let i = 0; i < DEVICES_MAX + 3; i += 1) {
    recorder.hear(`pvtrading/a/device/d${i}/state`, reading(1, 5));
  }
  for (let i = 0; i < HOMES_MAX + 3; i += 1) {
    recorder.hear(`pvtrading/h${i}/device/d/state`, reading(1, 5));
  }
  expect(JSON.parse(recorder.history("a")).devices).toHaveLength(DEVICES_MAX);
  expect(recorder.history(`h${HOMES_MAX}`)).toBe("{}");
});

const days = (n: number) => n * 24 * 60;

test("a device that once said a time far off, later or earlier, is heard all the same", () => {
  for (const wrong of [days(40_000), days(1)]) {
    const recorder = createRecorder();
    const say = (minute: number, w: number) =>
      recorder.hear("pvtrading/a/device/roof/state", reading(minute, w));
    const start = days(20_000);
    say(start, 100);
    // Its clock was wrong for longer than the chart is: 27 hours.
    for (let minute = 0; minute < 27 * 60; minute += 5) say(wrong + minute, 7);
    for (let minute = 60; minute < 28 * 60; minute += 5) say(start + minute, minute);
    const { samples } = JSON.parse(recorder.history("a")).devices[0];
    const heard = new Map<number, number>(samples);
    expect(heard.get((start + 27 * 60) * MINUTE)).toBe(27 * 60);
    expect(heard.get((start + 10 * 60) * MINUTE)).toBe(600);
    const times = samples.map(([at]: [number]) => at);
    expect(times).toEqual([...new Set(times)].sort((a, b) => (a as number) - (b as number)));
    // What is kept is a record: the next page's server takes it back.
    const kept = JSON.parse(recorder.changed() ?? "null");
    expect(createRecorder(kept).history("a")).toBe(recorder.history("a"));
  }
});

test("a slot that is open after another clock's is kept with the mean of the last", () => {
  const recorder = createRecorder();
  const say = (minute: number, w: number) =>
    recorder.hear("pvtrading/a/device/roof/state", reading(minute, w));
  say(days(40_000), 500);
  say(days(20_000), 10);
  say(days(20_000) + 1, 20);
  const again = createRecorder(JSON.parse(recorder.changed() ?? "null"));
  again.hear("pvtrading/a/device/roof/state", reading(days(40_000) + 1, 300));
  expect(JSON.parse(again.history("a")).devices[0].samples).toEqual([
    [days(20_000) * MINUTE, 15],
    [days(40_000) * MINUTE, 400],
  ]);
});

test("numbers that JSON has and a record has not leave it as it was", () => {
  const recorder = createRecorder();
  recorder.hear("pvtrading/a/device/roof/state", reading(5, 100));
  const at = new Date(5 * MINUTE).toISOString();
  for (const w of ["1e999", "-1e999", "1e308", "-1e308", "2e9"]) {
    recorder.hear("pvtrading/a/device/roof/state", `{"at":"${at}","power_w":${w}}`);
  }
  // Before 1970.
  recorder.hear("pvtrading/a/device/roof/state", reading(-600, 100));
  recorder.hear("pvtrading/a/hour", '{"listingid":"x","sold_kwh":1e999,"bought_kwh":0}');
  recorder.hear(
    "pvtrading/a/hour",
    '{"listingid":"y","sold_kwh":1,"bought_kwh":0,"metered_import_kwh":-1e999}',
  );
  const kept = JSON.parse(recorder.changed() ?? "null");
  expect(JSON.parse(createRecorder(kept).history("a"))).toEqual({
    devices: [{ device: "roof", samples: [[5 * MINUTE, 100]] }],
    hours: [["y", 1, 0, null, null]],
  });
});
