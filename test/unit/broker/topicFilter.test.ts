import { describe, expect, test } from "vitest";
import { covers, isFilter, isTopic, levelsOf, matches, meet } from "../../../broker/topicFilter.ts";

const yes = (work: typeof matches, pairs: readonly (readonly [string, string])[]): boolean[] =>
  pairs.map(([a, b]) => work(levelsOf(a), levelsOf(b)));

const all = (pairs: readonly unknown[], value: boolean): boolean[] => pairs.map(() => value);

describe("topics and filters", () => {
  test("are told apart from other texts", () => {
    expect(["a", "a/b", "/", "a//b", " "].map(isTopic)).toEqual([true, true, true, true, true]);
    expect(["", "a/+", "#", "a\0"].map(isTopic)).toEqual([false, false, false, false]);
    expect(["#", "+", "a/+/b", "a/#", "+/+/#", "/"].map(isFilter)).toEqual(
      all([..."123456"], true),
    );
    expect(["", "a#", "#/a", "a+", "+a/b", "a/b+/c", "a\0"].map(isFilter)).toEqual(
      all([..."1234567"], false),
    );
  });

  test("match as in section 4.7 of the standard", () => {
    const right = [
      ["sport/tennis/player1/#", "sport/tennis/player1"],
      ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"],
      ["sport/#", "sport"],
      ["sport/tennis/+", "sport/tennis/player2"],
      ["sport/+", "sport/"],
      ["+/+", "/finance"],
      ["/+", "/finance"],
      ["$SYS/#", "$SYS/denied"],
      ["#", "a/b"],
    ] as const;
    const wrong = [
      ["sport/tennis/+", "sport/tennis/player1/ranking"],
      ["sport/+", "sport"],
      ["+", "/finance"],
      ["#", "$SYS/denied"],
      ["+/denied", "$SYS/denied"],
      ["a/b", "a"],
      ["a", "A"],
    ] as const;
    expect(yes(matches, right)).toEqual(all(right, true));
    expect(yes(matches, wrong)).toEqual(all(wrong, false));
  });

  test("meet where one topic would match both", () => {
    const right = [
      ["#", "a/b"],
      ["a/+", "+/b"],
      ["a/#", "a"],
      ["a/#", "+/b/c"],
      ["$SYS/#", "$SYS/+"],
    ] as const;
    const wrong = [
      ["a/+", "a"],
      ["a/b", "+/c"],
      ["#", "$SYS/#"],
      ["+/a", "$SYS/a"],
      ["a/b/c", "a/b"],
    ] as const;
    const turned = (pairs: readonly (readonly [string, string])[]) =>
      pairs.map(([a, b]) => [b, a] as const);
    expect(yes(meet, [...right, ...turned(right)])).toEqual(all([...right, ...right], true));
    expect(yes(meet, [...wrong, ...turned(wrong)])).toEqual(all([...wrong, ...wrong], false));
  });

  test("cover where the narrow one matches nothing else", () => {
    const right = [
      ["p/+/set/#", "p/x/set/#"],
      ["p/+/set/#", "p/+/set/+"],
      ["p/+/set/#", "p/x/set"],
      ["#", "+/#"],
      ["a/+", "a/b"],
    ] as const;
    const wrong = [
      ["p/+/set/#", "p/#"],
      ["p/+/set/#", "p/+/+/x"],
      ["a/+", "a/#"],
      ["#", "$SYS/a"],
      ["a/b", "a/+"],
    ] as const;
    expect(yes(covers, right)).toEqual(all(right, true));
    expect(yes(covers, wrong)).toEqual(all(wrong, false));
  });
});
