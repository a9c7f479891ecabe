// What aedes 1.2 does not offer and we need all the same. Nothing outside this file leans on its insides.

import { Readable } from "node:stream";
import type { Aedes, Client, PublishPacket } from "aedes";
import type { Kept } from "./retained.ts";
import { RetainedLine } from "./retainedLine.ts";

type Deliver = (packet: PublishPacket, done: () => void) => void;

type ClientInside = Client & {
  deliver0: Deliver;
  deliverQoS: Deliver;
  readonly subscriptions: { readonly [filter: string]: { readonly qos: 0 | 1 | 2 } | undefined };
};

type Persistence = {
  storeRetained: (packet: PublishPacket) => Promise<void>;
  createRetainedStreamCombi: (filters: readonly string[]) => Readable;
  incomingStorePacket: (client: Client, packet: PublishPacket) => Promise<void>;
};

type AedesInside = Aedes & { readonly persistence: Persistence };

const NOTHING = Buffer.alloc(0);

/**
 * Nobody waits for this client to take a message. As aedes does it, a publisher is not read from until every
 * subscriber has room again, so that one that is frozen holds up the others. Retained messages, which only
 * the client itself has asked for, still come at its own pace.
 */
export function waitForNoReader(client: Client): void {
  const inside = client as ClientInside;
  const passed = new Set<number>();
  const unwaited =
    (deliver: Deliver): Deliver =>
    (packet, done) => {
      if (packet.retain) {
        deliver(packet, done);
        return;
      }
      if (isNew(client, passed, packet)) deliver(packet, ignore);
      setImmediate(done);
    };
  inside.deliver0 = unwaited(inside.deliver0);
  const deliverQoS = unwaited(inside.deliverQoS);
  inside.deliverQoS = (packet, done) =>
    packet.qos === 0 ? inside.deliver0(packet, done) : deliverQoS(packet, done);
}

/** Two filters of one client get a message one right after the other. */
const PASSED_MAX = 256;

/**
 * Whether this client has not been given the message for another of its filters. As aedes does it, a message whose
 * number is lower than the one before it counts as given; but numbers are drawn before a retained message is kept,
 * and whatever is not retained overtakes it there: it would be lost for everybody who listens.
 */
function isNew(client: Client, passed: Set<number>, packet: PublishPacket): boolean {
  const { brokerId, brokerCounter } = packet as PublishPacket & Numbered;
  if (brokerId === undefined || brokerCounter === undefined) return true;
  if (passed.has(brokerCounter)) return false;
  passed.add(brokerCounter);
  if (passed.size > PASSED_MAX) for (const oldest of passed.values().take(1)) passed.delete(oldest);
  delete (client as Numbering).duplicates[brokerId];
  return true;
}

/** By broker, the number of the newest message that was passed on. */
type Numbering = Client & { readonly duplicates: { [brokerId: string]: number } };
type Numbered = { readonly brokerId?: string; readonly brokerCounter?: number };

export function subscriptionsOf(client: Client): number {
  return Object.keys((client as ClientInside).subscriptions).length;
}

export type RetainedPlace = {
  readonly keep: (message: Kept) => void;
  readonly matching: (filter: string) => Iterable<Kept>;
};

/** Retained messages lie with `place`; of what waits for the end of its QoS 2 handshake only the number is kept. */
export function useMemory(aedes: Aedes, place: RetainedPlace): void {
  const { persistence } = aedes as AedesInside;
  persistence.storeRetained = async ({ topic, qos, payload }) => {
    place.keep({ topic, qos, payload: bytesOf(payload) });
  };
  const lines = new WeakMap<Client, RetainedLine>();
  // Aedes says who has subscribed, and then asks for what is retained without a word of whom it is for.
  let asking: Client | null = null;
  aedes.on("subscribe", (_subscriptions, client) => {
    asking = client;
  });
  // As aedes does it, each SUBSCRIBE holds a stream of its own for as long as the client does not read.
  persistence.createRetainedStreamCombi = (filters) => {
    if (asking !== null) {
      const line = lines.get(asking) ?? lineOf(asking as ClientInside, place);
      lines.set(asking, line);
      line.ask(filters);
    }
    return Readable.from([]);
  };
  const store = persistence.incomingStorePacket.bind(persistence);
  persistence.incomingStorePacket = (client, packet) =>
    store(client, { ...packet, payload: NOTHING });
}

function lineOf(client: ClientInside, { matching }: RetainedPlace): RetainedLine {
  return new RetainedLine({
    matching: (filter) => matching(filter)[Symbol.iterator](),
    isWanted: (filter) => !client.closed && client.subscriptions[filter] !== undefined,
    deliver: ({ topic, qos, payload }, filter, done) => {
      const most = Math.min(qos, client.subscriptions[filter]?.qos ?? 0) as 0 | 1 | 2;
      const message = { cmd: "publish", topic, payload, retain: true, dup: false } as const;
      client.deliverQoS({ ...message, qos: most }, done);
    },
  });
}

export function bytesOf(payload: string | Uint8Array): Buffer {
  if (typeof payload === "string") return Buffer.from(payload, "utf8");
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

function ignore(): void {}
