// Devices: what each inverter and meter says, when it last said it, and what to do when it does not.

import type { DeviceView } from "../state/model.ts";
import { isKey, type Key } from "../text/translate.ts";
import { type Chart, createChart } from "../ui/chart.ts";
import { type Child, h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty } from "../ui/pieces.ts";
import { means } from "./powerChart.ts";

const DAY = 24 * 3_600_000;

type Shown = {
  readonly element: HTMLElement;
  readonly update: () => void;
  readonly close: () => void;
};

export function createDevicesView(page: Page): View {
  const { t } = page;
  const grid = h("div", { class: "grid" });
  const nothing = card(t("devices"), { wide: true }, empty(t("noDevices")));
  const shown = new Map<string, Shown>();
  const update = (): void => {
    const home = page.home();
    const devices = home === null ? [] : [...home.devices.values()];
    if (devices.length === 0) {
      if (shown.size === 0) grid.replaceChildren(nothing);
    } else nothing.remove();
    for (const { name } of devices) {
      const key = `${home?.name} ${name}`;
      if (shown.has(key)) continue;
      const one = deviceCard(page, () => page.home()?.devices.get(name) ?? null, name);
      shown.set(key, one);
      grid.append(one.element);
    }
    for (const one of shown.values()) one.update();
  };
  update();
  return {
    element: grid,
    update,
    close: () => {
      for (const one of shown.values()) one.close();
    },
  };
}

function deviceCard(page: Page, device: () => DeviceView | null, name: string): Shown {
  const { t, format } = page;
  const facts = part(
    h("div", {}),
    () => factsOf(device()),
    (value) => drawFacts(page, value),
  );
  let span: "day" | "month" = "day";
  const chart: Chart = createChart(page, {
    label: t("deviceChart", { device: name }),
    series: [{ label: t("power"), color: "--accent", kind: "area", say: format.power }],
    sayX: (x) => `${format.day(x)}, ${format.clock(x)}`,
    tickX: (x) => (span === "day" ? format.clock(x) : format.day(x)),
    tickY: format.power,
    xName: t("time"),
    isTime: true,
    height: 160,
    yLeast: [0, 200],
    empty: t("noReadings"),
  });
  const choices = (["day", "month"] as const).map((value) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === span),
        onclick: (event: Event) => {
          span = value;
          for (const one of choices)
            one.setAttribute("aria-pressed", String(one === event.currentTarget));
          update();
        },
      },
      t(value === "day" ? "spanDay" : "spanMonth"),
    ),
  );
  const update = (): void => {
    facts.update();
    const from = page.now() - (span === "day" ? DAY : 31 * DAY);
    const slots = means(device()?.samples ?? [], from);
    const xs = [...slots.keys()].sort((a, b) => a - b);
    chart.set([xs, xs.map((x) => slots.get(x) ?? null)]);
  };
  return {
    element: card(
      name.replaceAll("_", " "),
      {
        class: "device",
        aside: h("div", { class: "switch", role: "group", "aria-label": t("span") }, choices),
      },
      facts.element,
      chart.element,
    ),
    update,
    close: chart.close,
  };
}

function factsOf(device: DeviceView | null) {
  if (device === null) return null;
  const { state, isOnline, error } = device;
  return { state, isOnline, error };
}

function drawFacts({ t, format }: Page, facts: ReturnType<typeof factsOf>): Child {
  if (facts === null) return null;
  const { state, isOnline, error } = facts;
  const known: Key | null = error === null ? null : errorKey(error.code);
  const rows: (readonly [string, string])[] = [];
  if (state !== null) {
    const kWh = (value: number | null): string => (value === null ? "–" : format.kWh(value));
    if (state.kind === "inverter") rows.push([t("producedTotal"), kWh(state.energy_total_kwh)]);
    else {
      rows.push(
        [t("importTotal"), kWh(state.import_total_kwh)],
        [t("exportTotal"), kWh(state.export_total_kwh)],
      );
    }
    rows.push([t("source"), state.source], [t("lastReading"), lastReading(state.at, format)]);
  }
  const isInverter = state?.kind === "inverter";
  const word: Key =
    isOnline === false ? "deviceSilent" : isInverter ? `inverter_${state.state}` : "deviceAnswers";
  return [
    h(
      "p",
      { class: "deviceNow" },
      h(
        "span",
        { class: "value" },
        state === null || isOnline === false ? "–" : powerNow(state, format),
      ),
      " ",
      badge(
        t(word),
        isOnline === false || (isInverter && state.state === "fault")
          ? "bad"
          : isInverter && state.state !== "producing"
            ? "calm"
            : "good",
      ),
    ),
    state?.kind === "meter" && state.power_w !== null
      ? h("p", { class: "quiet" }, t(state.power_w >= 0 ? "meterImports" : "meterExports"))
      : null,
    error === null
      ? null
      : h(
          "div",
          { class: "notice" },
          h("p", {}, h("strong", {}, t("deviceTrouble"))),
          h("p", {}, known === null ? error.text : t(known)),
          known === null ? null : h("p", { class: "quiet" }, error.text),
        ),
    h(
      "dl",
      { class: "facts" },
      rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
  ];
}

function powerNow(state: NonNullable<DeviceView["state"]>, format: Page["format"]): string {
  const isAsleep = state.kind === "inverter" && state.state === "asleep";
  const w = state.power_w ?? (isAsleep ? 0 : null);
  return w === null ? "–" : format.power(w);
}

function lastReading(at: string, format: Page["format"]): string {
  const time = Date.parse(at);
  return Number.isNaN(time) ? "–" : format.dayAndClock(time);
}

function errorKey(code: string): Key | null {
  const key = `deviceError_${code}`;
  return isKey(key) ? key : null;
}
