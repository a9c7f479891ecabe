// A network that goes nowhere: it records what the agent says and asks, and the test speaks for the neighbours.

import type { MemberId } from "../../agent/core/units/ids.ts";
import type { Network, NetworkHandlers, NetworkRequest, Topic } from "../../agent/ports.ts";

/** A question of the agent; `answered` is what the neighbour, or silence (null), says to it. */
export type Question = NetworkRequest & { readonly isOpen: () => boolean };

export type FakeNetwork = Network & {
  /** All that was published, oldest first. */
  readonly published: readonly { readonly topic: Topic; readonly message: Uint8Array }[];
  readonly said: (topic: Topic) => Uint8Array[];
  /** All questions so far, answered or not, oldest first. */
  readonly asked: readonly Question[];
  /** Questions of this protocol that nobody has answered yet, oldest first. */
  readonly open: (protocol: NetworkRequest["protocol"]) => Question[];
  /** What the agent gave to `start`. */
  readonly handlers: () => NetworkHandlers;
  /** Certified neighbours connect, in this order. */
  readonly join: (...peers: readonly string[]) => void;
  readonly leave: (peer: string) => void;
};

/** `onPublish` runs before a message is recorded: it may note the order, or throw as a power cut does. */
export function createFakeNetwork(
  onPublish: (topic: Topic, message: Uint8Array) => void = () => {},
): FakeNetwork {
  const published: { topic: Topic; message: Uint8Array }[] = [];
  const asked: Question[] = [];
  let peers: readonly MemberId[] = [];
  let handlers: NetworkHandlers | null = null;

  return {
    published,
    asked,
    start: (given) => {
      handlers = given;
    },
    publish: (topic, message) => {
      onPublish(topic, message);
      published.push({ topic, message });
    },
    request: (request) => {
      let isOpen = true;
      asked.push({
        ...request,
        isOpen: () => isOpen,
        answered: (reply) => {
          if (!isOpen) throw new Error(`${request.protocol} is answered once`);
          isOpen = false;
          request.answered(reply);
        },
      });
    },
    peers: () => peers,
    said: (wanted) =>
      published.filter(({ topic }) => topic === wanted).map(({ message }) => message),
    open: (protocol) => asked.filter((one) => one.protocol === protocol && one.isOpen()),
    handlers: () => {
      if (handlers === null) throw new Error("the network was not started");
      return handlers;
    },
    join: (...more) => {
      for (const peer of more as readonly MemberId[]) {
        peers = [...peers, peer];
        handlers?.joined(peer);
      }
    },
    leave: (peer) => {
      peers = peers.filter((one) => one !== peer);
      handlers?.left(peer as MemberId);
    },
  };
}
