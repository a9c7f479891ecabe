import { describe, expect, test } from "vitest";
import { parseForm, parseJson, unreadEncoding, utf8 } from "../../../../agent/io/http/jsonBody.ts";

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

describe("utf8", () => {
  test("skips the mark at the beginning, and takes no bytes that are none", () => {
    expect(utf8(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))).toBe("{}");
    expect(utf8(Buffer.from("é", "utf8"))).toBe("é");
    for (const bytes of [[0xe9], [0xc3], [0xed, 0xa0, 0x80], [0xff, 0xfe, 0x7b, 0x00]]) {
      expect(utf8(Buffer.from(bytes))).toBe(null);
    }
  });
});

describe("parseForm", () => {
  test("decodes, and refuses what would decode to no text", () => {
    expect(parseForm("a=%C3%A9+b&c=d%3D")).toEqual({ a: "é b", c: "d=" });
    for (const text of ["a=%E9", "a=%zz", "a=1%"]) expect(parseForm(text)).toBe(null);
  });
});

describe("unreadEncoding", () => {
  const of = (type: string, encoding?: string) =>
    unreadEncoding({
      "content-type": type,
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
    });
  test("takes UTF-8 as it stands", () => {
    for (const type of ["application/json", "a/b; charset=utf-8", 'a/b;CHARSET="UTF-8"']) {
      expect([of(type), of(type, "identity")]).toEqual([null, null]);
    }
  });
  test("refuses all else", () => {
    expect(of("a/b; charset=iso-8859-1")).toBe("The body must be UTF-8");
    expect(of("application/json; charset=utf-16le")).toBe("The body must be UTF-8");
    for (const encoding of ["gzip", "br", "identity, gzip"]) {
      expect(of("application/json", encoding)).toBe("The body must not be compressed");
    }
  });
});
