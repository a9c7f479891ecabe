// GET /api/pvtrading/hours: who may ask, and what is no question. The figures: test/integration/lab/past.test.ts and
// Table V here.

import { expect, test } from "vitest";
import {
  ADMIN,
  BUYERS,
  LISTING,
  mustBe,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
} from "../../support/restDoor.ts";

const PATH = "/api/pvtrading/hours";

test("a member's hours, told to whoever may read the listings", async () => {
  await using closers = new AsyncDisposableStack();
  const home = await openTestHome();
  closers.defer(() => home.close());
  await startPaper(home);
  const token = home.tokenOf(BUYERS[0]);
  const hours = async (member: string) =>
    await home.ask("GET", `${PATH}?member=${encodeURIComponent(member)}`, { token });
  // Nothing is closed yet.
  expect((await mustBe(200, hours(SELLERS[0]))).json).toEqual([]);
  expect((await mustBe(200, hours(`resource:${NS}.Member#${SELLERS[0]}`))).json).toEqual([]);
  const say = (type: string, who: string, body: object) =>
    mustBe(200, home.ask("POST", `/api/${NS}.${type}`, { token: home.tokenOf(who), body }));
  const listingid = `resource:${NS}.kWhlisting#${LISTING}`;
  const pv = `resource:${NS}.PV#seller1house`;
  await say("PVOffer", SELLERS[0], { kWhavailable: 6, reservePrice: 0, listingid, pv });
  const member = `resource:${NS}.Member#${BUYERS[0]}`;
  await say("BUYOffer", BUYERS[0], { BidPrice: 3, kWhQuantity: 1.5, listingid, member });
  await say("CloseBidding", ADMIN, { listingid });
  const row = { listingid: LISTING, mcp: 3, soldKwh: 0, boughtKwh: 0, earned: 0, spent: 0 };
  // 1.5 kWh at 3 are 4.5 tokens.
  expect((await hours(SELLERS[0])).json).toEqual([{ ...row, soldKwh: 1.5, earned: 4.5 }]);
  expect((await hours(BUYERS[0])).json).toEqual([{ ...row, boughtKwh: 1.5, spent: 4.5 }]);
  expect((await hours("nobody@vt.edu")).json).toEqual([row]);
  expect((await hours(`resource:${NS}.PV#seller1house`)).status).toBe(422);
  expect((await home.ask("GET", PATH, { token })).status).toBe(400);
  expect((await home.ask("GET", `${PATH}?member=x`, {})).status).toBe(401);
  const noReader = home.tokenOf(BUYERS[0], { scopes: ["wallet"] });
  expect((await home.ask("GET", `${PATH}?member=x`, { token: noReader })).status).toBe(403);
});
