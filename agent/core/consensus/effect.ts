// All that the driver may ask of the world, to be done strictly in the order of the list.

import type { MemberId } from "../units/ids.ts";
import type { Durable, TimeoutKind } from "./input.ts";
import type { Certificate, Proposal, UnsignedProposal, UnsignedVote, Vote } from "./message.ts";

export type Effect =
  /**
   * Sign `message`, write it with `durable` in one synced transaction, and only then go on.
   * If the sign log holds the same (height, round, type): same bytes are reused, others are refused.
   */
  | { readonly type: "persist"; readonly durable: Durable; readonly message: UnsignedMessage }
  /** Send the message just persisted, and hand it back to the driver as an input. */
  | { readonly type: "send"; readonly message: UnsignedMessage }
  /** Build a block for this round and answer with a `value` input. */
  | { readonly type: "getValue"; readonly height: number; readonly round: number }
  | {
      readonly type: "scheduleTimeout";
      readonly kind: TimeoutKind;
      readonly height: number;
      readonly round: number;
    }
  | { readonly type: "decide"; readonly certificate: Certificate; readonly block: Uint8Array }
  /** Two different signed messages for one (height, round, type) by one validator. */
  | { readonly type: "evidence"; readonly evidence: Evidence };

export type UnsignedMessage =
  | ({ readonly type: "vote" } & UnsignedVote)
  | ({ readonly type: "proposal" } & UnsignedProposal);

export type Evidence =
  | {
      readonly type: "doubleVote";
      readonly validator: MemberId;
      readonly a: Vote;
      readonly b: Vote;
    }
  | {
      readonly type: "doubleProposal";
      readonly validator: MemberId;
      readonly a: Proposal;
      readonly b: Proposal;
    };
