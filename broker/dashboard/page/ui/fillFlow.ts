// Who sold to whom: sellers at the left, buyers at the right, each band as wide as its energy.

import type { Fill, Neighbourhood } from "../state/model.ts";
import { nameOf } from "../views/derive.ts";
import { h, svg } from "./dom.ts";
import type { Page } from "./page.ts";

const WIDTH = 640;
const [LEFT, RIGHT] = [150, WIDTH - 150];
const GAP = 14;
const ROOM = 200;
const COLOURS = 6;

export function fillFlow(
  { store: { state }, t, format }: Page,
  fills: readonly Fill[],
): HTMLElement {
  const sellers = nodes(state, fills, "seller");
  const buyers = nodes(state, fills, "buyer");
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
    const middle = (LEFT + RIGHT) / 2;
    const words = `${nameOf(state, seller)} → ${nameOf(state, buyer)}: ${format.kWh(kWh)}, ${format.tokens(kWh * price)} ${t("tokens")}`;
    const colour = [...sellers.tops.keys()].indexOf(seller) % COLOURS;
    return svg(
      "path",
      {
        d: `M${LEFT + 8} ${y1}C${middle} ${y1} ${middle} ${y2} ${RIGHT - 8} ${y2}`,
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
      const x = isLeft ? LEFT - 6 : RIGHT + 6;
      const anchor = isLeft ? "end" : "start";
      return svg(
        "g",
        {},
        svg("rect", {
          x: isLeft ? LEFT : RIGHT - 8,
          y: top,
          width: 8,
          height: Math.max(2, kWh * scale),
          rx: 2,
          class: "node",
        }),
        svg("text", { x, y: middle - 1, "text-anchor": anchor, class: "who" }, nameOf(state, id)),
        svg("text", { x, y: middle + 15, "text-anchor": anchor, class: "much" }, format.kWh(kWh)),
      );
    };
  return h(
    "div",
    { class: "fills" },
    svg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${height}`,
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

type Nodes = { readonly tops: ReadonlyMap<string, number>; readonly height: number };

function nodes(_state: Neighbourhood, fills: readonly Fill[], side: "seller" | "buyer"): Nodes {
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
