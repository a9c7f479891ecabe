import { expect, test } from "vitest";
import { CORKED_BYTES_MAX, type Corked, cork } from "../../../../agent/io/p2p/cork.ts";

type Fake = Corked & { readonly sent: string[]; readonly said: string[] };

/** Notes what is sent, in which order with what else is done. */
function muxer({ isFull = false, throws = false } = {}): Fake {
  const sent: string[] = [];
  const said: string[] = [];
  return {
    sent,
    said,
    send: (data) => {
      if (throws) throw new Error("no more numbers");
      sent.push(Buffer.from(data.subarray()).toString());
      said.push("send");
      return !isFull;
    },
    close: async () => void said.push("close"),
    abort: (error) => void said.push(`abort: ${error.message}`),
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is said in one turn is sent as one piece, in order, when the turn ends", async () => {
  const fake = muxer();
  const corked = cork(fake);
  for (const text of ["a", "b", "c"]) expect(corked.send(bytes(text))).toBe(true);
  await Promise.resolve();
  corked.send(bytes("d"));
  expect(fake.sent).toEqual([]);
  await turn();
  expect(fake.sent).toEqual(["abcd"]);
  corked.send(bytes("e"));
  await turn();
  await turn();
  expect(fake.sent).toEqual(["abcd", "e"]);
});

test("more than a packet does not wait, and then a full connection is felt", async () => {
  const fake = muxer({ isFull: true });
  const corked = cork(fake);
  const half = "x".repeat(CORKED_BYTES_MAX / 2);
  expect(corked.send(bytes(half))).toBe(true);
  expect(corked.send(bytes(half))).toBe(false);
  expect(fake.sent).toEqual([half + half]);
  corked.send(bytes("rest"));
  await turn();
  expect(fake.sent).toEqual([half + half, "rest"]);
});

test("what was said before the end goes out before it, and the last words at once", async () => {
  for (const end of ["close", "abort"] as const) {
    const fake = muxer();
    const corked = cork(fake);
    corked.send(bytes("vote"));
    if (end === "close") await corked.close();
    else corked.abort(new Error("lost"));
    corked.send(bytes("bye"));
    expect(fake.sent).toEqual(["vote", "bye"]);
    expect(fake.said[0]).toBe("send");
    expect(fake.said[1]).toMatch(end);
    await turn();
    expect(fake.sent).toEqual(["vote", "bye"]);
  }
});

test("what cannot be sent later ends the connection, not the agent", async () => {
  const fake = muxer({ throws: true });
  cork(fake).send(bytes("vote"));
  await turn();
  expect(fake.said).toEqual(["abort: no more numbers"]);
});
