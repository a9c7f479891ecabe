import { describe, expect, test } from "vitest";
import { accepted, refused } from "../../../../../agent/core/result.ts";
import { type Modbus, SunspecUnit } from "../../../../../agent/io/devices/sunspec/sunspecUnit.ts";
import { silentLog } from "../../../../support/silentLog.ts";

const SUNS = [0x5375, 0x6e53];
const END = [0xffff, 0];

function text(value: string): number[] {
  return Array.from({ length: 16 }, (_, i) => {
    const letter = (at: number): number => value.charCodeAt(at) || 0;
    return (letter(2 * i) << 8) | letter(2 * i + 1);
  });
}

function common(maker: string): number[] {
  return [1, 65, ...text(maker), ...new Array<number>(49).fill(0)];
}

/** 1234 W, 5678 Wh, MPPT. */
function inverter(): number[] {
  const registers = [103, 50, ...new Array<number>(50).fill(0)];
  registers[10] = 230;
  registers[14] = 1234;
  registers[25] = 5678;
  registers[38] = 4;
  return registers;
}

/** 100 W, 10 Wh exported, 20 imported. */
function meter(): number[] {
  const registers = [203, 105, ...new Array<number>(105).fill(0)];
  registers[7] = 230;
  registers[18] = 100;
  registers[39] = 10;
  registers[47] = 20;
  return registers;
}

/** A unit whose registers and connection the test changes under the driver. */
function fakeModbus(words: number[]): {
  words: number[];
  connection: number;
  reads: number;
  read: Modbus["read"];
} {
  const modbus = {
    words,
    connection: 1,
    reads: 0,
    read: (request: Parameters<Modbus["read"]>[0]): ReturnType<Modbus["read"]> => {
      modbus.reads += 1;
      const from = request.address - 40_000;
      const isInside = from >= 0 && from + request.count <= modbus.words.length;
      return Promise.resolve(
        isInside
          ? accepted(modbus.words.slice(from, from + request.count))
          : refused({ code: "deviceError", detail: "illegal data address", exception: 2 }),
      );
    },
  };
  return modbus;
}

const day = [...SUNS, ...common("Fronius"), ...inverter(), ...meter(), ...END];
const night = [...SUNS, ...common("Fronius"), ...END];

function unitOver(modbus: Modbus): SunspecUnit {
  return new SunspecUnit(modbus, { unitId: 1, log: silentLog });
}

async function readInverter(unit: SunspecUnit): Promise<unknown> {
  const outcome = await unit.readInverter();
  return outcome.ok ? outcome.value : outcome.refusal;
}

describe("SunspecUnit", () => {
  test("walks once, then needs one read per reading", async () => {
    const modbus = fakeModbus(day);
    const unit = unitOver(modbus);
    expect(await readInverter(unit)).toMatchObject({
      source: "Fronius",
      power: 1234,
      produced: 5678,
      state: "producing",
    });
    const before = modbus.reads;
    expect(await unit.readMeter(null)).toMatchObject({
      value: { power: 100, imported: 20, exported: 10 },
    });
    await readInverter(unit);
    expect(modbus.reads - before).toBe(2);
  });

  test("checks the map after a new connection, and walks again if it has moved", async () => {
    const modbus = fakeModbus(day);
    const unit = unitOver(modbus);
    await readInverter(unit);
    const before = modbus.reads;
    modbus.connection = 2;
    await readInverter(unit);
    // Marker, last header, end; then the model.
    expect(modbus.reads - before).toBe(4);
    modbus.connection = 3;
    modbus.words = [...SUNS, ...common("Fronius"), ...meter(), ...inverter(), ...END];
    expect(await readInverter(unit)).toMatchObject({ power: 1234 });
  });

  test("notices a moved model without a new connection", async () => {
    const modbus = fakeModbus(day);
    const unit = unitOver(modbus);
    await readInverter(unit);
    modbus.words = [...SUNS, ...common("Fronius"), ...meter(), ...inverter(), ...END];
    expect(await readInverter(unit)).toMatchObject({ power: 1234, produced: 5678 });
  });

  test("a map cut short by the night is not forgotten", async () => {
    const modbus = fakeModbus(day);
    const unit = unitOver(modbus);
    await readInverter(unit);
    modbus.connection = 2;
    modbus.words = night;
    expect(await readInverter(unit)).toMatchObject({
      source: "Fronius",
      state: "asleep",
      power: null,
      produced: null,
    });
    expect((await unit.readMeter(null)).ok).toBe(false);
    modbus.words = day;
    expect(await readInverter(unit)).toMatchObject({ state: "producing", produced: 5678 });
  });

  test("started at night it refuses, and finds the inverter in the morning", async () => {
    const modbus = fakeModbus(night);
    const unit = unitOver(modbus);
    expect(await readInverter(unit)).toMatchObject({ code: "deviceError", models: "1" });
    modbus.words = day;
    expect(await readInverter(unit)).toMatchObject({ produced: 5678 });
  });

  test("takes the meter's own common model, and SolarEdge's sign", async () => {
    const solarEdge = [...SUNS, ...common("SolarEdge"), ...inverter()];
    const modbus = fakeModbus([...solarEdge, ...common("WattNode"), ...meter(), 0, 0]);
    const outcome = await unitOver(modbus).readMeter(null);
    expect(outcome.ok && outcome.value).toMatchObject({ source: "WattNode", power: -100 });
  });
});
