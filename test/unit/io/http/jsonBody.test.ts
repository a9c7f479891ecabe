import { describe, expect, test } from "vitest";
import { parseJson } from "../../../../agent/io/http/jsonBody.ts";

const isRead = (text: string, depth = 4): boolean => parseJson(text, depth).ok;

describe("parseJson", () => {
  test("reads objects and arrays, and an empty body as an empty object", () => {
    expect(parseJson('{"a":[1]}', 4)).toEqual({ ok: true, value: { a: [1] } });
    expect(parseJson("[]", 4)).toEqual({ ok: true, value: [] });
    expect(parseJson(" \n", 4)).toEqual({ ok: true, value: {} });
  });

  test("refuses what is neither", () => {
    for (const text of ["1", '"a"', "null", "{", "[1,]", "a"])
      expect([text, isRead(text)]).toEqual([text, false]);
  });

  test("counts brackets up to its limit, those in texts not", () => {
    expect(isRead("[[[[]]]]")).toBe(true);
    expect(isRead("[[[[[]]]]]")).toBe(false);
    expect(isRead('{"a":{"b":{"c":{"d":{}}}}}')).toBe(false);
    expect(isRead("[[],[],[],[],[],[]]")).toBe(true);
    expect(isRead('["[[[[[[", "\\"[[[[[[", "\\\\"]')).toBe(true);
    expect(isRead('["\\\\", [[[[]]]]]')).toBe(false);
  });
});
