// The page's few pictures, drawn for it; they say nothing that a text beside them does not say.

import { svg } from "./dom.ts";

const PATHS = {
  home: "M3 11.5 12 4l9 7.5M5.5 9.8V20h13V9.8M10 20v-5.5h4V20",
  market: "M4 19V9m5.3 10V5m5.4 14v-7M20 19V8",
  ledger:
    "M6 4h11a1.5 1.5 0 0 1 1.5 1.5V20H7.5A1.5 1.5 0 0 1 6 18.5zM6 18.5A1.5 1.5 0 0 1 7.5 17h11M9.5 8h5.5M9.5 11.5h5.5",
  network:
    "M12 4.5a2 2 0 1 0 0 .01M5 17.5a2 2 0 1 0 0 .01M19 17.5a2 2 0 1 0 0 .01M11 6.5 6 15.6m7-9.1 5 9.1M7.2 17.6h9.6",
  devices: "M5 5h14v11H5zM9 20h6m-3-4v4M12.6 7.5 10 11h4l-2.6 3.5",
  operator:
    "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3.5v2.6m0 11.8v2.6M3.5 12h2.6m11.8 0h2.6M6 6l1.8 1.8m8.4 8.4L18 18M6 18l1.8-1.8m8.4-8.4L18 6",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.8v2m0 14.4v2M2.8 12h2m14.4 0h2M5.5 5.5l1.4 1.4m10.2 10.2 1.4 1.4M5.5 18.5l1.4-1.4m10.2-10.2 1.4-1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17zm0 0a8.5 8.5 0 0 1 0 17",
  check: "M5 12.5 10 17 19 7",
  warning: "M12 4 2.8 19.5h18.4zM12 10v4.5m0 2.3v.2",
  arrow: "M5 12h13m-5-5 5 5-5 5",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}
