// What aedes asks before it does something: who may come in, publish, subscribe, and get which message.
//
// A publish that is not allowed is taken and comes to nothing, as with Mosquitto: MQTT 3.1.1 has no answer
// that says no, and a client whose connection is closed instead connects and says the same again, for ever.

import type { AedesOptions, AuthenticateError, Client, PublishPacket } from "aedes";
import { bytesOf, subscriptionsOf } from "./aedesInside.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Logins } from "./logins.ts";
import { PerMinute } from "./perMinute.ts";
import type { Kept } from "./retained.ts";
import { isCommand } from "./rights.ts";
import type { Session } from "./session.ts";
import { isTopic } from "./topicFilter.ts";

/** Where publishes go that come to nothing: only the administrator sees that there was one, not what it said. */
const DENIED_TOPIC = "$SYS/denied";

/** CONNACK's return codes, MQTT 3.1.1 section 3.2.2.3. */
const REJECTED_ID = 2;
const UNAVAILABLE = 3;
const BAD_LOGIN = 4;
const NOT_AUTHORIZED = 5;

export type Doorkeeper = Required<
  Pick<
    AedesOptions,
    "preConnect" | "authenticate" | "authorizePublish" | "authorizeSubscribe" | "authorizeForward"
  >
>;

export type DoorkeeperParts = {
  readonly limits: BrokerLimits;
  readonly logins: Logins;
  readonly sessionOf: (client: Client) => Session;
  /** Somebody is connected under this client id. */
  readonly isConnected: (id: string) => boolean;
  readonly now: () => number;
};

export function doorkeeper(parts: DoorkeeperParts): Doorkeeper {
  const { limits, sessionOf } = parts;
  const takeovers = new PerMinute(limits.takeoversPerMinuteMax, parts.now);
  return {
    preConnect: (client, packet, callback) => {
      const session = sessionOf(client);
      // Nothing is kept for who is away (docs/decisions/0016-broker.md).
      packet.clean = true;
      // Nobody can take the place of another user's client.
      if (packet.clientId !== "") packet.clientId = `${packet.username ?? ""}/${packet.clientId}`;
      session.name = packet.clientId;
      if (packet.will?.retain === true) {
        const { topic, qos, payload } = packet.will;
        session.will = { topic, qos: qos ?? 0, payload: bytesOf(payload) };
      }
      callback(null, true);
    },
    authenticate: (client, username, password, done) => {
      const session = sessionOf(client);
      session.name = client.id;
      const refuse = (returnCode: number, reason: string): void => {
        session.refuse("login refused", { username: username ?? null, reason });
        done(Object.assign(new Error(reason), { returnCode }) as AuthenticateError, false);
      };
      const { clientIdCharsMax } = limits;
      if (client.id.length > clientIdCharsMax + (username?.length ?? 0) + 1) {
        refuse(REJECTED_ID, "clientIdTooLong");
        return;
      }
      const { address, isForeign } = session;
      parts.logins.check({ username, password, address, isForeign }).then(
        (login) => {
          if (!login.ok) {
            refuse(returnCodeOf(login.refusal), login.refusal);
            return;
          }
          if (parts.isConnected(client.id)) {
            if (takeovers.isFull(client.id)) {
              refuse(REJECTED_ID, "clientIdInUse");
              return;
            }
            takeovers.count(client.id);
            session.tell("warn", "client id taken over: does another program use it?", {});
          }
          session.logIn(login.user);
          if (session.will !== null && !mayBeRetained(session, session.will, limits)) {
            session.will = null;
          }
          session.tell("debug", "client logged in", { role: login.user.role });
          done(null, true);
        },
        (error: unknown) => {
          session.tell("error", "login failed", { reason: String(error) });
          refuse(UNAVAILABLE, "failed");
        },
      );
    },
    authorizePublish: (client, packet, callback) => {
      const session = client === null ? null : sessionOf(client);
      const reason = session === null ? "notAllowed" : whyNot(session, packet, limits);
      if (reason !== null) {
        const { topic } = packet;
        session?.refuse("publish came to nothing", { topic: topic.slice(0, 256), reason });
        Object.assign(packet, { topic: DENIED_TOPIC, payload: Buffer.alloc(0), retain: false });
      } else if (packet.retain && isCommand(packet.topic)) packet.retain = false;
      callback(null);
    },
    authorizeSubscribe: (client, subscription, callback) => {
      const session = sessionOf(client);
      const { topic } = subscription;
      const reason =
        topic.length > limits.topicCharsMax
          ? "topicTooLong"
          : subscriptionsOf(client) >= subscriptionsMax(session, limits)
            ? "tooManySubscriptions"
            : session.rights.maySubscribe(topic)
              ? null
              : "notAllowed";
      if (reason !== null) {
        session.refuse("subscription refused", { filter: topic.slice(0, 256), reason });
      }
      callback(null, reason === null ? subscription : null);
    },
    authorizeForward: (client, packet) => {
      const session = sessionOf(client);
      if (!session.rights.mayRead(packet.topic)) return null;
      if (!packet.retain && session.stream.writableLength >= limits.queueBytesMax) {
        session.refuse("subscriber is too slow: messages left out", { topic: packet.topic });
        return null;
      }
      return packet;
    },
  };
}

function subscriptionsMax({ user }: Session, limits: BrokerLimits): number {
  return user.role === "homeassistant"
    ? limits.subscriptionsOfHomeAssistantMax
    : limits.subscriptionsMax;
}

function mayBeRetained(session: Session, will: Kept, limits: BrokerLimits): boolean {
  return whyNot(session, will, limits) === null && !isCommand(will.topic);
}

function whyNot(
  session: Session,
  { topic, payload }: Pick<PublishPacket, "topic" | "payload">,
  limits: BrokerLimits,
): string | null {
  if (topic.length > limits.topicCharsMax) return "topicTooLong";
  if (topic.split("/").length > limits.topicLevelsMax) return "topicTooDeep";
  if (!isTopic(topic)) return "notATopic";
  if (payload.length > limits.payloadBytesMax) return "payloadTooLarge";
  return session.rights.mayWrite(topic) ? null : "notAllowed";
}

function returnCodeOf(refusal: "wrongPassword" | "noName" | "tooManyFailures" | "busy"): number {
  switch (refusal) {
    case "wrongPassword":
      return BAD_LOGIN;
    case "noName":
      return NOT_AUTHORIZED;
    case "tooManyFailures":
    case "busy":
      return UNAVAILABLE;
  }
}
