// Every message from the network, gossiped or pushed, comes through this door on its way to the handler.

import type { Log, NetworkHandlers, Reception, Topic } from "../../ports.ts";
import type { Limits } from "./limits.ts";
import type { Admitted } from "./neighbours.ts";
import { type SeenMessages, seenKey } from "./seen.ts";
import type { Tally } from "./tally.ts";

export type Arrival = {
  readonly topic: Topic;
  readonly message: Uint8Array;
  readonly from: Admitted;
  readonly way: "gossip" | "push";
};

export type ReceiverParts = {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly log: Log;
  readonly seen: SeenMessages;
  readonly now: () => number;
  readonly handlers: NetworkHandlers;
  /** The neighbour passed on what nobody honest passes on. */
  readonly rejected: (from: Admitted) => void;
};

/**
 * What the message deserves. Too many: ignored. Too large: rejected. The same bytes again: the first verdict.
 * A handler that throws is our bug, not the neighbour's fault: logged, ignored.
 */
export function receive({ topic, message, from, way }: Arrival, parts: ReceiverParts): Reception {
  const { limits, tally, seen, now } = parts;
  if (!from.messages.take(now())) {
    tally.count(`${way}.in.${topic}.limited`);
    return "ignore";
  }
  const key = seenKey(topic, message);
  const known = seen.verdict(key, now());
  if (known !== null) {
    tally.count(`${way}.in.${topic}.duplicate`);
    if (known === "reject") parts.rejected(from);
    return known;
  }
  const isTooLarge = message.length > limits.messageBytesMax;
  const reception = isTooLarge ? "reject" : ask({ topic, message, from, way }, parts);
  seen.remember(key, reception, now());
  tally.count(`${way}.in.${topic}.${reception}`);
  if (reception === "reject") parts.rejected(from);
  return reception;
}

function ask({ topic, message, from }: Arrival, parts: ReceiverParts): Reception {
  try {
    return parts.handlers.received(topic, message, from.card.memberId);
  } catch (error) {
    parts.tally.count("handler.threw");
    parts.log.error("network handler threw", { handler: "received", topic, error });
    return "ignore";
  }
}
