import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Kept } from "../../../broker/retained.ts";
import { RetainedLine } from "../../../broker/retainedLine.ts";

type Given = { readonly text: string; readonly done: () => void };

function line(has: Set<string>): { line: RetainedLine; given: Given[] } {
  const given: Given[] = [];
  const two = (filter: string): Kept[] =>
    ["1", "2"].map((n) => ({ topic: `${filter}${n}`, qos: 1, payload: Buffer.from(n) }));
  const deliver = ({ topic }: Kept, _filter: string, done: () => void): void => {
    given.push({ text: topic, done });
  };
  const isWanted = (filter: string): boolean => has.has(filter);
  const matching = (filter: string): Iterator<Kept> => two(filter)[Symbol.iterator]();
  return { line: new RetainedLine({ matching, deliver, isWanted }), given };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await turn();
}

test("a client that asks a thousand times and takes nothing waits once for each filter", async () => {
  const { line: one, given } = line(new Set(["a", "b"]));
  for (let i = 0; i < 1000; i += 1) one.ask(["a", "b"]);
  const texts: string[] = [];
  for (await turns(); given.length > 0; await turns()) {
    expect(given).toHaveLength(1);
    const [next] = given.splice(0);
    texts.push(next?.text ?? "");
    next?.done();
  }
  expect(texts).toEqual(["a1", "a2", "b1", "b2"]);
});

test("who asks again while it is given a filter gets all of it once more", async () => {
  const { line: one, given } = line(new Set(["a"]));
  one.ask(["a"]);
  await turns();
  one.ask(["a"]);
  one.ask(["a"]);
  const texts: string[] = [];
  for (; given.length > 0; await turns()) {
    const [next] = given.splice(0);
    texts.push(next?.text ?? "");
    next?.done();
  }
  expect(texts).toEqual(["a1", "a2", "a1", "a2"]);
});

test("what was unsubscribed meanwhile is not given, and does not wait", async () => {
  const has = new Set(["a", "b", "c"]);
  const { line: one, given } = line(has);
  one.ask(["a", "b"]);
  await turns();
  has.delete("a");
  has.delete("b");
  one.ask(["c"]);
  given[0]?.done();
  await turns();
  expect(given.map(({ text }) => text)).toEqual(["a1", "c1"]);
});
