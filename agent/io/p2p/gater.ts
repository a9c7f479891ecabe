// Who may connect at all, before any card is shown. Cards are judged in admission.ts.

import type { ConnectionGater, PeerId } from "@libp2p/interface";
import type { Limits } from "./limits.ts";

export type GaterParts = {
  readonly limits: Limits;
  /** False until the handlers are there, and after the end. */
  readonly isOpen: () => boolean;
  readonly isDenied: (peer: string) => boolean;
  readonly isValidator: (peer: string) => boolean;
  readonly isConnected: (peer: string) => boolean;
  readonly strangers: () => number;
  readonly admitted: () => number;
  readonly denied: () => void;
};

/** A full house still lets in validators, and a neighbour's next connection. */
export function connectionGater(parts: GaterParts): ConnectionGater {
  const { limits } = parts;
  const isRefused = (peer: PeerId): boolean =>
    !parts.isOpen() || peer.type !== "Ed25519" || parts.isDenied(peer.toString());
  const isFull = (key: string): boolean =>
    !parts.isValidator(key) &&
    !parts.isConnected(key) &&
    (parts.strangers() >= limits.strangersMax || parts.admitted() >= limits.neighboursMax);
  const counted = (isDenied: boolean): boolean => {
    if (isDenied) parts.denied();
    return isDenied;
  };
  return {
    denyInboundConnection: () => counted(!parts.isOpen()),
    denyInboundEncryptedConnection: (peer) => counted(isRefused(peer) || isFull(peer.toString())),
    denyDialPeer: (peer) => isRefused(peer),
    denyOutboundEncryptedConnection: (peer) => counted(isRefused(peer)),
  };
}
