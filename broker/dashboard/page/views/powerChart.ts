// What the roof made and the house used, of the last day: each device's readings on one axis of time; and for the
// next hour what is expected, with the band in which it will probably be.

import type { DeviceView, HomeView, PowerSample } from "../state/model.ts";
import { type Chart, type ChartSeries, createChart } from "../ui/chart.ts";
import type { Page } from "../ui/page.ts";
import { expectedHours, withExpected } from "./forecastBand.ts";

const DAY = 24 * 3_600_000;
/** Readings of two devices belong together within this, market time. */
const SLOT = 5 * 60_000;

export function powerChart(page: Page): {
  readonly element: HTMLElement;
  readonly set: (home: HomeView) => void;
  readonly close: () => void;
} {
  const { t, format, store } = page;
  const edge = (label: string, color: string): ChartSeries => ({
    ...{ label, color, kind: "line", say: format.power, isEdge: true },
  });
  const chart: Chart = createChart(page, {
    label: t("powerChart"),
    series: [
      { label: t("made"), color: "--sun", kind: "area", say: format.power },
      { label: t("used"), color: "--use", kind: "line", say: format.power },
      {
        ...{ label: t("willMake"), color: "--sun", kind: "line", say: format.power },
        isDashed: true,
      },
      {
        ...{ label: t("willUse"), color: "--use", kind: "line", say: format.power },
        isDashed: true,
      },
      ...[edge(t("willMake"), "--sun"), edge(t("willMake"), "--sun")],
      ...[edge(t("willUse"), "--use"), edge(t("willUse"), "--use")],
    ],
    bands: [
      { low: 4, high: 5 },
      { low: 6, high: 7 },
    ],
    sayX: (x) => `${format.day(x)}, ${format.clock(x)}`,
    tickX: format.clock,
    tickY: (y) => format.power(y),
    xName: t("time"),
    isTime: true,
    yLeast: [0, 500],
    empty: t("noReadings"),
  });
  return {
    element: chart.element,
    set: (home) => {
      const readings = powerSeries([...home.devices.values()], page.now() - DAY);
      const { timeZone } = store.state;
      // What is over has readings; what is expected of an hour is told until then.
      const hours = expectedHours(home, { from: page.now(), timeZone });
      chart.set(withExpected(readings, hours, SLOT));
    },
    close: chart.close,
  };
}

/** x, made, used: W, means of slots. null where a device did not say. */
export function powerSeries(
  devices: readonly DeviceView[],
  from: number,
): readonly [readonly number[], readonly (number | null)[], readonly (number | null)[]] {
  const inverters = devices.filter(({ state }) => state?.kind === "inverter");
  const meters = devices.filter(({ state }) => state?.kind === "meter");
  const made = added(inverters, from);
  const grid = added(meters, from);
  const slots = [...new Set([...made.keys(), ...grid.keys()])].sort((a, b) => a - b);
  return [
    slots,
    slots.map((slot) => made.get(slot) ?? null),
    slots.map((slot) => {
      const net = grid.get(slot);
      if (net === undefined) return null;
      // A home without an inverter uses what it takes.
      const own = inverters.length === 0 ? 0 : made.get(slot);
      return own === undefined ? null : Math.max(0, own + net);
    }),
  ];
}

function added(devices: readonly DeviceView[], from: number): Map<number, number> {
  const total = new Map<number, number>();
  const count = new Map<number, number>();
  for (const { samples } of devices) {
    for (const [slot, mean] of means(samples, from)) {
      total.set(slot, (total.get(slot) ?? 0) + mean);
      count.set(slot, (count.get(slot) ?? 0) + 1);
    }
  }
  // Half of the inverters say too little about the roof.
  for (const [slot, devicesKnown] of count) if (devicesKnown < devices.length) total.delete(slot);
  return total;
}

export function means(samples: readonly PowerSample[], from: number): Map<number, number> {
  const slots = new Map<number, { sum: number; count: number }>();
  for (const { at, w } of samples) {
    if (at < from || w === null) continue;
    const slot = Math.floor(at / SLOT) * SLOT;
    const known = slots.get(slot) ?? { sum: 0, count: 0 };
    slots.set(slot, { sum: known.sum + w, count: known.count + 1 });
  }
  return new Map([...slots].map(([slot, { sum, count }]) => [slot, sum / count]));
}
