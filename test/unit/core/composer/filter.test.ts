// Filters as Composer's clients write them, in both forms, over the paper's members.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../../agent/core/composer/context.ts";
import { applyFilter, parseFilter } from "../../../../agent/core/composer/filter.ts";
import type { TypeName } from "../../../../agent/core/composer/names.ts";
import { refusalOf, taken } from "../../../support/composer.ts";

const NS = "org.acme.pv.auction";

/** Table V, out of order. */
const MEMBERS: readonly JsonObject[] = [
  ["seller2", 209],
  ["seller1", 218],
  ["buyer3", 197],
  ["buyer1", 185],
  ["buyer2", 191],
].map(([name, balance]) => ({
  ...{ $class: `${NS}.Member`, balance: balance as number, email: `${name}@vt.edu` },
  ...{ firstName: name as string, lastName: name as string },
}));
const PVS: readonly JsonObject[] = ["seller1", "seller2"].map((name) => ({
  ...{ $class: `${NS}.PV`, PVid: `${name}house`, owner: `resource:${NS}.Member#${name}@vt.edu` },
}));
const BIDS: readonly JsonObject[] = ["12:51:51.612", "12:51:28.912", "12:50:57.814"].map(
  (time, i) => ({
    ...{ $class: `${NS}.BUYOffer`, transactionId: `t${i}`, timestamp: `2018-03-21T${time}Z` },
    ...{ inner: { deep: i }, list: [{ n: i }, { n: i + 10 }], mcp: i === 0 ? null : 3 },
  }),
);

function run(
  query: object,
  rows: readonly JsonObject[] = MEMBERS,
  type: TypeName | null = "Member",
): readonly JsonObject[] {
  return taken(applyFilter(taken(parseFilter(query, type)), rows));
}

function json(filter: unknown): object {
  return { filter: JSON.stringify(filter) };
}

function names(query: object, rows = MEMBERS, type: TypeName | null = "Member"): unknown[] {
  return run(query, rows, type).map(
    ({ firstName, PVid, transactionId }) => firstName ?? PVid ?? transactionId,
  );
}

function where(clause: unknown, rows = MEMBERS, type: TypeName | null = "Member"): unknown[] {
  return names(json({ where: clause }), rows, type);
}

function refused(query: object, type: TypeName | null = "Member"): string {
  const { statusCode, message } = refusalOf(parseFilter(query, type));
  expect(statusCode).toBe(400);
  return message;
}

