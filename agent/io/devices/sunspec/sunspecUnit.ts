// One SunSpec unit behind a Modbus host: its map, remembered and checked again after every new connection.

import { assert } from "../../../core/assert.ts";
import { accepted, type Result, refused } from "../../../core/result.ts";
import type { Device, DeviceReading, DeviceRefusal, Log } from "../../../ports.ts";
import { callbackDevice } from "../callbackDevice.ts";
import { createQueue, type Queue } from "../queue.ts";
import { type ModbusHost, REGISTERS_MAX } from "./modbusHost.ts";
import { MODEL_COMMON, MODELS_INVERTER, MODELS_METER } from "./models.ts";
import {
  type Identity,
  identify,
  inverterReading,
  type MeterSign,
  type ModelRegisters,
  meterReading,
} from "./reading.ts";
import {
  BASES,
  type FoundModel,
  isPartOf,
  type ModelMap,
  type ReadRegisters,
  stillHolds,
  walk,
} from "./walk.ts";

export type Modbus = Pick<ModbusHost, "connection" | "read">;

/** What the night leaves of a map: the device answers, but not for this model. */
type Asleep = { readonly identity: Identity };

/** Shared by the inverter and the meter of one unit, so that they walk once. */
export class SunspecUnit {
  readonly #modbus: Modbus;
  readonly #unitId: number;
  readonly #log: Log;
  readonly #queue: Queue = createQueue();
  /** Turned when a base is met by silence: the next walk begins behind it. */
  #bases: readonly number[] = BASES;
  #map: ModelMap | null = null;
  #isPartial = false;
  #checkedOn = -1;
  #identities: ReadonlyMap<number, Identity> = new Map();

  constructor(modbus: Modbus, options: { readonly unitId: number; readonly log: Log }) {
    this.#modbus = modbus;
    this.#unitId = options.unitId;
    this.#log = options.log;
  }

  /** Refusals: as ModbusHost.read and walk; deviceError if the unit has no inverter. */
  readInverter(): Promise<Result<DeviceReading, DeviceRefusal>> {
    return this.#queue(async () => {
      const model = await this.#readModel(MODELS_INVERTER);
      if (!model.ok) return model;
      if ("registers" in model.value) return inverterReading(model.value);
      const { source } = model.value.identity;
      const nothing = { power: null, produced: null, deviceTime: null };
      return accepted({ kind: "inverter", source, state: "asleep", ...nothing });
    });
  }

  /** `sign` null: as the vendor is known to do it. Refusals: as readInverter. */
  readMeter(sign: MeterSign | null): Promise<Result<DeviceReading, DeviceRefusal>> {
    return this.#queue(async () => {
      const model = await this.#readModel(MODELS_METER);
      if (!model.ok) return model;
      if ("registers" in model.value) return meterReading(model.value, sign);
      return refused({ code: "deviceError", detail: "the device shows no meter at present" });
    });
  }

  async #readModel(
    wanted: readonly number[],
  ): Promise<Result<ModelRegisters | Asleep, DeviceRefusal>> {
    // Once more if the model is no longer where it was: firmware updates move them.
    for (const isLast of [false, true]) {
      const map = await this.#checkedMap();
      if (!map.ok) return map;
      const model = choose(map.value, wanted);
      if (model === null) {
        // Started at night, perhaps: look again from the beginning next time.
        this.#map = null;
        return refused(this.#missing(map.value, wanted));
      }
      const registers = await this.#read(model.address, readLength(model));
      const identity = this.#identities.get(model.address) ?? identify(null);
      if (!registers.ok && this.#isPartial && registers.refusal.code === "deviceError") {
        return accepted({ identity });
      }
      if (!registers.ok) return registers;
      if (registers.value[0] === model.id && registers.value[1] === model.length) {
        return accepted({ id: model.id, registers: registers.value, identity });
      }
      if (this.#isPartial) return accepted({ identity });
      this.#map = null;
      if (isLast) break;
    }
    return refused({ code: "unintelligible", detail: "its models move from one read to the next" });
  }

  async #checkedMap(): Promise<Result<ModelMap, DeviceRefusal>> {
    const known = this.#map;
    if (known !== null && this.#checkedOn === this.#modbus.connection) {
      // A map that is cut short for the night is looked at again each time, until it is whole.
      if (!this.#isPartial) return accepted(known);
    }
    if (known !== null) {
      const holds = await stillHolds(known, this.#read);
      if (!holds.ok) return holds;
      if (holds.value) return accepted(this.#remember(known, false));
    }
    const walked = await walk(this.#read, this.#bases);
    if (!walked.ok) {
      const [first, ...others] = this.#bases;
      assert(first !== undefined, "there is a base to try");
      if (walked.refusal.code === "unreachable") this.#bases = [...others, first];
      return walked;
    }
    if (known !== null && isPartOf(walked.value, known)) {
      return accepted(this.#remember(known, true));
    }
    const identities = await this.#identify(walked.value);
    if (!identities.ok) return identities;
    this.#identities = identities.value;
    this.#log.info("sunspec models found", {
      unitId: this.#unitId,
      base: walked.value.base,
      models: walked.value.models.map((model) => model.id).join(", "),
    });
    return accepted(this.#remember(walked.value, false));
  }

  #remember(map: ModelMap, isPartial: boolean): ModelMap {
    this.#map = map;
    this.#isPartial = isPartial;
    this.#checkedOn = this.#modbus.connection;
    return map;
  }

  /**
   * For each model the common model before it: SolarEdge has one for the inverter, one per meter. The
   * manufacturer is the first one's, for it is his firmware that fills all registers.
   */
  async #identify(map: ModelMap): Promise<Result<ReadonlyMap<number, Identity>, DeviceRefusal>> {
    const identities = new Map<number, Identity>();
    let current = identify(null);
    let maker: string | null = null;
    for (const model of map.models) {
      if (model.id === MODEL_COMMON) {
        const registers = await this.#read(model.address, readLength(model));
        if (!registers.ok && registers.refusal.code !== "deviceError") return registers;
        const own = identify(registers.ok ? registers.value : null);
        maker ??= own.manufacturer;
        current = { ...own, manufacturer: maker };
      }
      identities.set(model.address, current);
    }
    return accepted(identities);
  }

  readonly #read: ReadRegisters = (address, count) =>
    this.#modbus.read({ unitId: this.#unitId, address, count });

  #missing(map: ModelMap, wanted: readonly number[]): DeviceRefusal {
    return {
      code: "deviceError",
      detail: `none of the models ${wanted.join(", ")} on this unit`,
      unitId: this.#unitId,
      models: map.models.map((model) => model.id).join(", "),
      hint: "check unitId; the inverter may also be asleep",
    };
  }
}

/** A Device over one unit. `sign` null: as the vendor is known to do it. */
export function sunspecDevice(
  unit: SunspecUnit,
  entry: Pick<Device, "name" | "kind"> & { readonly sign: MeterSign | null },
): Device {
  return callbackDevice({ name: entry.name, kind: entry.kind }, () =>
    entry.kind === "inverter" ? unit.readInverter() : unit.readMeter(entry.sign),
  );
}

function choose(map: ModelMap, wanted: readonly number[]): FoundModel | null {
  for (const id of wanted) {
    const model = map.models.find((each) => each.id === id);
    if (model !== undefined) return model;
  }
  return null;
}

/**
 * One request holds everything a reading needs, scale factors included: 211-214 have 126 registers
 * and 701 has 155, but what lies beyond the 125th are events and alarm texts.
 */
function readLength(model: FoundModel): number {
  return Math.min(model.length + 2, REGISTERS_MAX);
}
