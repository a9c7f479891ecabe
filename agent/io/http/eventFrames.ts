// What the agent tells, as frames for the WebSockets. An event alone does not say which block it is of; the
// agent tells of a block first and of its events then.

import type { ComposerContext } from "../../core/composer/context.ts";
import { framesOf } from "../../core/composer/events.ts";
import type { AgentEvent, Publisher } from "../../ports.ts";
import type { Sockets } from "./sockets.ts";

export function createFramePublisher(
  composer: ComposerContext,
  sockets: Pick<Sockets, "send" | "review" | "count">,
): Publisher {
  let block: Extract<AgentEvent, { type: "block" }> | null = null;
  let count = 0;
  return {
    publish: (told) => {
      if (told.type === "block") {
        block = told;
        count = 0;
        return;
      }
      if (told.type !== "ledger" || block === null || block.height !== told.height) return;
      const { event, height } = told;
      if (event.type === "memberRevoked") sockets.review();
      const { time, blockId } = block;
      const happened = { event, height, time, blockId, count };
      count += 1;
      if (sockets.count() === 0) return;
      const frames = framesOf(composer, happened);
      if (frames === null) return;
      const { frame, publicFrame } = frames;
      sockets.send({
        all: JSON.stringify(frame),
        public: publicFrame === null ? null : JSON.stringify(publicFrame),
      });
    },
  };
}
