// The Fronius driver against a scripted web server: what the simulator, which behaves, does not do.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { FroniusHost } from "../../../agent/io/devices/fronius/froniusHost.ts";
import { ANSWER_BYTES_MAX } from "../../../agent/io/devices/fronius/httpHost.ts";
import { look, openDevices } from "../../support/simulatedHomes.ts";

type Script = (path: string, response: ServerResponse, request: IncomingMessage) => void;

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(script: Script): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = [];
  const server: Server = createServer((request, response) => {
    paths.push(request.url ?? "");
    script(request.url ?? "", response, request);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

function open(url: string, kind: "inverter" | "meter" = "inverter") {
  const set = openDevices([{ name: "it", kind, driver: "fronius", url }]);
  closing.push(() => set.close());
  return set.devices[0];
}

const VERSION = '{"APIVersion":1,"BaseURL":"/solar_api/v1/","CompatibilityRange":"1.5-9"}';

function answer(data: unknown, code = 0): string {
  return JSON.stringify({ Head: { Status: { Code: code } }, Body: { Data: data } });
}

const inverter = answer({
  PAC: { Unit: "W", Value: 100 },
  TOTAL_ENERGY: { Unit: "Wh", Value: 5 },
  DeviceStatus: { StatusCode: 7 },
});

describe("FroniusHost", () => {
  test("asks version 1 as its manual says", async () => {
    const { url, paths } = await serve((path, response) => {
      response.end(path.endsWith("GetAPIVersion.cgi") ? VERSION : inverter);
    });
    const device = open(url);
    expect(await look(device)).toMatchObject({ power: 100, produced: 5 });
    expect(await look(device)).toMatchObject({ power: 100 });
    const call =
      "/solar_api/v1/GetInverterRealtimeData.cgi?Scope=Device&DataCollection=CommonInverterData&DeviceId=1";
    expect(paths).toEqual(["/solar_api/GetAPIVersion.cgi", call, call]);
  });

  test("takes a 404 for version 0, with its path and its DeviceIndex", async () => {
    const { url, paths } = await serve((path, response) => {
      response.statusCode = path.endsWith("GetAPIVersion.cgi") ? 404 : 200;
      response.end(response.statusCode === 404 ? "<html>" : inverter);
    });
    expect(await look(open(url))).toMatchObject({ power: 100 });
    expect(paths[1]).toBe(
      "/solar_api/GetInverterRealtimeData.cgi?Scope=Device&DataCollection=CommonInverterData&DeviceIndex=1",
    );
  });

  test.each([
    [3, { power: 100 }],
    [4, { code: "deviceError", statusCode: 8 }],
  ])("asks again after status 8, %i times of it", async (times, outcome) => {
    let left = times;
    const { url } = await serve((path, response) => {
      if (path.endsWith("GetAPIVersion.cgi")) response.end(VERSION);
      else {
        left -= 1;
        response.end(left >= 0 ? answer({}, 8) : inverter);
      }
    });
    expect(await look(open(url))).toMatchObject(outcome);
  });

  test.each([[1], [11]])(
    "takes the System answer where status %i refuses a device's",
    async (code) => {
      const { url } = await serve((path, response) => {
        if (path.endsWith("GetAPIVersion.cgi")) response.end(VERSION);
        else if (path.includes("Scope=Device")) response.end(answer({}, code));
        else response.end(answer({ PAC: { Unit: "W", Values: { "1": 42 } } }));
      });
      expect(await look(open(url))).toMatchObject({ power: 42, produced: null });
    },
  );

  test("a device that is off tells where to switch it on, also at the first call", async () => {
    const { url } = await serve((_, response) => {
      response.statusCode = 404;
      response.end("Solar API disabled by customer config");
    });
    expect(await look(open(url, "meter"))).toMatchObject({ code: "disabled" });
  });

  test.each<[string, Script]>([
    ["another page", (_, response) => response.end("<html>router</html>")],
    ["a redirect", (_, response) => response.writeHead(302, { location: "/login" }).end()],
    ["a foreign base", (_, response) => response.end('{"BaseURL":"//example.org/"}')],
    // URL parsers take a backslash for a slash and leave out tabs and line breaks.
    ["a foreign base, \\", (_, response) => response.end('{"BaseURL":"/\\\\example.org/"}')],
    ["a foreign base, tab", (_, response) => response.end('{"BaseURL":"/\\t/example.org/"}')],
    ["no HTTP", (_, response) => response.socket?.end("220 ready\r\n")],
  ])("%s is unintelligible", async (_, script) => {
    const { url } = await serve(script);
    expect(await look(open(url))).toMatchObject({ code: "unintelligible" });
  });

  test("an answer without end is not read to its end", async () => {
    const { url } = await serve((path, response) => {
      if (path.endsWith("GetAPIVersion.cgi")) response.end(VERSION);
      else response.end(`${inverter}${" ".repeat(ANSWER_BYTES_MAX)}`);
    });
    expect(await look(open(url))).toMatchObject({
      code: "unintelligible",
      detail: `more than ${ANSWER_BYTES_MAX} bytes`,
    });
  });

  test("half an answer, and none, are unreachable", async () => {
    const half = await serve((_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write("{");
      response.socket?.end();
    });
    expect(await look(open(half.url))).toMatchObject({ code: "unreachable" });
    const drip = await serve((_, response) => response.write("{"));
    expect(await look(open(drip.url))).toMatchObject({
      code: "unreachable",
      detail: "no answer within 250 ms",
    });
    expect(await look(open("http://127.0.0.1:1"))).toMatchObject({
      code: "unreachable",
      detail: "ECONNREFUSED",
    });
  });

  test("never has two requests under way, whoever asks", async () => {
    let underWay = 0;
    let most = 0;
    const { url, paths } = await serve((path, response) => {
      underWay += 1;
      most = Math.max(most, underWay);
      setImmediate(() => {
        underWay -= 1;
        response.end(path.endsWith("GetAPIVersion.cgi") ? VERSION : inverter);
      });
    });
    const host = new FroniusHost(new URL(url), new AbortController().signal);
    const limits = { gapMs: 0, timeoutMs: 1000 };
    await Promise.all([1, 2, 3, 4].map((id) => host.readInverter(id, limits)));
    expect(most).toBe(1);
    expect(paths.length).toBeGreaterThanOrEqual(5);
  });

  test("rests between two requests", async () => {
    const times: number[] = [];
    const { url } = await serve((path, response) => {
      times.push(performance.now());
      response.end(path.endsWith("GetAPIVersion.cgi") ? VERSION : inverter);
    });
    const host = new FroniusHost(new URL(url), new AbortController().signal);
    await host.readInverter(1, { gapMs: 40, timeoutMs: 1000 });
    // A timer may be a millisecond early.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(38);
  });

  test("reads the sensor card", async () => {
    const { url, paths } = await serve((path, response) => {
      const data = { "2": { Unit: "W/m²", Value: 964 } };
      response.end(path.endsWith("GetAPIVersion.cgi") ? VERSION : answer(data));
    });
    const host = new FroniusHost(new URL(url), new AbortController().signal);
    const outcome = await host.readSensor(1, { gapMs: 0, timeoutMs: 1000 });
    expect(outcome.ok && outcome.value.channels[0]).toMatchObject({ value: 964, unit: "W/m²" });
    expect(paths[1]).toContain(
      "GetSensorRealtimeData.cgi?Scope=Device&DataCollection=NowSensorData",
    );
  });
});
