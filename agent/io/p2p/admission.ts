// Admission by card. The dialler shows its certificate, the listener judges it and shows its own.
// The listener answers before it tells anyone, so whatever it says next finds the dialler ready.

import type { Connection, Stream } from "@libp2p/interface";
import type { MemberId } from "../../core/units/ids.ts";
import type { Log } from "../../ports.ts";
import type { Limits } from "./limits.ts";
import type { Neighbour } from "./neighbours.ts";
import { closeWriting, letGo, readFrame, sendFrame } from "./streams.ts";

/** One exchange per connection; a second one is refused by libp2p. */
export const CARD_STREAMS_MAX = 1;

export type AdmissionParts = {
  /** The protocol's full name: another community does not speak it. */
  readonly protocol: string;
  /** Our own certificate, DER. */
  readonly certificate: Uint8Array;
  readonly limits: Limits;
  readonly log: Log;
  readonly neighbourOf: (connection: Connection) => Neighbour | null;
  /** Null refuses. */
  readonly admit: (certificate: Uint8Array, publicKey: Uint8Array) => MemberId | null;
  readonly admitted: (neighbour: Neighbour, member: MemberId, certificate: Uint8Array) => void;
  readonly refused: (neighbour: Neighbour) => void;
  /** No judgement was possible: the stream broke, or the peer does not speak our protocol. */
  readonly failed: (neighbour: Neighbour) => void;
};

/** The dialler's part. */
export async function showCard(neighbour: Neighbour, parts: AdmissionParts): Promise<void> {
  await exchange(neighbour, parts, async (signal) => {
    const stream = await neighbour.connection.newStream(parts.protocol, { signal });
    try {
      sendFrame(stream, parts.certificate);
      closeWriting(stream, signal);
      const theirs = await readFrame(stream, {
        bytesMax: parts.limits.certificateBytesMax,
        signal,
      });
      const member = parts.admit(theirs, neighbour.publicKey);
      if (member === null) parts.refused(neighbour);
      else parts.admitted(neighbour, member, theirs);
    } finally {
      letGo(stream);
    }
  });
}

/** The listener's part. */
export async function judgeCard(
  stream: Stream,
  connection: Connection,
  parts: AdmissionParts,
): Promise<void> {
  const neighbour = parts.neighbourOf(connection);
  // Who listens on this connection is settled: the dialler does not ask for the card first.
  if (neighbour === null || neighbour.card !== null || connection.direction !== "inbound") {
    return letGo(stream);
  }
  await exchange(neighbour, parts, async (signal) => {
    const theirs = await readFrame(stream, { bytesMax: parts.limits.certificateBytesMax, signal });
    const member = parts.admit(theirs, neighbour.publicKey);
    if (member === null) {
      letGo(stream);
      return parts.refused(neighbour);
    }
    sendFrame(stream, parts.certificate);
    closeWriting(stream, AbortSignal.timeout(parts.limits.admissionMs));
    parts.admitted(neighbour, member, theirs);
  });
}

async function exchange(
  neighbour: Neighbour,
  parts: AdmissionParts,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const cancel = new AbortController();
  const timer = setTimeout(() => cancel.abort(), parts.limits.admissionMs);
  try {
    await run(cancel.signal);
  } catch (error) {
    parts.log.debug("no card exchanged", { peer: neighbour.key, error });
    parts.failed(neighbour);
  } finally {
    clearTimeout(timer);
  }
}
