// A chart with uPlot: its colours from the style sheet, its figures as a table for those who cannot see it or want
// the numbers.

import type uPlot from "uplot";
import { h } from "./dom.ts";
import type { Page } from "./page.ts";

export type ChartSeries = {
  readonly label: string;
  /** A custom property of the style sheet: --sun */
  readonly color: string;
  readonly kind: "bars" | "line" | "area" | "steps";
  /** Also drawn: what is expected beside what was. */
  readonly isDashed?: boolean;
  /** An edge of a band: without line, legend and column of the table. */
  readonly isEdge?: boolean;
  /** As the table and the pointer's line say it. */
  readonly say: (value: number) => string;
};

export type ChartOptions = {
  /** What it shows, in a sentence for screen readers. */
  readonly label: string;
  readonly series: readonly ChartSeries[];
  /** Shaded from one series to another, by their places from 0. */
  readonly bands?: readonly { readonly low: number; readonly high: number }[];
  /** Unix ms or plain numbers. */
  readonly sayX: (x: number) => string;
  readonly tickX: (x: number) => string;
  readonly tickY: (y: number) => string;
  /** What `tickY` leaves out. */
  readonly unitY?: string;
  readonly xName: string;
  readonly isTime: boolean;
  /** One value for each hour: no times in between. Bars always are. */
  readonly isHourly?: boolean;
  readonly height?: number;
  /** The axis reaches at least from here to there. */
  readonly yLeast?: readonly [number, number];
  readonly empty: string;
};

/** x, then the values of each series. */
export type ChartData = readonly [readonly number[], ...(readonly (number | null)[])[]];

export type Chart = {
  readonly element: HTMLElement;
  readonly set: (data: ChartData) => void;
  readonly close: () => void;
};

const HEIGHT = 220;
const TABLE_ROWS_MAX = 100;

export function createChart(page: Page, options: ChartOptions): Chart {
  const { series, label, empty } = options;
  const plot = h("div", { class: "plot", role: "img", "aria-label": label });
  const pointed = h("span", { class: "pointed", "aria-hidden": "true" });
  const legend = h(
    "div",
    { class: "legend" },
    series
      .filter(isShown)
      .map((one) =>
        h(
          "span",
          { class: `key ${one.isDashed === true ? "dashed" : ""}` },
          swatch(one.color),
          one.label,
        ),
      ),
    options.unitY === undefined ? null : h("span", { class: "unit" }, options.unitY),
    pointed,
  );
  const body = h("div", {
    class: "tableScroll",
    tabindex: "0",
    role: "region",
    "aria-label": label,
  });
  const figures = h("details", { class: "figures" }, h("summary", {}, page.t("asTable")), body);
  const nothing = h("p", { class: "empty" }, empty);
  const element = h("figure", { class: "chart isEmpty" }, legend, plot, nothing, figures);
  let data: ChartData = [[]];
  let drawn = "";
  let chart: uPlot | null = null;
  let isClosed = false;
  let isLoading = false;

  const show = (): void => {
    const isEmpty = data[0].length === 0;
    element.classList.toggle("isEmpty", isEmpty);
    if (isEmpty) return;
    if (chart !== null) chart.setData(mutable(data));
    else if (!isLoading) {
      isLoading = true;
      void load();
    }
    if (figures.open) body.replaceChildren(table(options, data));
  };
  const load = async (): Promise<void> => {
    let UPlot: typeof uPlot;
    try {
      ({ default: UPlot } = await import("uplot"));
    } catch {
      // The page's server is away; the next figures ask again.
      isLoading = false;
      return;
    }
    if (isClosed) return;
    const width = plot.clientWidth > 0 ? plot.clientWidth : 600;
    chart = new UPlot(
      plotOptions({ ...{ UPlot, options, plot, width } }, (text) => {
        pointed.textContent = text;
      }),
      mutable(data),
      plot,
    );
    watcher.observe(plot);
  };
  const watcher = new ResizeObserver(() => {
    const width = plot.clientWidth;
    if (width > 0) chart?.setSize({ width, height: options.height ?? HEIGHT });
  });
  figures.addEventListener("toggle", () => {
    if (figures.open) body.replaceChildren(table(options, data));
  });
  return {
    element,
    set: (next) => {
      const key = JSON.stringify(next);
      if (key === drawn) return;
      drawn = key;
      data = next;
      show();
    },
    close: () => {
      isClosed = true;
      watcher.disconnect();
      chart?.destroy();
    },
  };
}

type Plotting = {
  readonly UPlot: typeof uPlot;
  readonly options: ChartOptions;
  readonly plot: HTMLElement;
  readonly width: number;
};

