// A home's MQTT on a ledger of one home, without an agent: its door is restDoor.ts's, its devices are whatever a
// test says that they read.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Verifier } from "../../agent/core/crypto.ts";
import { stateRoot } from "../../agent/core/ledger/state.ts";
import { watts, wh } from "../../agent/core/units/energy.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";
import { createCommit } from "../../agent/io/http/commits.ts";
import { DEFAULT_REST_LIMITS } from "../../agent/io/http/limits.ts";
import { type Mqtt, type MqttOptions, openMqtt } from "../../agent/io/mqtt.ts";
import { CARDS_AT } from "./cards.ts";
import { NS, openTestHome, startPaper, type TestHome } from "./restDoor.ts";
import { silentLog } from "./silentLog.ts";

export const HOME = "seller1_vt_edu";
export const INVERTER = "inverter roof";
export const METER = "grid meter";

export type MqttHome = {
  readonly home: TestHome;
  /** Of this run. */
  readonly mqtt: () => Mqtt;
  /** Wh; `hours` after the start. */
  readonly reads: (device: string, hours: number, values: Values) => void;
  readonly refuses: (device: string, code: "unreachable" | "disabled") => void;
  readonly answers: (device: string) => void;
  /** As after a new start of the process; "powerCut": nothing was kept at the end; "lost": nothing ever was. */
  readonly restart: (
    how: "clean" | "powerCut" | "lost",
    more?: Partial<MqttOptions>,
  ) => Promise<void>;
  readonly close: () => Promise<void>;
};

export type Values = {
  readonly power?: number | null;
  readonly produced?: number | null;
  readonly imported?: number | null;
  readonly exported?: number | null;
  readonly state?: "producing" | "asleep";
};

export async function openMqttHome(
  url: string,
  more: Partial<MqttOptions> = {},
): Promise<MqttHome> {
  const home = await openTestHome();
  await startPaper(home);
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "pv-mqtt-"));
  const keptFile = path.join(dir, "mqtt.json");
  const { door } = home.door;
  const open = (changed: Partial<MqttOptions>): Mqtt =>
    openMqtt(
      {
        ...{ url, username: null, passwordFile: null, tls: null, home: HOME },
        ...{ homeAssistant: true, keptFile, namespace: NS, pollSeconds: 10, version: "0.1.0" },
        devices: [
          { name: INVERTER, kind: "inverter" },
          { name: METER, kind: "meter" },
        ],
        ...{ pvCapacity: watts(6400), log: silentLog, isClockSynchronised: () => true },
        ...{ rest: () => home.rest.address, patience: 0.02 },
        ...more,
        ...changed,
      },
      door,
      {
        ...{ door, wallet: home.wallet, tokens: home.tokens, ca: null, log: silentLog },
        composer: { namespace: NS, rules: door.rules },
        ...{ commit: createCommit(door, 2000), verifier: new Verifier() },
        ...{ limits: DEFAULT_REST_LIMITS, now: () => Date.now() as UnixMs },
      },
    );
  const begun = (changed: Partial<MqttOptions> = {}): Mqtt => {
    const opened = open(changed);
    const { height } = home.door.state;
    opened.publisher.publish({
      ...{ type: "started", home: door.self, height, stateRoot: stateRoot(home.door.state) },
    });
    return opened;
  };
  let mqtt = begun();
  home.told.push({ publish: (event) => mqtt.publisher.publish(event) });
  const publish = (event: Parameters<Mqtt["publisher"]["publish"]>[0]): void =>
    mqtt.publisher.publish(event);
  return {
    ...{ home, mqtt: () => mqtt },
    reads: (device, hours, values) => {
      const at = unixMs(Number(CARDS_AT) + Math.round(hours * 3_600_000));
      const { power = null, produced = null, imported = null, exported = null } = values;
      const of = (n: number | null) => (n === null ? null : wh(n));
      const head = { power: power === null ? null : watts(power), deviceTime: null };
      const reading =
        device === INVERTER
          ? {
              ...{ ...head, kind: "inverter" as const, source: "Fronius inverter 1" },
              ...{ state: values.state ?? ("producing" as const), produced: of(produced) },
            }
          : {
              ...{ ...head, kind: "meter" as const, source: "Fronius Smart Meter 63A 1" },
              ...{ imported: of(imported), exported: of(exported) },
            };
      publish({ type: "reading", device, at, reading });
    },
    refuses: (device, code) => publish({ type: "device", device, refusal: { code } }),
    answers: (device) => publish({ type: "device", device, refusal: null }),
    restart: async (how, changed) => {
      const before = fs.existsSync(keptFile) ? fs.readFileSync(keptFile) : null;
      await mqtt.close();
      if (how === "lost") fs.rmSync(keptFile, { force: true });
      // What the end has written never came to the disk.
      if (how === "powerCut" && before !== null)
        fs.writeFileSync(keptFile, before, { mode: 0o600 });
      mqtt = begun(changed);
    },
    close: async () => {
      await mqtt.close();
      await home.close();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}
