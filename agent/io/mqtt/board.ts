// What waits for the broker, and never more than a fixed amount of it, however long the broker is away: of each
// retained topic the last thing said, and of what is of its moment (events, answers) the newest few that are
// not old yet.

/** Retained topics of one home: 16 devices of four, and what a home has besides. */
const TOPICS_MAX = 128;
/** Events and answers that wait; the oldest goes first. */
export const MOMENTS_MAX = 1000;
/** Of their texts together. */
export const MOMENTS_BYTES_MAX: number = 4 * 1024 * 1024;
/** What has waited longer than this is no news. */
export const MOMENT_AGE_MAX_MS = 60_000;

export type Message = {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly qos: 0 | 1;
};

export type Board = {
  /** What a retained topic says from now on. */
  readonly put: (topic: string, payload: string) => void;
  /** Takes what the broker keeps on a topic away from it, once; not on a topic that says something. */
  readonly wipe: (topic: string) => void;
  /** Something of this moment. `now`: monotonic ms. */
  readonly tell: (message: Pick<Message, "topic" | "payload" | "qos">, now: number) => void;
  /** What to send next: state before moments; null: nothing. */
  readonly next: (now: number) => Message | null;
  /** `message` did not get through: a state waits again, unless there is newer. */
  readonly again: (message: Message) => void;
  /** Everything retained waits again, as for a broker that forgot. */
  readonly republish: (isWanted?: (topic: string) => boolean) => void;
  /** What was never sent, since the start. */
  readonly dropped: () => number;
};

type Moment = Pick<Message, "topic" | "payload" | "qos"> & {
  readonly at: number;
  readonly bytes: number;
};

export function createBoard(): Board {
  const states = new Map<string, string>();
  const waiting = new Set<string>();
  const moments: Moment[] = [];
  let bytes = 0;
  let dropped = 0;

  const drop = (): void => {
    bytes -= moments.shift()?.bytes ?? 0;
    dropped += 1;
  };

  return {
    put: (topic, payload) => {
      if (states.get(topic) === payload) return;
      if (!states.has(topic) && states.size >= TOPICS_MAX) {
        dropped += 1;
        return;
      }
      states.set(topic, payload);
      waiting.add(topic);
    },
    wipe: (topic) => {
      // Whoever fills the broker with topics of ours must not fill the board.
      if (!states.has(topic) && waiting.size < TOPICS_MAX) waiting.add(topic);
    },
    tell: (message, now) => {
      const size = Buffer.byteLength(message.payload);
      moments.push({ ...message, at: now, bytes: size });
      bytes += size;
      while (moments.length > MOMENTS_MAX || bytes > MOMENTS_BYTES_MAX) drop();
    },
    next: (now) => {
      for (const topic of waiting) {
        waiting.delete(topic);
        return { topic, payload: states.get(topic) ?? "", retain: true, qos: 1 };
      }
      while (moments[0] !== undefined && now - moments[0].at > MOMENT_AGE_MAX_MS) drop();
      const first = moments.shift();
      if (first === undefined) return null;
      bytes -= first.bytes;
      const { topic, payload, qos } = first;
      return { topic, payload, qos, retain: false };
    },
    again: ({ topic, retain }) => {
      if (retain) waiting.add(topic);
      else dropped += 1;
    },
    republish: (isWanted = () => true) => {
      for (const topic of states.keys()) if (isWanted(topic)) waiting.add(topic);
    },
    dropped: () => dropped,
  };
}