describe("where", () => {
  test("equality, on the id and on others, and several are all", () => {
    expect(where({ email: "buyer1@vt.edu" })).toEqual(["buyer1"]);
    expect(where({ email: "nobody@vt.edu" })).toEqual([]);
    expect(where({ balance: 218, firstName: "seller1" })).toEqual(["seller1"]);
    expect(where({ balance: 218, firstName: "seller2" })).toEqual([]);
    expect(where({ balance: "218" })).toEqual(["seller1"]);
  });
  test.each([
    [{ gt: 197 }, ["seller1", "seller2"]],
    [{ gte: 197 }, ["buyer3", "seller1", "seller2"]],
    [{ lt: 191 }, ["buyer1"]],
    [{ lte: 191 }, ["buyer1", "buyer2"]],
    [{ between: [191, 209] }, ["buyer2", "buyer3", "seller2"]],
    [{ neq: 218 }, ["buyer1", "buyer2", "buyer3", "seller2"]],
    [{ inq: [185, 218] }, ["buyer1", "seller1"]],
    [{ nin: [185, 218] }, ["buyer2", "buyer3", "seller2"]],
    [{ gt: 185, lt: 209 }, ["buyer2", "buyer3"]],
  ])("balance %j", (operator, expected) => {
    expect(where({ balance: operator })).toEqual(expected);
  });
  test("and, or, one in the other", () => {
    const buyers = { firstName: { lt: "c" } };
    expect(where({ or: [{ balance: 218 }, { balance: 185 }] })).toEqual(["buyer1", "seller1"]);
    expect(where({ and: [buyers, { balance: { gt: 190 } }] })).toEqual(["buyer2", "buyer3"]);
    expect(where({ or: [{ and: [buyers, { balance: 185 }] }, { balance: 209 }] })).toEqual([
      ...["buyer1", "seller2"],
    ]);
    expect(where({ or: [{ balance: 218 }, { balance: 185 }], firstName: "buyer1" })).toEqual([
      "buyer1",
    ]);
  });
  test.each([
    `resource:${NS}.Member#seller2@vt.edu`,
    `${NS}.Member#seller2@vt.edu`,
    "seller2@vt.edu",
  ])("a relationship is compared with %s", (owner) => {
    expect(where({ owner }, PVS, "PV")).toEqual(["seller2house"]);
    expect(where({ owner: { neq: owner } }, PVS, "PV")).toEqual(["seller1house"]);
  });
  test("times are times, however they are written", () => {
    const earlier = { timestamp: { lt: "2018-03-21T08:51:00.000-04:00" } };
    expect(where(earlier, BIDS, "BUYOffer")).toEqual(["t2"]);
    expect(where({ timestamp: { gt: "2018-03-22" } }, BIDS, "BUYOffer")).toEqual([]);
    expect(where({ timestamp: "2018-03-21T12:50:57.814+00:00" }, BIDS, null)).toEqual(["t2"]);
  });
  test("dotted paths, through lists too, and null", () => {
    expect(where({ "inner.deep": { gte: 1 } }, BIDS, null)).toEqual(["t1", "t2"]);
    expect(where({ "list.n": 11 }, BIDS, null)).toEqual(["t1"]);
    expect(where({ "list.n": { neq: 11 } }, BIDS, null)).toEqual(["t0", "t2"]);
    expect(where({ mcp: null }, BIDS, null)).toEqual(["t0"]);
    expect(where({ nothing: null }, BIDS, null)).toEqual(["t0", "t1", "t2"]);
    expect(where({ mcp: { neq: null } }, BIDS, null)).toEqual(["t1", "t2"]);
    expect(where({ nothing: 1 }, BIDS, null)).toEqual([]);
  });
  test("names that every object inherits are no fields", () => {
    for (const name of ["__proto__", "constructor", "toString", "__proto__.constructor"]) {
      const clause = JSON.parse(`{"${name}": {"neq": 5}}`);
      expect(where(clause, BIDS, null)).toEqual(["t0", "t1", "t2"]);
      const absent = JSON.parse(`{"${name}": null}`);
      expect(where(absent, BIDS, null)).toEqual(["t0", "t1", "t2"]);
      expect(names({ [`filter[where][${name}]`]: "x" }, BIDS, null)).toEqual([]);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("brackets", () => {
  test("where, operators and lists", () => {
    expect(names({ "filter[where][email]": "buyer1@vt.edu" })).toEqual(["buyer1"]);
    expect(names({ "filter[where][balance][gt]": "197" })).toEqual(["seller1", "seller2"]);
    const either = {
      "filter[where][or][0][balance]": "218",
      "filter[where][or][1][balance]": "185",
    };
    expect(names(either)).toEqual(["buyer1", "seller1"]);
    const between = { "filter[where][balance][between][]": ["191", "209"] };
    expect(names(between)).toEqual(["buyer2", "buyer3", "seller2"]);
    const swapped = {
      "filter[where][balance][between][1]": "209",
      "filter[where][balance][between][0]": "191",
    };
    expect(names(swapped)).toEqual(["buyer2", "buyer3", "seller2"]);
    expect(names({ "filter[limit]": "2", "filter[order]": "balance DESC" })).toEqual([
      ...["seller1", "seller2"],
    ]);
    const fields = { "filter[fields][balance]": "true", "filter[limit]": "1" };
    expect(run(fields)).toEqual([{ balance: 185 }]);
    expect(taken(parseFilter({ "filter[include]": "resolve" })).isResolved).toBe(true);
  });
  test("nested by the server's own parser", () => {
    expect(names({ filter: { where: { balance: { gt: "197" } } } })).toEqual([
      "seller1",
      "seller2",
    ]);
  });
  test("too many, and too deep", () => {
    const many = Object.fromEntries(
      Array.from({ length: 257 }, (_, i) => [`filter[where][a${i}]`, "1"]),
    );
    expect(refused(many)).toContain("brackets");
    expect(refused({ [`filter${"[a]".repeat(17)}`]: "1" })).toContain("brackets");
  });
});

describe("limit, skip, order, fields", () => {
  test("members come by id unless they are ordered", () => {
    const byId = ["buyer1", "buyer2", "buyer3", "seller1", "seller2"];
    expect(names({})).toEqual(byId);
    expect(names(json({ order: "balance ASC" }))).toEqual([
      ...["buyer1", "buyer2", "buyer3", "seller2", "seller1"],
    ]);
    expect(names(json({ order: ["firstName desc"] }))).toEqual(byId.toReversed());
    expect(names(json({ order: "$class, balance DESC" }))[0]).toBe("seller1");
    expect(names({}, BIDS, "BUYOffer")).toEqual(["t0", "t1", "t2"]);
  });
  test("pages", () => {
    expect(names(json({ limit: 2 }))).toEqual(["buyer1", "buyer2"]);
    expect(names(json({ limit: 2, skip: 3 }))).toEqual(["seller1", "seller2"]);
    expect(names(json({ offset: 4 }))).toEqual(["seller2"]);
    expect(names(json({ limit: "1", skip: "1" }))).toEqual(["buyer2"]);
    expect(names(json({ limit: 0 }))).toHaveLength(5);
    expect(names(json({ skip: 99 }))).toEqual([]);
  });
  test("whoever has no such field comes last, both ways", () => {
    const rows: readonly JsonObject[] = [{ PVid: "a" }, { PVid: "b", n: 1 }, { PVid: "c", n: 2 }];
    expect(names(json({ order: "n" }), rows, null)).toEqual(["b", "c", "a"]);
    expect(names(json({ order: "n DESC" }), rows, null)).toEqual(["c", "b", "a"]);
  });
  test("fields: those, or all but those", () => {
    const one = { where: { balance: 218 } };
    expect(run(json({ ...one, fields: ["email"] }))).toEqual([{ email: "seller1@vt.edu" }]);
    expect(run(json({ ...one, fields: { email: true, balance: true } }))).toEqual([
      { balance: 218, email: "seller1@vt.edu" },
    ]);
    const but = run(json({ ...one, fields: { $class: false, lastName: false } }));
    expect(but).toEqual([{ balance: 218, email: "seller1@vt.edu", firstName: "seller1" }]);
  });
  test("include", () => {
    expect(taken(parseFilter(json({ include: "resolve" }))).isResolved).toBe(true);
    expect(taken(parseFilter(json({ include: "owner" }))).isResolved).toBe(false);
  });
});

describe("what is refused, with 400", () => {
  test.each([
    [{ filter: "{" }, "The filter is not JSON"],
    [{ filter: "5" }, "The query filter 5 is not an object"],
    [{ filter: ["{}", "{}"] }, "is not an object"],
    [json({ where: 5 }), "The where clause 5 is not an object"],
    [json({ where: {} }), "The where clause is empty"],
    [json({ where: { and: [{}] } }), "The where clause is empty"],
    [json({ where: { and: [] } }), "The and operator takes a list"],
    [json({ where: { or: { balance: 5 } } }), "The or operator takes a list"],
    [
      json({ where: { firstName: { like: "s" } } }),
      "The key like operator is not supported by the Composer filter where",
    ],
    [json({ where: { firstName: { regexp: "^s" } } }), "The key regexp operator"],
    [json({ where: { balance: "many" } }), 'Property balance cannot be compared with "many"'],
    [json({ where: { balance: { gt: true } } }), "Property balance cannot be compared with true"],
    [
      json({ where: { balance: { between: [1] } } }),
      "Property balance cannot be compared with [1]",
    ],
    [json({ where: { balance: { gt: [1] } } }), "Property balance cannot be compared with [1]"],
    [json({ where: { balance: { inq: 1 } } }), "Property balance cannot be compared with 1"],
    [json({ where: { balance: {} } }), "Property balance cannot be compared with {}"],
    [json({ limit: -1 }), "The limit parameter -1 is not valid"],
    [json({ limit: "ten" }), 'The limit parameter "ten" is not valid'],
    [json({ limit: 1.5 }), "The limit parameter 1.5 is not valid"],
    [json({ skip: -1 }), "The offset/skip parameter -1 is not valid"],
    [json({ order: "balance UP" }), 'The order "balance UP" has invalid direction'],
    [json({ order: 5 }), "The order 5 is not valid"],
    [json({ fields: 5 }), "The fields must be names"],
    [json({ fields: [5] }), "The fields must be names"],
    [{ filter: `{"where":{"a":"${"x".repeat(20_000)}"}}` }, "The filter has more than 16384"],
    [{ filter: `{"where":${"[".repeat(5000)}${"]".repeat(5000)}}` }, "must not nest deeper"],
    [json({ where: { "a.b.c.d.e.f.g.h.i": 1 } }), "is too deep"],
  ])("%j", (query, message) => {
    expect(refused(query)).toContain(message);
  });
  test("a time is compared with times", () => {
    expect(refused(json({ where: { timestamp: { gt: "garbage" } } }), "PVOffer")).toBe(
      'Property timestamp cannot be compared with "garbage"',
    );
    const inList = json({ where: { "pvoffers.timestamp": { lt: true } } });
    expect(refused(inList, "kWhlisting")).toBe(
      "Property pvoffers.timestamp cannot be compared with true",
    );
    // 12:51:28.912
    const later = { timestamp: { gt: 1_521_636_688_911 } };
    expect(where(later, BIDS, "BUYOffer")).toEqual(["t0", "t1"]);
  });
  test("too many conditions, too deep ones, too many values", () => {
    const conditions = Array.from({ length: 33 }, (_, balance) => ({ balance }));
    expect(refused(json({ where: { or: conditions } }))).toContain("more than 32 conditions");
    expect(where({ or: conditions.slice(1) })).toEqual([]);
    const nest = (n: number): object => (n === 0 ? { balance: 218 } : { and: [nest(n - 1)] });
    expect(where(nest(7))).toEqual(["seller1"]);
    expect(refused({ filter: { where: nest(8) } })).toContain("deeper");
    const inq = Array.from({ length: 129 }, (_, n) => n);
    expect(refused(json({ where: { balance: { inq } } }))).toContain("more than 128 values");
    const half = { inq: inq.slice(0, 64) };
    expect(where({ or: [{ balance: half }, { balance: half }] })).toEqual([]);
    const third = { or: [{ balance: half }, { balance: half }, { balance: 1 }] };
    expect(refused(json({ where: third }))).toContain("more than 128 values");
  });
});

const word = fc.constantFrom(
  ...["where", "and", "or", "gt", "between", "inq", "balance", "order", "limit", "skip", "fields"],
  ...["include", "resolve", "__proto__", "constructor", "like", "email", "x.y", "", "0", "1", "-1"],
);
const { tree: anyTree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium" },
    fc.oneof(word, fc.double(), fc.boolean(), fc.constant(null), fc.string()),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.array(fc.tuple(word, tie("tree")), { maxLength: 4 }).map((all) => Object.fromEntries(all)),
  ),
}));

test("no filter makes it throw", () => {
  const brackets = fc.array(fc.tuple(fc.array(word, { maxLength: 5 }), anyTree), { maxLength: 4 });
  const query = fc.oneof(
    anyTree,
    anyTree.map((filter) => ({ filter })),
    anyTree.map((filter) => json(filter)),
    fc.tuple(word, anyTree).map(([key, value]) => json({ where: { [key]: value } })),
    brackets.map((all) =>
      Object.fromEntries(
        all.map(([names, value]) => [`filter${names.map((n) => `[${n}]`).join("")}`, value]),
      ),
    ),
  );
  const type = fc.constantFrom("Member" as const, "BUYOffer" as const, null);
  fc.assert(
    fc.property(query, type, (asked, of) => {
      const filter = parseFilter(asked, of);
      if (!filter.ok) expect(filter.refusal.statusCode).toBe(400);
      else
        for (const rows of [MEMBERS, PVS, BIDS])
          expect(applyFilter(filter.value, rows).ok).toBe(true);
    }),
    { numRuns: 400 },
  );
});
