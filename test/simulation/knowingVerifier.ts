// Verifies at once what was signed in this process: a good signature needs no second opinion, and most of the
// simulator's are good. Everything else goes the agent's own way.

import { sameBytes } from "../../agent/core/codec/bytes.ts";
import { type SignedBytes, Verifier } from "../../agent/core/crypto.ts";
import type { Signer } from "../../agent/ports.ts";

type Known = Pick<SignedBytes, "publicKey" | "message">;

export class KnowingVerifier extends Verifier {
  readonly #known = new Map<string, Known>();

  /** A card whose signatures this verifier takes note of. */
  watch<S extends Signer>(signer: S): S {
    const { publicKey } = signer;
    const sign: Signer["sign"] = (message) => {
      const signature = signer.sign(message);
      this.#known.set(nameOf(signature), { publicKey, message });
      return signature;
    };
    return { ...signer, sign };
  }

  override verify(signed: SignedBytes): boolean {
    const known = this.#known.get(nameOf(signed.signature));
    const isKnown =
      known !== undefined &&
      sameBytes(known.message, signed.message) &&
      sameBytes(known.publicKey, signed.publicKey);
    return isKnown || super.verify(signed);
  }
}

function nameOf(signature: Uint8Array): string {
  return Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString("latin1");
}
