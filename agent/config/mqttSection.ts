// The agent file's sections `mqtt` and `metrics`: what dashboards are told. Left out, there is neither.

import { z } from "zod";
import { flag, line, path, table, whole } from "./fields.ts";

const urlError =
  "a URL without user or password, such as mqtt://192.168.1.10:1883, mqtts://, ws:// or wss://";
const homeError = "1 to 128 letters, digits, _ or -";

export const mqttSection = table("An MQTT broker: for Home Assistant, Node-RED, the page", {
  url: z
    .string({ error: urlError })
    .refine(isBrokerUrl, { error: urlError })
    .describe(`The broker: ${urlError}`),
  username: line("The user there; left out: none", 128).optional(),
  passwordFile: path("A file (0600) with its password").optional(),
  tls: table("For mqtts and wss; left out: the CAs that this system knows", {
    ca: path("The broker's CA, PEM").optional(),
    certificate: path("This client's certificate, PEM").optional(),
    key: path("Its key (0600), PEM").optional(),
  }).optional(),
  home: z
    .string({ error: homeError })
    .regex(/^[A-Za-z0-9_-]{1,128}$/, { error: homeError })
    .describe(
      `The home's name in topics; left out: the member's id with _ for what is none: ${homeError}`,
    )
    .optional(),
  homeAssistant: flag("Tell Home Assistant by its discovery; left out: true").default(true),
  commands: flag("Obey commands that bring a token, as REST does; left out: true").default(true),
});

export const metricsSection = table("Figures for Prometheus at /metrics", {
  port: whole("TCP port", { min: 0, max: 65_535 }),
  host: line(
    "Listen on this address; left out: 127.0.0.1, for programs of this machine alone",
    253,
  ).default("127.0.0.1"),
});

function isBrokerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.hostname === "" || url.username !== "" || url.password !== "") {
    return false;
  }
  return ["mqtt:", "mqtts:", "ws:", "wss:"].includes(url.protocol);
}
