// Lies of who is asked for blocks: certificates with a signer twice, with a stranger, of another community, with
// too few; another block under a good certificate; heights that nobody has.

import {
  type Certificate,
  decodeCertificate,
  encodeCertificate,
  voteSignBytes,
} from "../../../agent/core/consensus/message.ts";
import { decodeBlock, encodeBlock } from "../../../agent/core/ledger/block.ts";
import type { CommunityId, MemberId } from "../../../agent/core/units/ids.ts";
import { blocksReply, transactionsReply, votesReply } from "../../../agent/loops/wire.ts";
import type { Liar, Lie } from "../liar.ts";

const CLAIMED = 1_000_000;

export const CERTIFICATE_LIES: readonly Lie[] = [
  forged("lie: a certificate with one signer twice", (_liar, certificate) => {
    const [first] = certificate.signatures;
    if (first === undefined) return certificate;
    const signatures = certificate.signatures.map(() => first);
    return { ...certificate, signatures };
  }),
  forged("lie: a certificate with a stranger's signature", (liar, certificate) => {
    const [, ...rest] = certificate.signatures;
    const own = signature(liar, certificate, liar.community);
    const validator = "aaa@vt.edu" as MemberId;
    return { ...certificate, signatures: [{ validator, signature: own }, ...rest] };
  }),
  forged("lie: a certificate of another community", (liar, certificate) => {
    const other = "7".repeat(64) as CommunityId;
    const own = signature(liar, certificate, other);
    const signatures = certificate.signatures.map((one) => ({ ...one, signature: own }));
    return { ...certificate, signatures };
  }),
  forged("lie: a certificate with too few", (_liar, certificate) => ({
    ...certificate,
    signatures: certificate.signatures.slice(1),
  })),
  {
    name: "lie: another block under a good certificate",
    chance: 0.5,
    answers: (_liar, protocol, reply) => {
      const decoded = protocol === "blocks" ? blocksReply.decode(reply) : null;
      if (!decoded?.ok || decoded.value.blocks.length === 0) return null;
      const blocks = decoded.value.blocks.map(({ block, certificate }) => {
        const read = decodeBlock(block);
        if (!read.ok) return { block, certificate };
        const header = { ...read.value.header, stateRoot: "9".repeat(64) };
        return { block: encodeBlock({ ...read.value, header }), certificate };
      });
      return blocksReply.encode({ ...decoded.value, blocks });
    },
  },
  {
    name: "lie: a height that nobody has",
    chance: 0.2,
    answers: (_liar, protocol, reply) => {
      if (protocol === "blocks") return null;
      const form = protocol === "votes" ? votesReply : transactionsReply;
      const decoded = form.decode(reply);
      if (!decoded.ok) return null;
      return form.encode({ ...decoded.value, height: CLAIMED } as never);
    },
  },
];

type Forge = (liar: Liar, certificate: Certificate) => Certificate;

function forged(name: string, forge: Forge): Lie {
  return {
    name,
    chance: 0.5,
    answers: (liar, protocol, reply) => {
      const decoded = protocol === "blocks" ? blocksReply.decode(reply) : null;
      if (!decoded?.ok || decoded.value.blocks.length === 0) return null;
      const blocks = decoded.value.blocks.map((item) => {
        const certificate = decodeCertificate(item.certificate);
        if (!certificate.ok) return item;
        return { ...item, certificate: encodeCertificate(forge(liar, certificate.value)) };
      });
      return blocksReply.encode({ ...decoded.value, blocks });
    },
  };
}

function signature({ signer }: Liar, certificate: Certificate, community: CommunityId): Uint8Array {
  const { height, round, blockId } = certificate;
  return signer.sign(voteSignBytes(community, { vote: "precommit", height, round, blockId }));
}
