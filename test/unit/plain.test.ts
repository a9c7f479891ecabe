// Facts as JSON lines.

import { expect, test } from "vitest";
import { jsonLine, plain } from "../../agent/plain.ts";

test("bigint as decimal text, bytes as hex, maps as objects, at any depth", () => {
  const facts = {
    balance: 2n ** 63n,
    list: [Uint8Array.of(0, 255), null],
    map: new Map([["a", { n: -1n }]]),
    text: "x",
  };
  expect(plain(facts)).toEqual({
    balance: "9223372036854775808",
    list: ["00ff", null],
    map: { a: { n: "-1" } },
    text: "x",
  });
});

test("one line, also with line breaks in it", () => {
  expect(jsonLine({ a: "b\nc" })).toBe('{"a":"b\\nc"}\n');
});
