// Commands as they come out of a broker, many at once, on a ledger of one home.

import { afterEach, beforeEach, expect, it } from "vitest";
import { Verifier } from "../../../agent/core/crypto.ts";
import type { UnixMs } from "../../../agent/core/units/time.ts";
import { createCommit } from "../../../agent/io/http/commits.ts";
import { DEFAULT_REST_LIMITS } from "../../../agent/io/http/limits.ts";
import { createCommands } from "../../../agent/io/mqtt/commands.ts";
import type { Received } from "../../../agent/io/mqtt/link.ts";
import { homeTopics } from "../../../broker/topics.ts";
import {
  BUYERS,
  LISTING,
  NS,
  openTestHome,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";
import { silentLog } from "../../support/silentLog.ts";

const topics = homeTopics("h");
let home: TestHome;
let answers: { topic: string; said: { ok: boolean; error?: { statusCode: number } } }[];
let warnings: string[];
let now: number;
let obey: (message: Received) => void;
beforeEach(async () => {
  home = await openTestHome();
  await startPaper(home);
  [answers, warnings, now] = [[], [], 0];
  const { door } = home.door;
  const log = { ...silentLog, warn: (message: string) => warnings.push(message) };
  obey = createCommands({
    ...{ topics, monotonic: () => now },
    context: {
      ...{ door, wallet: home.wallet, tokens: home.tokens, ca: null, log },
      composer: { namespace: NS, rules: door.rules },
      ...{ commit: createCommit(door, 2000), verifier: new Verifier() },
      ...{ limits: DEFAULT_REST_LIMITS, now: () => Date.now() as UnixMs },
    },
    answer: (topic, payload) => answers.push({ topic, said: JSON.parse(payload) }),
  });
});
afterEach(() => home.close());

const message = (body: object | string, more: Partial<Received> = {}): Received => ({
  topic: topics.set("bid"),
  payload: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  ...{ isRetained: false, ...more },
});
const bid = (id: string, BidPrice: number) => ({
  ...{ id, token: home.tokenOf(BUYERS[0]), listingid: LISTING, kWhQuantity: 1, BidPrice },
});
const codeOf = (id: string): number | undefined => {
  const said = answers.find(({ topic }) => topic === topics.response(id))?.said;
  return said?.ok === true ? 200 : said?.error?.statusCode;
};

it("hundreds without a token take no place from one that has it", async () => {
  for (let i = 0; i < 600; i += 1) obey(message({ id: `none${i}` }));
  obey(message(bid("mine", 4)));
  await expect.poll(() => answers.length).toBe(601);
  expect(codeOf("mine")).toBe(200);
  const codes = answers.map(({ said }) => said.error?.statusCode);
  expect(codes.filter((code) => code === 401)).toHaveLength(500);
  expect(codes.filter((code) => code === 429)).toHaveLength(100);
});

it("so many wait for the ledger, and have made room when they are answered", async () => {
  for (let i = 0; i < 40; i += 1) obey(message(bid(`b${i}`, 1 + i / 100)));
  await expect.poll(() => answers.length).toBe(40);
  const codes = Array.from({ length: 40 }, (_, i) => codeOf(`b${i}`));
  const busy = codes.filter((code) => code === 503).length;
  // 32 wait; some of them may be on the ledger before the last ones come.
  expect(busy).toBeGreaterThan(0);
  expect(busy).toBeLessThanOrEqual(8);
  obey(message(bid("later", 4)));
  await expect.poll(() => codeOf("later")).toBe(200);
});

it("what is not obeyed is told of once a minute", () => {
  for (let i = 0; i < 50; i += 1) obey(message("x".repeat(17_000)));
  obey(message(bid("kept", 4), { isRetained: true }));
  expect(warnings).toEqual(["a command is too long"]);
  now = 60_000;
  obey(message(bid("kept", 4), { isRetained: true }));
  expect(warnings).toEqual([
    "a command is too long",
    "a retained command is not obeyed: delete it at the broker",
  ]);
  expect(answers).toEqual([]);
});
