// Who sold to whom: sellers at the left, buyers at the right, each band as wide as its energy.

import type { Fill } from "../state/model.ts";
import { nameOf } from "../views/derive.ts";
import { h, svg } from "./dom.ts";
import type { Page } from "./page.ts";

/** A phone's is drawn narrower, so that its letters stay as large. */
const WIDE = { width: 640, side: 150, letters: 17 };
const NARROW = { width: 400, side: 112, letters: 11 };
const GAP = 14;
const ROOM = 200;
const COLOURS = 6;

export function fillFlow({ store: { state }, t, format }: Page, all: readonly Fill[]): HTMLElement {
  const fills = folded(folded(all, "seller"), "buyer");
  const called = (id: string): string => (id === OTHERS ? t("otherHomes") : nameOf(state, id));
  const { width: across, side, letters } = matchMedia("(max-width: 760px)").matches ? NARROW : WIDE;
  const [left, right] = [side, across - side];
  const sellers = nodes(fills, "seller");
  const buyers = nodes(fills, "buyer");
  const height = Math.max(sellers.height, buyers.height) + 24;
  const [used, got] = [new Map<string, number>(), new Map<string, number>()];
  const total = sumKwh(fills);
  const scale = total === 0 ? 0 : ROOM / total;
  const bands = fills.map(({ seller, buyer, kWh, price }) => {
    const width = kWh * scale;
    const y1 = (sellers.tops.get(seller) ?? 0) + (used.get(seller) ?? 0) + width / 2;
    const y2 = (buyers.tops.get(buyer) ?? 0) + (got.get(buyer) ?? 0) + width / 2;
    used.set(seller, (used.get(seller) ?? 0) + width);
    got.set(buyer, (got.get(buyer) ?? 0) + width);
    const middle = (left + right) / 2;
    const words = `${called(seller)} → ${called(buyer)}: ${format.kWh(kWh)}, ${format.tokens(kWh * price)} ${t("tokens")}`;
    const colour = [...sellers.tops.keys()].indexOf(seller) % COLOURS;
    return svg(
      "path",
      {
        d: `M${left + 8} ${y1}C${middle} ${y1} ${middle} ${y2} ${right - 8} ${y2}`,
        class: `band c${colour}`,
        "stroke-width": Math.max(1.5, width),
      },
      svg("title", {}, words),
    );
  });
  const label =
    (at: "left" | "right") =>
    ([id, top]: readonly [string, number]) => {
      const own = fills.filter((fill) => (at === "left" ? fill.seller : fill.buyer) === id);
      const kWh = sumKwh(own);
      const middle = top + (kWh * scale) / 2;
      const isLeft = at === "left";
      const x = isLeft ? left - 6 : right + 6;
      const anchor = isLeft ? "end" : "start";
      return svg(
        "g",
        {},
        svg("rect", {
          x: isLeft ? left : right - 8,
          y: top,
          width: 8,
          height: Math.max(2, kWh * scale),
          rx: 2,
          class: "node",
        }),
        svg(
          "text",
          { x, y: middle - 1, "text-anchor": anchor, class: "who" },
          short(called(id), letters),
        ),
        svg("text", { x, y: middle + 15, "text-anchor": anchor, class: "much" }, format.kWh(kWh)),
      );
    };
  return h(
    "div",
    { class: "fills" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${across} ${height}`,
        class: "fillFlow",
        "aria-hidden": "true",
        focusable: "false",
      },
      bands,
      [...sellers.tops].map(label("left")),
      [...buyers.tops].map(label("right")),
    ),
  );
}

/** No member's id: those have an @. */
const OTHERS = "";
const NODES_MAX = 12;

/** The largest by themselves, and the others together. */
function folded(fills: readonly Fill[], side: "seller" | "buyer"): readonly Fill[] {
  const totals = new Map<string, number>();
  for (const fill of fills) totals.set(fill[side], (totals.get(fill[side]) ?? 0) + fill.kWh);
  if (totals.size <= NODES_MAX) return fills;
  const largest = [...totals].sort((a, b) => b[1] - a[1]).slice(0, NODES_MAX - 1);
  const own = new Set(largest.map(([id]) => id));
  const others = fills.filter((fill) => !own.has(fill[side]));
  return [
    ...fills.filter((fill) => own.has(fill[side])),
    ...others.map((fill) => ({ ...fill, [side]: OTHERS })),
  ];
}

/** Beside the band there is room for so many; the table below has all of it. */
function short(name: string, letters: number): string {
  const all = [...name];
  return all.length > letters ? `${all.slice(0, letters - 1).join("")}…` : name;
}

type Nodes = { readonly tops: ReadonlyMap<string, number>; readonly height: number };

function nodes(fills: readonly Fill[], side: "seller" | "buyer"): Nodes {
  const scale = ROOM / Math.max(0.001, sumKwh(fills));
  const tops = new Map<string, number>();
  let y = 12;
  for (const id of new Set(fills.map((fill) => fill[side]))) {
    tops.set(id, y);
    const own = sumKwh(fills.filter((fill) => fill[side] === id)) * scale;
    // Two lines of text beside each.
    y += Math.max(own, 30) + GAP;
  }
  return { tops, height: y };
}

function sumKwh(fills: readonly Fill[]): number {
  return fills.reduce((sum, { kWh }) => sum + kWh, 0);
}
