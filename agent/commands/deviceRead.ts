// `device read`: asks each configured device once and says what it answered, so that wiring and settings can
// be tried without trading.

import { formatProblem, readConfig } from "../config.ts";
import type { Result } from "../core/result.ts";
import { createDevices, DEVICE_LIMITS, type DeviceEntry } from "../io/devices/createDevices.ts";
import { FroniusHost } from "../io/devices/fronius/froniusHost.ts";
import type { SensorReading } from "../io/devices/fronius/sensor.ts";
import { openLog } from "../log.ts";
import { plain } from "../plain.ts";
import type { Device, DeviceReading, DeviceRefusal } from "../ports.ts";

export type Said = { readonly code: number; readonly lines: readonly string[] };

/** Exit code: 0 all answered, 1 one did not, 2 wrong configuration. Lines for people, or JSON with `json`. */
export async function readDevices(file: string, json: boolean): Promise<Said> {
  const config = readConfig(file);
  if (!config.ok) return { code: 2, lines: config.problems.map(formatProblem) };
  const { devices: entries } = config.value;
  if (entries.length === 0) return { code: 2, lines: [`${file}: no devices are configured`] };
  return readEach(entries, json);
}

/** The same for devices as they stand in a configuration. */
export async function readEach(entries: readonly DeviceEntry[], json: boolean): Promise<Said> {
  const log = openLog({ level: "error", form: "text", home: null });
  const set = createDevices(entries, { log });
  try {
    const answers = await Promise.all(
      set.devices.map(async (device, i) => {
        const outcome = await read(device);
        return { name: device.name, outcome, sensor: await sensorOf(entries[i], outcome.ok) };
      }),
    );
    const code = answers.every(({ outcome }) => outcome.ok) ? 0 : 1;
    if (json) return { code, lines: answers.map((answer) => JSON.stringify(plain(answer))) };
    return { code, lines: answers.flatMap(inWords) };
  } finally {
    set.close();
  }
}

type Outcome = Result<DeviceReading, DeviceRefusal>;
type Answer = {
  readonly name: string;
  readonly outcome: Outcome;
  /** A Fronius inverter's sensor card; null: none. */
  readonly sensor: SensorReading | null;
};

function read(device: Device): Promise<Outcome> {
  return new Promise((resolve) => device.read(resolve));
}

/** Only some inverters have a sensor card: that there is none is no failure. */
async function sensorOf(
  entry: DeviceEntry | undefined,
  answers: boolean,
): Promise<SensorReading | null> {
  if (!answers || entry?.driver !== "fronius" || entry.kind !== "inverter") return null;
  const host = new FroniusHost(new URL(entry.url), new AbortController().signal);
  const outcome = await host.readSensor(entry.deviceId ?? 1, DEVICE_LIMITS.http);
  return outcome.ok && outcome.value.channels.length > 0 ? outcome.value : null;
}

function inWords({ name, outcome, sensor }: Answer): readonly string[] {
  if (!outcome.ok) {
    const { code, ...facts } = outcome.refusal;
    const why = Object.entries(facts).map(([fact, value]) => `${fact} ${String(value)}`);
    return [`${name}: ${[code, ...why].join(", ")}`];
  }
  const reading = outcome.value;
  const power = number(reading.power, "W");
  const said =
    reading.kind === "inverter"
      ? [reading.state, `power ${power}`, `produced ${number(reading.produced, "Wh")}`]
      : [
          `power ${power}`,
          `imported ${number(reading.imported, "Wh")}`,
          `exported ${number(reading.exported, "Wh")}`,
        ];
  const channels = (sensor?.channels ?? []).map(
    ({ channel, value, unit, rawUnit }) =>
      `    sensor ${channel}: ${number(value, unit ?? rawUnit)}`,
  );
  return [`${name}: ${reading.source}; ${said.join(", ")}`, ...channels];
}

function number(value: number | null, unit: string): string {
  return value === null ? "not said" : `${value} ${unit}`;
}
