// The MQTT of a home that runs: where it keeps things, who may command, and what the agent's file says.

import { join } from "node:path";
import { topicName } from "../../broker/topics.ts";
import type { HomeConfig, MqttConfig } from "../config.ts";
import { Verifier } from "../core/crypto.ts";
import { type DurationMs, SECOND_MS, type UnixMs } from "../core/units/time.ts";
import { createCommit } from "../io/http/commits.ts";
import { DEFAULT_REST_LIMITS } from "../io/http/limits.ts";
import type { RestContext } from "../io/http/restContext.ts";
import { KEPT_FILE } from "../io/mqtt/keptFile.ts";
import type { Measured } from "../io/mqtt/payloads.ts";
import { type Mqtt, openMqtt } from "../io/mqtt.ts";
import { TOKENS_FOLDER } from "../io/wallet/tokens.ts";
import { WALLET_FOLDER } from "../io/wallet/wallet.ts";
import type { AgentDoor, Log } from "../ports.ts";
import { openAccess } from "./access.ts";
import { agentVersion } from "./version.ts";

/** As Composer's users know it, where there is no REST that says another. */
const NAMESPACE = "org.acme.pv.auction";
const COMMIT_WITHIN: DurationMs = (10 * SECOND_MS) as DurationMs;

export type MqttParts = {
  readonly door: AgentDoor;
  /** Folders of the home's own cards. */
  readonly cards: readonly string[];
  readonly isClockSynchronised: () => boolean;
  readonly measured: Measured;
  /** The REST door's address, once there is one. */
  readonly rest: () => string | null;
  readonly log: Log;
};

/** Throws KeyError where a file is not right; a broker that is away is none of it. */
export function openMqttDoor(mqtt: MqttConfig, config: HomeConfig, parts: MqttParts): Mqtt {
  const { door, log, isClockSynchronised, measured } = parts;
  const speed = config.clock.simulation?.speed ?? 1;
  const namespace = config.rest?.namespace ?? NAMESPACE;
  return openMqtt(
    {
      ...{ url: mqtt.url, username: mqtt.username, passwordFile: mqtt.passwordFile, tls: mqtt.tls },
      ...{ homeAssistant: mqtt.homeAssistant, namespace, log, isClockSynchronised, measured },
      home: mqtt.home ?? topicName(door.self),
      keptFile: join(config.data, KEPT_FILE),
      devices: config.devices.map(({ name, kind }) => ({ name, kind })),
      pollSeconds: config.pollInterval / SECOND_MS / speed,
      pvCapacity: config.pv?.capacity ?? null,
      version: agentVersion(),
      rest: parts.rest,
    },
    door,
    mqtt.commands ? commandContext(config, namespace, parts) : null,
  );
}

function commandContext(config: HomeConfig, namespace: string, parts: MqttParts): RestContext {
  const { door, cards, log } = parts;
  const folders = config.rest ?? {
    wallet: join(config.data, WALLET_FOLDER),
    walletPassphraseFile: null,
    tokens: join(config.data, TOKENS_FOLDER),
  };
  return {
    ...openAccess(folders, cards),
    ...{ door, log, ca: null },
    composer: { namespace, rules: door.rules },
    commit: createCommit(door, config.rest?.commitWithin ?? COMMIT_WITHIN),
    verifier: new Verifier(),
    limits: { ...DEFAULT_REST_LIMITS, ...config.rest?.limits },
    now: () => Date.now() as UnixMs,
  };
}
