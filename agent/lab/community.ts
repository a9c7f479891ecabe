// The laboratory's community file: the paper's market, with time-outs for processes on one machine.

import type { CommunityFileInput } from "../config/communityFile.ts";
import { bytesToHex } from "../core/codec/hex.ts";

export type LabCommunity = {
  readonly speed: number;
  readonly schedule: "hourly" | "manual";
  readonly caPublicKey: Uint8Array;
  readonly administrator: LabKey | null;
  readonly validators: readonly LabKey[];
};

export type LabKey = { readonly memberId: string; readonly publicKey: Uint8Array };

export const LAB_TIME_ZONE = "America/New_York";

/**
 * At X-1 min the cut-off comes; at higher speeds agreement needs minutes of market time after it. Receipts get
 * their five real seconds and the seal one more, as far as eleven minutes of market time allow: at 60 times
 * they have 4 s, the seal comes after 5 s, and the listing is void after 11 s.
 */
function fasterTimeline(speed: number): NonNullable<CommunityFileInput["timeline"]> {
  return {
    closeWithinSeconds: 600,
    receiptsWithinSeconds: Math.min(240, 5 * speed),
    sealAfterSeconds: Math.min(300, Math.max(15, 6 * speed)),
  };
}

const HOUSEHOLDS = { bidMaxKwh: 10, pvCapacityMaxW: 10_000, priceMax: 10 };
/** As large as may be: what people try by hand had no limits in the paper's laboratory. */
const LARGEST = {
  ...{ bidMaxKwh: 1000, pvCapacityMaxW: 1_000_000, priceMax: 1000 },
  pvsPerMemberMax: 16,
};

/** The schema's bounds, seconds. */
const PRECISION_MAX = 600;
const MESSAGE_DELAY_MAX = 3600;

/**
 * Clock bounds are market time, so they grow with the speed: a real second is `speed` seconds there.
 * The paper's scenario runs with the paper's letter (no guard), for it shows the paper's tables.
 */
export function labCommunity(lab: LabCommunity): CommunityFileInput {
  const { speed, schedule } = lab;
  const key = ({ memberId, publicKey }: LabKey) => ({
    ...{ memberId, publicKey: bytesToHex(publicKey) },
  });
  return {
    version: 1,
    name: "laboratory",
    timeZone: LAB_TIME_ZONE,
    schedule,
    timeline: speed > 1 ? fasterTimeline(speed) : {},
    agreement: {
      proposeSeconds: 1.5,
      prevoteSeconds: 0.5,
      precommitSeconds: 0.5,
      perRoundSeconds: 0.25,
      pauseSeconds: 0.1,
      precisionSeconds: Math.min(PRECISION_MAX, Math.max(1, speed)),
      messageDelaySeconds: Math.min(MESSAGE_DELAY_MAX, Math.max(4, 4 * speed)),
    },
    guard: schedule === "hourly",
    initialBalance: 200,
    ...(schedule === "manual" ? LARGEST : HOUSEHOLDS),
    caPublicKey: bytesToHex(lab.caPublicKey),
    administrator: lab.administrator === null ? null : key(lab.administrator),
    validators: lab.validators.map(key),
  };
}
