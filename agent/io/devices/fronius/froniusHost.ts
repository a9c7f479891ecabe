// One Fronius datalogger or inverter with a web server: finds its API, asks, and asks again where that helps.

import { z } from "zod";
import type { Result } from "../../../core/result.ts";
import type { Device, DeviceReading, DeviceRefusal, Log } from "../../../ports.ts";
import { callbackDevice } from "../callbackDevice.ts";
import { isDisabled, openAnswer, parseJson, unreadable } from "./answer.ts";
import { type HttpAnswer, HttpHost, type HttpLimits } from "./httpHost.ts";
import { parseInverter } from "./inverter.ts";
import { parseMeter } from "./meter.ts";
import { parseSensor, type SensorReading } from "./sensor.ts";
import { STATUS_NOT_IMPLEMENTED, STATUS_NOT_SUPPORTED, STATUS_REQUEST_TIMEOUT } from "./status.ts";

/** Where the calls are and how they name a device. */
type Api = { readonly base: string; readonly idName: "DeviceId" | "DeviceIndex" };

type Question<T> = {
  readonly call: string;
  readonly query: { readonly [name: string]: string };
  readonly deviceId: number;
  readonly parse: (answer: HttpAnswer) => Result<T, DeviceRefusal>;
};

/** How often a status 8 is asked again before it is told. */
const RETRIES_MAX = 3;

/** A datalogger that knows nothing of GetAPIVersion speaks version 0. Source: Solar API V0 manual. */
const API_V0: Api = { base: "/solar_api/", idName: "DeviceIndex" };

/** On this host: URL parsers read `//x`, `/\x` and `/<tab>/x` as another one. */
const BASE_PATH = /^\/(?!\/)[\w./-]*$/;

const version = z.looseObject({
  APIVersion: z.number().optional(),
  BaseURL: z.string().regex(BASE_PATH),
});

/** Shared by all devices behind one URL, so that they queue. Ends when `signal` is aborted. */
export class FroniusHost {
  readonly #http: HttpHost;
  #api: Api | null = null;

  constructor(url: URL, signal: AbortSignal) {
    this.#http = new HttpHost(url, signal);
  }

  /** CommonInverterData; the System answer where a device's own is not available. */
  async readInverter(
    deviceId: number,
    limits: HttpLimits,
  ): Promise<Result<DeviceReading, DeviceRefusal>> {
    const question: Question<DeviceReading> = {
      call: "GetInverterRealtimeData.cgi",
      query: { Scope: "Device", DataCollection: "CommonInverterData" },
      deviceId,
      parse: (answer) => parseInverter(answer, deviceId),
    };
    const outcome = await this.#ask(question, limits);
    if (!isUnavailable(outcome)) return outcome;
    const inSystem = await this.#ask({ ...question, query: { Scope: "System" } }, limits);
    return isUnavailable(inSystem) ? outcome : inSystem;
  }

  async readMeter(
    deviceId: number,
    limits: HttpLimits,
  ): Promise<Result<DeviceReading, DeviceRefusal>> {
    const question: Question<DeviceReading> = {
      call: "GetMeterRealtimeData.cgi",
      query: { Scope: "Device" },
      deviceId,
      parse: (answer) => parseMeter(answer, deviceId),
    };
    const outcome = await this.#ask(question, limits);
    if (!isUnavailable(outcome)) return outcome;
    const inSystem = await this.#ask({ ...question, query: { Scope: "System" } }, limits);
    return isUnavailable(inSystem) ? outcome : inSystem;
  }

  /** The sensor card of the paper's Fig. 5. */
  readSensor(deviceId: number, limits: HttpLimits): Promise<Result<SensorReading, DeviceRefusal>> {
    return this.#ask(
      {
        call: "GetSensorRealtimeData.cgi",
        query: { Scope: "Device", DataCollection: "NowSensorData" },
        deviceId,
        parse: parseSensor,
      },
      limits,
    );
  }

  async #ask<T>(question: Question<T>, limits: HttpLimits): Promise<Result<T, DeviceRefusal>> {
    const api = this.#api ?? (await this.#findApi(limits));
    if ("ok" in api) return api;
    this.#api = api;
    const query = new URLSearchParams(question.query);
    if (query.get("Scope") === "Device") query.set(api.idName, String(question.deviceId));
    const path = `${api.base}${question.call}?${query}`;
    for (let retries = 0; ; retries += 1) {
      const answer = await this.#http.get(path, limits);
      if (!answer.ok) return answer;
      // Another firmware, or another device at this address: look again next time.
      if (answer.value.status !== 200) this.#api = null;
      const outcome = question.parse(answer.value);
      const isPassing = statusOf(outcome) === STATUS_REQUEST_TIMEOUT;
      if (!isPassing || retries === RETRIES_MAX) return outcome;
    }
  }

  async #findApi(
    limits: HttpLimits,
  ): Promise<Api | { readonly ok: false; readonly refusal: DeviceRefusal }> {
    const answer = await this.#http.get("/solar_api/GetAPIVersion.cgi", limits);
    if (!answer.ok) return answer;
    if (answer.value.status === 404 && !isDisabled(answer.value)) return API_V0;
    const json = parseJson(answer.value.body);
    const parsed = version.safeParse(json.ok ? json.value : undefined);
    if (answer.value.status === 200 && parsed.success) {
      const { APIVersion, BaseURL } = parsed.data;
      const base = BaseURL.endsWith("/") ? BaseURL : `${BaseURL}/`;
      return { base, idName: APIVersion === 0 ? "DeviceIndex" : "DeviceId" };
    }
    const opened = openAnswer(answer.value);
    return opened.ok ? unreadable(answer.value, "GetAPIVersion without a BaseURL") : opened;
  }
}

/** A Device over one number behind `host`. */
export function froniusDevice(
  host: FroniusHost,
  entry: Pick<Device, "name" | "kind"> & { readonly deviceId: number; readonly limits: HttpLimits },
  log: Log,
): Device {
  const { name, kind, deviceId, limits } = entry;
  if (kind === "inverter") {
    return callbackDevice({ name, kind }, () => host.readInverter(deviceId, limits));
  }
  let hasWarned = false;
  return callbackDevice({ name, kind }, async () => {
    const outcome = await host.readMeter(deviceId, limits);
    if (!hasWarned && outcome.ok && isUseless(outcome.value)) {
      hasWarned = true;
      log.warn("meter cannot be settled by: it counts neither import nor export at the grid", {
        device: name,
      });
    }
    return outcome;
  });
}

function isUseless(reading: DeviceReading): boolean {
  return reading.kind === "meter" && reading.imported === null && reading.exported === null;
}

/** The datalogger does not know this request in this scope. */
function isUnavailable<T>(outcome: Result<T, DeviceRefusal>): boolean {
  const status = statusOf(outcome);
  return status === STATUS_NOT_IMPLEMENTED || status === STATUS_NOT_SUPPORTED;
}

function statusOf<T>(outcome: Result<T, DeviceRefusal>): unknown {
  if (outcome.ok) return null;
  const { statusCode } = outcome.refusal;
  return statusCode;
}