function plotOptions(
  { UPlot, options, plot, width }: Plotting,
  point: (text: string) => void,
): uPlot.Options {
  const { series, bands = [], sayX, tickX, tickY, yLeast, height = HEIGHT, isTime } = options;
  const { paths } = UPlot;
  const hasBars = series.some(({ kind }) => kind === "bars");
  const isHourly = hasBars || options.isHourly === true;
  const [ink, line] = [colorOf(plot, "--muted"), colorOf(plot, "--line")];
  const font = "12px system-ui, sans-serif";
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return {
    ...{ width, height, legend: { show: false }, ms: 1, padding: [10, 22, 0, 0] },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: false, range: (u) => xRange(u.data[0], { isTime, isHourly }) },
      y: { range: (_u, min, max) => yRange(min, max, yLeast) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        ...(isTime
          ? {
              splits: ({ width: now }, _i, min, max) =>
                timeSplits(min, max, { width: now, isHourly }),
            }
          : {}),
        values: (_u, splits) => unrepeated(splits.map(tickX)),
      },
      { ...axis, size: 54, values: (_u, splits) => splits.map(tickY) },
    ],
    series: [
      {},
      ...series.map(({ label, color, kind, isDashed, isEdge }): uPlot.Series => {
        const stroke = colorOf(plot, color);
        if (isEdge === true) return { label, width: 0, points: { show: false } };
        const fill = translucent(stroke, kind === "bars" ? 0.85 : 0.16);
        const shape =
          kind === "bars"
            ? { paths: paths.bars?.({ size: [0.72, 28], radius: 0.15 }) ?? null, width: 0, fill }
            : kind === "steps"
              ? { paths: paths.stepped?.({ align: 1 }) ?? null, width: 2, fill }
              : { width: 2, ...(kind === "area" ? { fill } : {}) };
        return {
          ...{ label, stroke, points: { show: isDashed === true ? false : pointsOf(kind) } },
          ...(isDashed === true ? { dash: [5, 5] } : {}),
          ...shape,
        } as uPlot.Series;
      }),
    ],
    bands: bands.map(({ low, high }) => ({
      series: [high + 1, low + 1],
      fill: translucent(colorOf(plot, series[high]?.color ?? "--muted"), 0.28),
    })),
    hooks: {
      setCursor: [
        ({ cursor: { idx }, data }) => {
          const x = idx === null || idx === undefined ? undefined : data[0][idx];
          if (x === undefined || idx === null || idx === undefined) return point("");
          const values = series.flatMap((one, i) => {
            const { label, say } = one;
            if (!isShown(one)) return [];
            const value = data[i + 1]?.[idx];
            return value === null || value === undefined ? [] : [`${label} ${say(value)}`];
          });
          point([sayX(x), ...values].join(" · "));
        },
      ],
    },
  };
}

/** One value alone has neither a line nor an area. */
function pointsOf(kind: ChartSeries["kind"]): uPlot.Series.Points.Show | undefined {
  return kind === "line" ? undefined : ({ data }) => kind === "area" && data[0].length === 1;
}

const HOUR = 3_600_000;

/** A day whose name stands there already needs it no second time. */
function unrepeated(labels: readonly string[]): string[] {
  return labels.map((label, i) => (label === labels[i - 1] ? "" : label));
}

/** One hour alone would be no wider than a hair, and the bars at the ends half of the others. */
function xRange(
  xs: ArrayLike<number>,
  { isTime, isHourly }: { readonly isTime: boolean; readonly isHourly: boolean },
): [number, number] {
  // uPlot's own ends reach back to 1970 where there is one value.
  const [min, max] = [xs[0] ?? 0, xs[xs.length - 1] ?? 0];
  if (!isTime) return [min, max > min ? max : min + 1];
  const room = max > min ? (isHourly ? HOUR * 0.6 : 0) : 3 * HOUR;
  return [min - room, max + room];
}

function yRange(
  min: number | null,
  max: number | null,
  least: readonly [number, number] = [0, 0.001],
): [number, number] {
  const [low, high] = [Math.min(min ?? 0, least[0]), Math.max(max ?? 0, least[1])];
  const room = (high - low) * 0.08;
  return [low < 0 ? low - room : low, high + room];
}

const STEPS_H = [0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168];

/** At whole hours of the wall, as far as the zone's offset is one of whole hours. */
function timeSplits(
  min: number,
  max: number,
  { width, isHourly }: { readonly width: number; readonly isHourly: boolean },
): number[] {
  const most = Math.max(2, Math.floor(width / 70));
  const steps = STEPS_H.filter((hours) => !isHourly || hours >= 1);
  const step = (steps.find((hours) => (max - min) / (hours * HOUR) <= most) ?? 336) * HOUR;
  const splits: number[] = [];
  for (let at = Math.ceil(min / step) * step; at <= max; at += step) splits.push(at);
  return splits;
}

/** What a custom property stands for here and now: light or dark. */
function colorOf(element: Element, property: string): string {
  const probe = h("span", { style: `color: var(${property})` });
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function translucent(rgb: string, alpha: number): string {
  const [r = 0, g = 0, b = 0] = rgb.match(/[\d.]+/g) ?? [];
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

function swatch(color: string): HTMLElement {
  return h("i", { class: "swatch", style: `--swatch: var(${color})`, "aria-hidden": "true" });
}

function isShown({ isEdge }: ChartSeries): boolean {
  return isEdge !== true;
}

function table({ xName, series, sayX }: ChartOptions, [xs, ...values]: ChartData): HTMLElement {
  const rows = xs.map((x, i) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, sayX(x)),
      series.map((one, s) => {
        const value = values[s]?.[i];
        if (!isShown(one)) return null;
        const { say } = one;
        return h(
          "td",
          { class: "number" },
          value === null || value === undefined ? "–" : say(value),
        );
      }),
    ),
  );
  return h(
    "table",
    {},
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, xName),
        series
          .filter(isShown)
          .map(({ label }) => h("th", { scope: "col", class: "number" }, label)),
      ),
    ),
    h("tbody", {}, rows.slice(-TABLE_ROWS_MAX).reverse()),
  );
}

function mutable(data: ChartData): uPlot.AlignedData {
  return data as unknown as uPlot.AlignedData;
}
