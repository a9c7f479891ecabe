// Every lie there is: what validators that lie are given a few of.

import type { Lie } from "../liar.ts";
import { CERTIFICATE_LIES } from "./certificates.ts";
import { FLOOD_LIES } from "./floods.ts";
import { PROPOSAL_LIES } from "./proposals.ts";
import { RECEIPT_LIES } from "./receipts.ts";
import { VOTE_LIES } from "./votes.ts";

export const LIES: readonly Lie[] = [
  ...VOTE_LIES,
  ...PROPOSAL_LIES,
  ...CERTIFICATE_LIES,
  ...RECEIPT_LIES,
  ...FLOOD_LIES,
];
