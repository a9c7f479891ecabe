// The liar's signatures are what they claim to be: ones that the signature rule accepts and OpenSSL refuses.

import { createPrivateKey, createPublicKey, randomBytes, verify } from "node:crypto";
import { expect, test } from "vitest";
import { Verifier } from "../../../agent/core/crypto.ts";
import { createKey, publicKeyOf } from "../../../agent/io/keys.ts";
import { edgeSignature } from "../../perturb/liar/edgeSigner.ts";

test("edge signatures are valid by the cofactored rule only, each of them", () => {
  const key = createKey();
  const { d } = key.export({ format: "jwk" });
  const seed = new Uint8Array(Buffer.from(d ?? "", "base64url"));
  const publicKey = publicKeyOf(key);
  const openssl = createPublicKey(createPrivateKey(key.export({ format: "pem", type: "pkcs8" })));
  for (let i = 0; i < 20; i += 1) {
    const message = new Uint8Array(randomBytes(40));
    const signature = edgeSignature(seed, message);
    expect(new Verifier().verify({ publicKey, message, signature })).toBe(true);
    expect(verify(null, message, openssl, signature)).toBe(false);
    const other = Uint8Array.from(message, (byte) => byte ^ 1);
    expect(new Verifier().verify({ publicKey, message: other, signature })).toBe(false);
  }
});
