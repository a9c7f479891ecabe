// From a driver's promise to the Device port: each read calls back once, whatever happens to the wire.

import type { Result } from "../../core/result.ts";
import type { Device, DeviceReading, DeviceRefusal } from "../../ports.ts";

export type Outcome = Result<DeviceReading, DeviceRefusal>;

/**
 * A Device over `readOnce`, which never overlaps with itself: a read that is asked for while
 * another is under way gets that one's outcome.
 */
export function callbackDevice(
  device: Pick<Device, "name" | "kind">,
  readOnce: () => Promise<Outcome>,
): Device {
  let waiting: ((outcome: Outcome) => void)[] | null = null;
  const run = async (): Promise<void> => {
    const outcome = await readOnce();
    const answered = waiting ?? [];
    waiting = null;
    for (const done of answered) done(outcome);
  };
  return {
    name: device.name,
    kind: device.kind,
    read: (done) => {
      if (waiting !== null) {
        waiting.push(done);
        return;
      }
      waiting = [done];
      void run();
    },
  };
}
