// All homes of a configuration: their world, their servers, their faults.

import { readFileSync } from "node:fs";
import type { SimulatorConfig } from "./config.ts";
import type { Fault } from "./faults.ts";
import { type RunningServer, startFroniusServer } from "./fronius/server.ts";
import type { SimulatedHome } from "./home.ts";
import { startSunspecServer, UNIT_ID } from "./sunspec/server.ts";
import { homePower } from "./world/homePower.ts";
import { parseRecording, type Recording } from "./world/recording.ts";
import { createRegisters, type HomeState } from "./world/registers.ts";

export type DeviceAddress =
  | { readonly driver: "fronius"; readonly url: string; readonly deviceId: number }
  | {
      readonly driver: "sunspec";
      readonly host: string;
      readonly port: number;
      readonly unitId: number;
    };

export type HomeAddresses = {
  readonly id: string;
  readonly inverter: DeviceAddress | null;
  readonly meter: DeviceAddress;
};

export type Simulator = {
  readonly homes: readonly HomeAddresses[];
  /** False if there is no such home. Connections are cut where the fault is one of connections. */
  readonly setFault: (homeId: string, fault: Fault) => boolean;
  /** What is true, whatever the devices say; null if there is no such home. */
  readonly stateAt: (homeId: string, timeMs: number) => HomeState | null;
  readonly close: () => Promise<void>;
};

type Ports = { readonly fronius?: number; readonly sunspec?: number };

type Running = {
  readonly home: SimulatedHome;
  readonly servers: readonly RunningServer[];
  readonly addresses: HomeAddresses;
  fault: Fault;
};

const HOST = "127.0.0.1";

/**
 * Starts every home's devices, each protocol of a home on one port: `ports` by home id, else free ones.
 * Throws RecordingError, or the error of a file that cannot be read.
 */
export async function startSimulator(
  config: SimulatorConfig,
  options: { readonly now: () => number; readonly ports?: { readonly [homeId: string]: Ports } },
): Promise<Simulator> {
  const { realStart, marketStart, speed } = config.clock;
  const now = (): number => Math.floor(marketStart + (options.now() - realStart) * speed);
  const place = { ...config, pv: load(config.pv), load: load(config.load) };
  const running = new Map<string, Running>();
  for (const [index, home] of config.homes.entries()) {
    const registers = createRegisters(homePower(place, { ...home, index }));
    const simulated: SimulatedHome = {
      config: home,
      index,
      timeZone: config.timeZone,
      now,
      stateAt: registers.at,
      fault: () => running.get(home.id)?.fault ?? "none",
    };
    // Adds up the years before anyone waits for an answer.
    registers.at(now());
    running.set(home.id, await startHome(simulated, options.ports?.[home.id] ?? {}));
  }
  return {
    homes: [...running.values()].map(({ addresses }) => addresses),
    setFault: (homeId, fault) => {
      const home = running.get(homeId);
      if (home === undefined) return false;
      home.fault = fault;
      for (const server of home.servers) server.cut();
      return true;
    },
    stateAt: (homeId, timeMs) => running.get(homeId)?.home.stateAt(timeMs) ?? null,
    close: async () => {
      const servers = [...running.values()].flatMap((home) => home.servers);
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function startHome(home: SimulatedHome, ports: Ports): Promise<Running> {
  const { id, inverter, meter } = home.config;
  const speaks = (protocol: "fronius" | "sunspec"): boolean =>
    inverter === protocol || meter === protocol;
  const fronius = speaks("fronius") ? await startFroniusServer(home, ports.fronius) : null;
  const sunspec = speaks("sunspec") ? await startSunspecServer(home, ports.sunspec) : null;
  const address = (protocol: "fronius" | "sunspec", deviceId: number): DeviceAddress =>
    protocol === "fronius"
      ? { driver: "fronius", url: `http://${HOST}:${fronius?.port ?? 0}`, deviceId }
      : { driver: "sunspec", host: HOST, port: sunspec?.port ?? 0, unitId: UNIT_ID };
  return {
    home,
    servers: [fronius, sunspec].filter((server) => server !== null),
    addresses: {
      id,
      inverter: inverter === null ? null : address(inverter, 1),
      meter: address(meter, 0),
    },
    fault: "none",
  };
}

function load(file: string | null): Recording | null {
  return file === null ? null : parseRecording(readFileSync(file, "utf8"), file);
}
