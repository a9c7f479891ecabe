import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesToHex, hexToBytes } from "../../../agent/core/codec/hex.ts";
import { inclusionProof, merkleRoot, verifyInclusion } from "../../../agent/core/merkle.ts";

/** The inputs and roots that certificate transparency's own tests use. */
const INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"].concat([
  "606162636465666768696a6b6c6d6e6f",
]);
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

const sha = (...parts: Uint8Array[]) =>
  Uint8Array.from(createHash("sha256").update(Buffer.concat(parts)).digest());
const leaf = (text: string) => new TextEncoder().encode(text);

describe("merkle", () => {
  it("hashes nothing for no leaves", () => {
    // SHA-256 of the empty string.
    expect(bytesToHex(merkleRoot([]))).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  it("has the roots of certificate transparency's test tree", () => {
    const leaves = INPUTS.map(hexToBytes);
    for (const [i, root] of ROOTS.entries()) {
      expect(bytesToHex(merkleRoot(leaves.slice(0, i + 1)))).toBe(root);
    }
  });

  it("splits three leaves as two and one, and proves each by hand", () => {
    const [zero, one] = [Uint8Array.of(0), Uint8Array.of(1)];
    const [a, b, c] = [leaf("a"), leaf("b"), leaf("c")];
    const [ha, hb, hc] = [sha(zero, a), sha(zero, b), sha(zero, c)];
    // root = H(1, H(1, a, b), c)
    const ab = sha(one, ha, hb);
    expect(merkleRoot([a, b, c])).toEqual(Buffer.from(sha(one, ab, hc)));
    const hex = (proof: Uint8Array[]) => proof.map(bytesToHex);
    expect(hex(inclusionProof([a, b, c], 0))).toEqual(hex([hb, hc]));
    expect(hex(inclusionProof([a, b, c], 1))).toEqual(hex([ha, hc]));
    expect(hex(inclusionProof([a, b, c], 2))).toEqual(hex([ab]));
  });

  it("a lone leaf is not a node of the same bytes", () => {
    const [x, y] = [sha(leaf("x")), sha(leaf("y"))];
    const forged = Uint8Array.from([...x, ...y]);
    expect(bytesToHex(merkleRoot([forged]))).not.toBe(bytesToHex(merkleRoot([x, y])));
  });

  it("proves every leaf of every size, and nothing else", () => {
    const leaves = Array.from({ length: 33 }, (_, i) => leaf(`leaf ${i}`));
    for (let size = 1; size <= leaves.length; size += 1) {
      const tree = leaves.slice(0, size);
      const root = merkleRoot(tree);
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof(tree, index);
        const claim = { leaf: leaf(`leaf ${index}`), index, size, proof, root };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: leaf("another") })).toBe(false);
        expect(verifyInclusion({ ...claim, index: index + 1 })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...proof, root] })).toBe(false);
        if (size > 1) expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false);
      }
    }
  });

  it("never throws on a claim from outside", () => {
    fc.assert(
      fc.property(
        fc.record({
          leaf: fc.uint8Array(),
          index: fc.oneof(fc.integer(), fc.double()),
          size: fc.oneof(fc.integer(), fc.double()),
          proof: fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 70 }),
          root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        }),
        (claim) => verifyInclusion(claim) === false,
      ),
    );
  });
});
