// The retained messages: each topic's last word. Bounded, and kept in a small file over a restart, for not
// every publisher says everything again when it comes back.

import fs from "node:fs/promises";
import { z } from "zod";
import { BrokerError, causeText } from "./brokerError.ts";
import { isTopic, levelsOf, matches } from "./topicFilter.ts";
import { writeWhole } from "./wholeFile.ts";

export type Kept = {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly payload: Buffer;
};

export type RetainedLimits = {
  readonly retainedMax: number;
  readonly retainedBytesMax: number;
  /** Of one home, so that it leaves room for its neighbours. */
  readonly retainedOfHomeMax: number;
  readonly retainedBytesOfHomeMax: number;
};

type Used = { readonly count: number; readonly bytes: number };

const NONE: Used = { count: 0, bytes: 0 };

/** In the file: base64 and escaped topics, and names around each. */
const FILE_BYTES_PER_BYTE = 4;
const FILE_BYTES_PER_MESSAGE = 64;

const shape = z.strictObject({
  retained: z.array(
    z.strictObject({
      topic: z.string().min(1),
      qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
      payload: z.base64(),
    }),
  ),
});

export class Retained {
  readonly #limits: RetainedLimits;
  readonly #kept = new Map<string, Kept>();
  /** By `ownerOf`. */
  readonly #used = new Map<string, Used>();
  #bytes = 0;

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** An empty payload erases. False: there is no room, and what was there before stays. */
  keep({ topic, qos, payload }: Kept): boolean {
    const before = this.#kept.get(topic);
    const owner = ownerOf(topic);
    const used = this.#used.get(owner) ?? NONE;
    const freed = before === undefined ? 0 : bytesOf(before);
    const others = {
      count: used.count - (before === undefined ? 0 : 1),
      bytes: used.bytes - freed,
    };
    if (payload.length === 0) {
      this.#kept.delete(topic);
      this.#bytes -= freed;
      if (others.count === 0) this.#used.delete(owner);
      else this.#used.set(owner, others);
      return true;
    }
    // A copy: what comes in is a piece of a larger buffer, which it would hold on to.
    const kept = { topic, qos, payload: Buffer.from(payload) };
    const now = { count: others.count + 1, bytes: others.bytes + bytesOf(kept) };
    const bytes = this.#bytes - freed + bytesOf(kept);
    const count = this.#kept.size + (before === undefined ? 1 : 0);
    const { retainedMax, retainedBytesMax } = this.#limits;
    const { retainedOfHomeMax, retainedBytesOfHomeMax } = this.#limits;
    if (count > retainedMax || bytes > retainedBytesMax) return false;
    if (now.count > retainedOfHomeMax || now.bytes > retainedBytesOfHomeMax) return false;
    this.#kept.set(topic, kept);
    this.#used.set(owner, now);
    this.#bytes = bytes;
    return true;
  }

  /** In the order in which their topics were first kept. */
  *matching(filter: string): Generator<Kept> {
    const levels = levelsOf(filter);
    for (const kept of this.#kept.values()) {
      if (matches(levels, levelsOf(kept.topic))) yield kept;
    }
  }

  /**
   * Writes all of it. `wills` overrule: what is restored is true of a time when nobody is connected, and
   * then each will has been said. Throws BrokerError.
   */
  async save(file: string, wills: readonly Kept[]): Promise<void> {
    const all = new Map(this.#kept);
    for (const will of wills) {
      if (will.payload.length === 0) all.delete(will.topic);
      else all.set(will.topic, will);
    }
    const retained = [...all.values()].map(({ topic, qos, payload }) => {
      return { topic, qos, payload: Buffer.from(payload).toString("base64") };
    });
    try {
      await writeWhole(file, JSON.stringify({ retained }));
    } catch (cause) {
      throw new BrokerError(
        "fileFailed",
        `${file}: cannot be written (${causeText(cause)})`,
        cause,
      );
    }
  }

  /**
   * Takes in what was saved; no file is no message. False: it is damaged, and nothing was taken, for its
   * publishers will say it again. Throws BrokerError where the disk refuses.
   */
  async restore(file: string): Promise<boolean> {
    let text: string;
    try {
      const { size } = await fs.stat(file);
      const { retainedMax, retainedBytesMax } = this.#limits;
      const sizeMax = FILE_BYTES_PER_BYTE * retainedBytesMax + FILE_BYTES_PER_MESSAGE * retainedMax;
      if (size > sizeMax) return false;
      text = await fs.readFile(file, "utf8");
    } catch (cause) {
      const code = causeText(cause);
      if (code === "ENOENT") return true;
      throw new BrokerError("fileFailed", `${file}: cannot be read (${code})`, cause);
    }
    const parsed = shape.safeParse(parseOrNull(text));
    if (!parsed.success || parsed.data.retained.some(({ topic }) => !isTopic(topic))) return false;
    for (const { topic, qos, payload } of parsed.data.retained) {
      this.keep({ topic, qos, payload: Buffer.from(payload, "base64") });
    }
    return true;
  }
}

/** Whose a topic is: the home of pvtrading/<home>/... and of its discovery; of other topics the first level. */
export function ownerOf(topic: string): string {
  const [root = "", second = "", third = ""] = levelsOf(topic);
  if (root === "pvtrading") return `${root}_${second}`;
  return root === "homeassistant" && second === "device" ? third : root;
}

function bytesOf({ topic, payload }: Kept): number {
  return 2 * topic.length + payload.length;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
