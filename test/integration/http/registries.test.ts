// The paper's registries and transactions over REST, as its clients use them: Figs. 7 to 12 and Tables II to V.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { signTransaction } from "../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { keylessRegistration } from "../../support/ledger.ts";
import {
  ADMIN,
  BUYERS,
  LISTING,
  mustBe,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";

const api = (type: string, id = ""): string =>
  `/api/${NS}.${type}${id === "" ? "" : `/${encodeURIComponent(id)}`}`;
const member = (id: string): string => `resource:${NS}.Member#${id}`;
const listing = `resource:${NS}.kWhlisting#${LISTING}`;

describe("the paper's hour", () => {
  let home: TestHome;
  const token: { [user: string]: string } = {};
  beforeAll(async () => {
    home = await openTestHome();
    for (const user of [ADMIN, ...SELLERS, ...BUYERS]) token[user] = home.tokenOf(user);
  });
  afterAll(() => home.close());

  test("Fig. 7: a member is registered, echoed and read as in Table II", async () => {
    const body = {
      ...{ $class: `${NS}.Member`, balance: 200, email: SELLERS[0] },
      ...{ firstName: "seller1", lastName: "seller1" },
    };
    const path = `${api("Member")}?access_token=${token[ADMIN]}`;
    const posted = await mustBe(200, home.ask("POST", path, { body }));
    expect(posted.json).toEqual(body);
    const read = await mustBe(200, home.ask("GET", api("Member"), { token: token[ADMIN]! }));
    expect(read.json).toEqual([body]);
  });

  test("an array registers the others, and is answered by an array", async () => {
    const others = [SELLERS[1], ...BUYERS].map((email) => {
      const [name = ""] = email.split("@");
      return { balance: 200, email, firstName: name, lastName: name };
    });
    const posted = await home.ask("POST", api("Member"), { token: token[ADMIN]!, body: others });
    expect(posted.status).toBe(200);
    expect(posted.json.map((one: { email: string }) => one.email)).toEqual([SELLERS[1], ...BUYERS]);
    expect(home.door.state.members.size).toBe(5);
  });

  test("Fig. 8: a PV with a bare owner and a trailing blank is read as in Table III", async () => {
    const body = { $class: `${NS}.PV`, PVid: "seller1house ", owner: SELLERS[0] };
    await mustBe(200, home.ask("POST", api("PV"), { token: token[SELLERS[0]]!, body }));
    const second = { PVid: "seller2house", owner: member(SELLERS[1]) };
    await mustBe(200, home.ask("POST", api("PV"), { token: token[ADMIN]!, body: second }));
    const read = await home.ask("GET", api("PV"), { token: token[BUYERS[0]]! });
    expect(read.json).toEqual([
      { $class: `${NS}.PV`, PVid: "seller1house", owner: member(SELLERS[0]) },
      { $class: `${NS}.PV`, PVid: "seller2house", owner: member(SELLERS[1]) },
    ]);
  });

  test("Fig. 9: the listing is created with KWHavailable in it, and open", async () => {
    const body = {
      ...{ $class: `${NS}.kWhlisting`, listingid: LISTING, KWHavailable: 0 },
      ...{ state: "ACCEPT_OFFERS", pvoffers: [], buyoffers: [] },
    };
    const posted = await home.ask("POST", api("kWhlisting"), { token: token[ADMIN]!, body });
    expect([posted.status, posted.json]).toEqual([200, body]);
    const read = await home.ask("GET", api("kWhlisting", LISTING), { token: token[ADMIN]! });
    const { KWHavailable: _, ...stored } = body;
    expect(read.json).toEqual(stored);
  });

  test("Figs. 11 and 12: offers and bids come back with a transactionId", async () => {
    for (const [seller, pv] of [
      [SELLERS[0], "seller1house"],
      [SELLERS[1], "seller2house"],
    ] as const) {
      const body = { reservePrice: 0, kWhavailable: 6, listingid: listing, pv };
      const posted = await home.ask("POST", api("PVOffer"), { token: token[seller]!, body });
      expect(posted.status).toBe(200);
      expect(posted.json).toEqual({
        ...{ $class: `${NS}.PVOffer`, ...body },
        transactionId: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
    }
    for (const [i, kWh] of [5, 3, 1].entries()) {
      const buyer = BUYERS[i]!;
      const body = { BidPrice: 3, kWhQuantity: kWh, listing, member: member(buyer) };
      await mustBe(200, home.ask("POST", api("BUYOffer"), { token: token[buyer]!, body }));
    }
  });

  test("the same offer again keeps its id and its place; nothing is signed", async () => {
    const signed = home.door.signed.length;
    const body = { reservePrice: 0, kWhavailable: 6, listingid: LISTING, pv: "seller1house" };
    const again = await home.ask("POST", api("PVOffer"), { token: token[SELLERS[0]]!, body });
    const [live] = [...home.door.state.listings.values()][0]!.pvOffers.values();
    expect([again.status, again.json.transactionId]).toEqual([200, live!.transactionId]);
    const bid = { BidPrice: 3, kWhQuantity: 5, listing, member: BUYERS[0] };
    await mustBe(200, home.ask("POST", api("BUYOffer"), { token: token[BUYERS[0]]!, body: bid }));
    expect(home.door.signed.length).toBe(signed);
  });

  test("a changed offer amends: another transaction", async () => {
    const body = { reservePrice: 0, kWhavailable: 4, listingid: LISTING, pv: "seller2house" };
    await mustBe(200, home.ask("POST", api("PVOffer"), { token: token[SELLERS[1]]!, body }));
    const back = { ...body, kWhavailable: 6 };
    await mustBe(200, home.ask("POST", api("PVOffer"), { token: token[SELLERS[1]]!, body: back }));
    const read = await home.ask("GET", api("kWhlisting", LISTING), { token: token[ADMIN]! });
    expect(read.json.pvoffers.map((one: { kWhavailable: number }) => one.kWhavailable)).toEqual([
      6, 6,
    ]);
    const all = await home.ask("GET", api("PVOffer"), { token: token[ADMIN]! });
    expect(all.json.map((one: { kWhavailable: number }) => one.kWhavailable)).toEqual([6, 6, 4, 6]);
    const { transactionId } = all.json[2];
    const one = await home.ask("GET", api("PVOffer", transactionId), { token: token[ADMIN]! });
    expect(one.json).toEqual(all.json[2]);
    const other = await home.ask("GET", api("BUYOffer", transactionId), { token: token[ADMIN]! });
    expect(other.status).toBe(404);
  });

  test("closing by PUT of the state ends with Table V", async () => {
    const path = api("kWhlisting", LISTING);
    const body = { listingid: LISTING, state: "AUCTION_CLOSED", pvoffers: [], buyoffers: [] };
    const byMember = await home.ask("PUT", path, { token: token[SELLERS[0]]!, body });
    expect([byMember.status, byMember.json.error.code]).toEqual([403, "ACCESS_DENIED"]);
    await mustBe(200, home.ask("PUT", path, { token: token[ADMIN]!, body }));
    const again = await home.ask("PUT", path, { token: token[ADMIN]!, body });
    expect(again.status).toBe(200);
    const opened = { ...body, state: "ACCEPT_OFFERS" };
    const reopened = await home.ask("PUT", path, { token: token[ADMIN]!, body: opened });
    expect(reopened.status).toBe(409);
    const read = await home.ask("GET", api("Member"), { token: token[ADMIN]! });
    const balances = read.json.map((one: { email: string; balance: number }) => [
      one.email,
      one.balance,
    ]);
    expect(Object.fromEntries(balances)).toEqual({
      ...{ "buyer1@vt.edu": 185, "buyer2@vt.edu": 191, "buyer3@vt.edu": 197 },
      ...{ "seller1@vt.edu": 218, "seller2@vt.edu": 209 },
    });
    const closed = await home.ask("GET", path, { token: token[ADMIN]! });
    expect([closed.json.state, closed.json.mcp, closed.json.fills.length]).toEqual([
      "AUCTION_CLOSED",
      3,
      4,
    ]);
  });

  test("an offer in a closed listing is refused with 409", async () => {
    const body = { reservePrice: 0, kWhavailable: 1, listingid: LISTING, pv: "seller1house" };
    const late = await home.ask("POST", api("PVOffer"), { token: token[SELLERS[0]]!, body });
    expect([late.status, late.json.error.code]).toEqual([409, "listingNotOpen"]);
  });
});

describe("registries", () => {
  let home: TestHome;
  let admin: string;
  let seller: string;
  beforeAll(async () => {
    home = await openTestHome();
    admin = home.tokenOf(ADMIN);
    seller = home.tokenOf(SELLERS[0]);
    await startPaper(home);
  });
  afterAll(() => home.close());

  test("tell a type from an id from a method that is not there", async () => {
    const told = async (method: string, path: string): Promise<unknown[]> => {
      const { status, json } = await home.ask(method, path, { token: admin });
      return [status, json.error.message];
    };
    expect(await told("GET", `/api/${NS}.Nothing`)).toEqual([
      404,
      `There is no method to handle GET /${NS}.Nothing`,
    ]);
    // Table IV's title is another spelling, and no path.
    expect(await told("GET", api("KWHListing"))).toEqual([
      404,
      `There is no method to handle GET /${NS}.KWHListing`,
    ]);
    expect(await told("GET", api("Member", "x@y.z"))).toEqual([
      404,
      'Unknown "org_acme_pv_auction_Member" id "x@y.z".',
    ]);
    expect(await told("PATCH", `${api("Member")}/x?access_token=secret`)).toEqual([
      404,
      'Shared class "org_acme_pv_auction_Member" has no method handling PATCH /x',
    ]);
    expect(await told("DELETE", api("PVOffer", "x"))).toEqual([
      404,
      'Shared class "org_acme_pv_auction_PVOffer" has no method handling DELETE /x',
    ]);
  });

  test("HEAD answers as GET does, without a body", async () => {
    const there = await home.ask("HEAD", api("Member", SELLERS[0]), { token: seller });
    expect([there.status, there.text]).toEqual([200, ""]);
    expect((await home.ask("HEAD", api("Member", "no@vt.edu"), { token: seller })).status).toBe(
      404,
    );
  });

  test("ids in paths may be encoded or not", async () => {
    const plain = await home.ask("GET", `/api/${NS}.kWhlisting/${LISTING}`, { token: seller });
    const encoded = await home.ask("GET", api("kWhlisting", LISTING), { token: seller });
    expect([plain.status, plain.json]).toEqual([200, encoded.json]);
    expect(
      (await home.ask("GET", `/api/${NS}.Member/${SELLERS[0]}`, { token: seller })).status,
    ).toBe(200);
  });

  test("a second one of an id is 409, in Composer's words", async () => {
    const body = { balance: 200, email: SELLERS[0], firstName: "a", lastName: "b" };
    const { status, json } = await home.ask("POST", api("Member"), { token: admin, body });
    expect(status).toBe(409);
    expect(json.error.message).toBe(
      `Failed to add object with ID '${SELLERS[0]}' in collection with ID 'Participant:${NS}.Member' as the object already exists`,
    );
  });

  test("one wrong member of an array, and nothing is signed", async () => {
    const signed = home.door.signed.length;
    const good = { balance: 200, email: "new@vt.edu", firstName: "a", lastName: "b" };
    const post = (body: unknown[]) => home.ask("POST", api("Member"), { token: admin, body });
    const { email: _, ...nameless } = good;
    expect((await post([good, nameless])).status).toBe(422);
    expect((await post([good, { ...good, email: SELLERS[0] }])).status).toBe(409);
    expect((await post([good, good])).status).toBe(409);
    const roofs = [1, 2, 3].map((i) => ({ PVid: `roof${i}`, owner: BUYERS[0] }));
    const tooMany = await home.ask("POST", api("PV"), { token: admin, body: roofs });
    expect([tooMany.status, tooMany.json.error.code]).toEqual([409, "pvsPerMemberMax"]);
    const nobodys = [roofs[0], { PVid: "roof9", owner: "nobody@vt.edu" }];
    const ask = await home.ask("POST", api("PV"), { token: admin, body: nobodys });
    expect(ask.status).toBe(404);
    const token = home.tokenOf(BUYERS[2]);
    const bid = { BidPrice: 1, kWhQuantity: 1, listingid: LISTING, member: BUYERS[2] };
    const lost = { ...bid, listingid: "21Mar18-23:00" };
    const bids = await home.ask("POST", api("BUYOffer"), { token, body: [bid, lost] });
    expect(bids.status).toBe(404);
    const closing = [LISTING, "21Mar18-23:00"].map((listingid) => ({ listingid }));
    const close = await home.ask("POST", api("CloseBidding"), { token: admin, body: closing });
    expect(close.status).toBe(404);
    expect((await post(Array.from({ length: 101 }, () => good))).status).toBe(413);
    expect(home.door.signed.length).toBe(signed);
    expect(await post([]).then(({ status, json }) => [status, json])).toEqual([200, []]);
  });

  test("what another was quicker with is told one by one", async () => {
    const body = ["late1@vt.edu", "late2@vt.edu"].map((email) => ({
      ...{ email, balance: 200, firstName: "a", lastName: "b" },
    }));
    home.door.isHeld = true;
    const asked = home.ask("POST", api("Member"), { token: admin, body });
    await vi.waitFor(() => expect(home.door.held).toBe(2));
    const { card } = home.wallet.ofMember(memberId(ADMIN))!;
    const unsigned = { author: card.memberId, payload: keylessRegistration("late2@vt.edu") };
    home.door.put([signTransaction(communityId(home.rules), unsigned, card.sign)]);
    home.door.letGo();
    const { status, json } = await asked;
    expect([status, json.error.name]).toEqual([409, "ArrayOfErrors"]);
    expect(json.error.details).toMatchObject([
      { statusCode: 200, email: "late1@vt.edu" },
      { statusCode: 409, code: "memberExists" },
    ]);
  });

  test("a PV's PUT with the same values is an echo, with others 409", async () => {
    const put = (owner: string) =>
      home.ask("PUT", api("PV", "seller1house"), {
        token: admin,
        body: { PVid: "seller1house", owner },
      });
    const signed = home.door.signed.length;
    expect((await put(SELLERS[0])).status).toBe(200);
    expect((await put(SELLERS[1])).status).toBe(409);
    expect(home.door.signed.length).toBe(signed);
    const body = { PVid: "nothouse", owner: SELLERS[0] };
    expect((await home.ask("PUT", api("PV", "nothouse"), { token: admin, body })).status).toBe(404);
    const wrong = await home.ask("PUT", api("PV", "seller1house"), { token: admin, body });
    expect(wrong.status).toBe(400);
  });

  test("a PV's PUT is for its owner, whoever the body says that is", async () => {
    const path = api("PV", "seller1house");
    const put = (owner: string) =>
      home.ask("PUT", path, {
        token: home.tokenOf(BUYERS[0]),
        body: { PVid: "seller1house", owner },
      });
    expect((await put(BUYERS[0])).status).toBe(403);
    expect((await put(SELLERS[0])).status).toBe(403);
  });

  test("an id in a path or a filter is read like one in a body: blanks round it do not count", async () => {
    const token = home.tokenOf(SELLERS[0]);
    await mustBe(
      200,
      home.ask("POST", api("PV"), { token, body: { PVid: "b9 ", owner: SELLERS[0] } }),
    );
    const filtered = (type: string, where: object) =>
      home.ask("GET", `${api(type)}?filter=${encodeURIComponent(JSON.stringify({ where }))}`, {
        token,
      });
    for (const PVid of ["b9 ", { inq: ["b9 "] }, { between: [" b9", "b9 "] }]) {
      const { json } = await filtered("PV", { PVid });
      expect(json.map((one: { PVid: string }) => one.PVid)).toEqual(["b9"]);
    }
    const owned = await filtered("PV", { owner: `${SELLERS[0]} `, PVid: "b9" });
    expect(owned.json.length).toBe(1);
    expect((await home.ask("GET", api("PV", "b9 "), { token })).status).toBe(200);
    expect((await home.ask("HEAD", api("PV", " b9"), { token })).status).toBe(200);
    expect((await home.ask("GET", api("Member", `${SELLERS[0]} `), { token })).status).toBe(200);
    expect((await home.ask("DELETE", api("PV", "b9 "), { token })).status).toBe(204);
    expect((await home.ask("DELETE", api("PV", "b9 "), { token })).status).toBe(404);
  });

  test("DELETE of what a ledger keeps says what to do instead", async () => {
    const erase = (path: string, token: string) => home.ask("DELETE", path, { token });
    const member = await erase(api("Member", SELLERS[0]), admin);
    expect([member.status, member.json.error.message]).toEqual([
      409,
      expect.stringContaining("revoke its identity"),
    ]);
    expect((await erase(api("kWhlisting", LISTING), admin)).status).toBe(409);
    expect((await erase(api("kWhlisting", LISTING), seller)).status).toBe(403);
    expect((await erase(api("Member", BUYERS[0]), seller)).status).toBe(403);
    expect((await erase(api("PV", "seller2house"), seller)).status).toBe(403);
    expect((await erase(api("PV", "nothouse"), admin)).status).toBe(404);
  });

  test("a PV is removed by its owner, and gone", async () => {
    const gone = await home.ask("DELETE", api("PV", "seller1house"), { token: seller });
    expect([gone.status, gone.text]).toEqual([204, ""]);
    expect((await home.ask("GET", api("PV", "seller1house"), { token: seller })).status).toBe(404);
  });

  test("PUT of a member: its own names, never its balance; the administrator both", async () => {
    const put = (token: string, change: object) => {
      const body = { balance: 200, email: SELLERS[0], firstName: "Ada", lastName: "L", ...change };
      return home.ask("PUT", api("Member", SELLERS[0]), { token, body });
    };
    const { status, json } = await put(seller, { balance: 201 });
    expect([status, json.error.message]).toEqual([
      403,
      `Participant '${NS}.Member#${SELLERS[0]}' does not have 'UPDATE' access to resource '${NS}.Member#${SELLERS[0]}'`,
    ]);
    expect((await put(seller, {})).status).toBe(200);
    const read = await home.ask("GET", api("Member", SELLERS[0]), { token: seller });
    expect([read.json.firstName, read.json.balance]).toEqual(["Ada", 200]);
    const signed = home.door.signed.length;
    expect((await put(seller, {})).status).toBe(200);
    expect(home.door.signed.length).toBe(signed);
    expect((await put(home.tokenOf(SELLERS[1]), {})).status).toBe(403);
    expect((await put(admin, { balance: 12.5 })).status).toBe(200);
    const minted = await home.ask("GET", api("Member", SELLERS[0]), { token: seller });
    expect(minted.json.balance).toBe(12.5);
  });
});

describe("an answer comes after the commit", () => {
  test("or says within the time that it stays under way, and which it is", async () => {
    const home = await openTestHome({ options: { commitWithinMs: 100 } });
    try {
      await startPaper(home);
      const token = home.tokenOf(SELLERS[0]);
      home.door.isHeld = true;
      const body = { reservePrice: 1, kWhavailable: 2, listingid: LISTING, pv: "seller1house" };
      const late = await home.ask("POST", api("PVOffer"), { token, body });
      expect(late.status).toBe(503);
      const { transactionId } = late.json.error.details;
      expect(transactionId).toMatch(/^[0-9a-f]{64}$/);
      expect((await home.ask("GET", api("PVOffer", transactionId), { token })).status).toBe(404);
      home.door.letGo();
      const found = await home.ask("GET", api("PVOffer", transactionId), { token });
      expect([found.status, found.json.kWhavailable]).toEqual([200, 2]);
    } finally {
      await home.close();
    }
  });

  test("and while the agent has not caught up, nothing is signed", async () => {
    const home = await openTestHome();
    try {
      home.door.isCaughtUp = false;
      const body = { balance: 200, email: SELLERS[0], firstName: "a", lastName: "b" };
      const asked = await home.ask("POST", api("Member"), { token: home.tokenOf(ADMIN), body });
      expect([asked.status, asked.json.error.code]).toEqual([503, "NOT_CAUGHT_UP"]);
      expect(home.door.signed).toEqual([]);
    } finally {
      await home.close();
    }
  });
});

test("in an hourly community nobody does by hand what block time does", async () => {
  const home = await openTestHome({ schedule: "hourly" });
  try {
    const admin = home.tokenOf(ADMIN);
    const body = { listingid: LISTING, state: "ACCEPT_OFFERS" };
    const asked = await home.ask("POST", api("kWhlisting"), { token: admin, body });
    expect(asked.status).toBe(403);
    expect(asked.json.error.message).toContain("follow from block time");
    const own = { balance: 200, email: SELLERS[0], firstName: "a", lastName: "b" };
    const token = home.tokenOf(SELLERS[0]);
    expect((await home.ask("POST", api("Member"), { token: admin, body: own })).status).toBe(403);
    const minted = await home.ask("POST", api("Member"), { token, body: { ...own, balance: 201 } });
    expect(minted.status).toBe(422);
    expect((await home.ask("POST", api("Member"), { token, body: own })).status).toBe(200);
    expect(home.door.state.members.size).toBe(1);
  } finally {
    await home.close();
  }
});

test("what another home has told of already may come here a moment later", async () => {
  const home = await openTestHome();
  try {
    await startPaper(home);
    const token = home.tokenOf(ADMIN);
    const { state } = home.door;
    const listings = new Map(state.listings);
    listings.clear();
    home.door.state = { ...state, listings };
    const body = { listingid: LISTING, state: "AUCTION_CLOSED" };
    const put = home.ask("PUT", api("kWhlisting", LISTING), { token, body });
    setTimeout(() => {
      home.door.state = state;
    }, 200);
    expect((await put).status).toBe(200);
  } finally {
    await home.close();
  }
});

test("a port that is taken is told to who opens the door", async () => {
  const home = await openTestHome();
  try {
    const port = Number(new URL(home.rest.address).port);
    await expect(openTestHome({ options: { port } })).rejects.toThrow("EADDRINUSE");
  } finally {
    await home.close();
  }
});
