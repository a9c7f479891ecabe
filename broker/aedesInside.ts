// What aedes 1.2 does not offer and we need all the same. Nothing outside this file leans on its insides.

import { Readable } from "node:stream";
import type { Aedes, Client, PublishPacket } from "aedes";
import type { Kept } from "./retained.ts";

type Deliver = (packet: PublishPacket, done: () => void) => void;

type ClientInside = Client & {
  deliver0: Deliver;
  deliverQoS: Deliver;
  readonly subscriptions: { readonly [filter: string]: unknown };
};

type Persistence = {
  storeRetained: (packet: PublishPacket) => Promise<void>;
  createRetainedStreamCombi: (filters: readonly string[]) => Readable;
  createRetainedStream: (filter: string) => Readable;
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
  const unwaited =
    (deliver: Deliver): Deliver =>
    (packet, done) => {
      if (packet.retain) {
        deliver(packet, done);
        return;
      }
      deliver(packet, ignore);
      setImmediate(done);
    };
  inside.deliver0 = unwaited(inside.deliver0);
  inside.deliverQoS = unwaited(inside.deliverQoS);
}

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
  const found = (filters: readonly string[]): Readable => Readable.from(packets(place, filters));
  persistence.createRetainedStreamCombi = found;
  persistence.createRetainedStream = (filter) => found([filter]);
  const store = persistence.incomingStorePacket.bind(persistence);
  persistence.incomingStorePacket = (client, packet) =>
    store(client, { ...packet, payload: NOTHING });
}

export function bytesOf(payload: string | Uint8Array): Buffer {
  if (typeof payload === "string") return Buffer.from(payload, "utf8");
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

function* packets(place: RetainedPlace, filters: readonly string[]): Generator<PublishPacket> {
  for (const filter of filters) {
    for (const { topic, qos, payload } of place.matching(filter)) {
      yield { cmd: "publish", topic, qos, payload: bytesOf(payload), retain: true, dup: false };
    }
  }
}

function ignore(): void {}
