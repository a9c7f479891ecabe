// Where the energy goes now: roof, house, neighbourhood, and what flows between them.

import type { Power } from "../views/derive.ts";
import { svg } from "./dom.ts";
import type { Page } from "./page.ts";

const [ROOF, HOUSE, STREET] = [
  { x: 100, y: 64 },
  { x: 320, y: 64 },
  { x: 540, y: 64 },
] as const;
const R = 46;
/** Less is shown as no flow. */
const FLOW_MIN_W = 5;
const FULL_W = 6000;
/** As the style sheet's animation. */
const FLOW_MS = 1400;

export function energyFlow({ t, format }: Page, power: Power): SVGSVGElement {
  const { production, use, grid, hasInverter, isAsleep } = power;
  const said = (w: number | null): string => (w === null ? "–" : format.power(Math.abs(w)));
  const gridWords =
    grid === null || Math.abs(grid) < FLOW_MIN_W ? "flowIdle" : grid > 0 ? "flowIn" : "flowOut";
  // Nobody has said anything yet: neither that there is a roof nor that there is none.
  const isUnknown = !hasInverter && use === null;
  return svg(
    "svg",
    { viewBox: "0 0 640 186", class: "flow", "aria-hidden": "true", focusable: "false" },
    hasInverter ? wire(ROOF, HOUSE, { w: production ?? 0, className: "sun" }) : null,
    wire(HOUSE, STREET, { w: -(grid ?? 0), className: (grid ?? 0) > 0 ? "in" : "out" }),
    hasInverter
      ? place(ROOF, {
          picture: isAsleep ? MOON : SUN,
          className: "sun",
          figure: said(production),
          words: isAsleep ? t("flowAsleep") : t("flowRoof"),
        })
      : place(ROOF, {
          picture: NO_SUN,
          className: "none",
          figure: isUnknown ? "–" : "",
          words: t(isUnknown ? "flowRoof" : "flowNoRoof"),
        }),
    place(HOUSE, { picture: HOME, className: "use", figure: said(use), words: t("flowHouse") }),
    place(STREET, {
      picture: NEIGHBOURS,
      className: (grid ?? 0) > 0 ? "in" : "out",
      figure: said(grid),
      words: t(gridWords),
    }),
  );
}

type Point = { readonly x: number; readonly y: number };

function place(
  { x, y }: Point,
  {
    picture,
    className,
    figure,
    words,
  }: {
    readonly picture: string;
    readonly className: string;
    readonly figure: string;
    readonly words: string;
  },
): SVGGElement {
  return svg(
    "g",
    { class: `place ${className}` },
    svg("circle", { cx: x, cy: y, r: R }),
    svg("path", { d: picture, transform: `translate(${x - 24} ${y - 24}) scale(2)` }),
    svg("text", { x, y: y + R + 34, class: "figure", "text-anchor": "middle" }, figure),
    svg(
      "text",
      { x, y: y + R + (figure === "" ? 34 : 62), class: "words", "text-anchor": "middle" },
      words,
    ),
  );
}

/** Thicker for more; positive flows from a to b. */
function wire(
  a: Point,
  b: Point,
  { w, className }: { readonly w: number; readonly className: string },
): SVGGElement {
  const isFlowing = Math.abs(w) >= FLOW_MIN_W;
  const width = isFlowing ? 3 + 7 * Math.min(1, Math.abs(w) / FULL_W) : 2;
  const [from, to] = w >= 0 ? [a, b] : [b, a];
  const side = from.x < to.x ? 1 : -1;
  const d = `M${from.x + side * (R + 10)} ${a.y}H${to.x - side * (R + 10)}`;
  return svg(
    "g",
    { class: `wire ${className} ${isFlowing ? "flowing" : ""}` },
    svg("path", { d, class: "track", "stroke-width": width }),
    isFlowing
      ? svg("path", { d, class: "moving", "stroke-width": width, style: inStep(FLOW_MS) })
      : null,
  );
}

/** What is drawn again goes on where it was. */
function inStep(everyMs: number): string {
  return `animation-delay: -${Math.round(performance.now() % everyMs)}ms`;
}

const SUN =
  "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1.8m0 14.4V21M3 12h1.8m14.4 0H21M5.6 5.6l1.3 1.3m10.2 10.2 1.3 1.3M5.6 18.4l1.3-1.3M17.1 6.9l1.3-1.3";
const MOON = "M18.5 14A7.2 7.2 0 0 1 10 5.5a7.2 7.2 0 1 0 8.5 8.5z";
const NO_SUN = "M3 12.5 12 5l9 7.5M6 10.5V19h12v-8.5";
const HOME = "M3 11.5 12 4l9 7.5M5.5 9.8V20h13V9.8M10 20v-5.5h4V20";
const NEIGHBOURS =
  "M2 13 7 8.6 12 13M3.5 12V19h7v-7M12 13l5-4.4L22 13m-8.5-1v7h7v-7M9.5 6.2 12 4l2.5 2.2";
