// The mark beside the key, as a file: whole after a power cut, refused when it is not, and told when it cannot
// be written.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256Hex } from "../../agent/core/crypto.ts";
import { type CommunityId, memberId } from "../../agent/core/units/ids.ts";
import { KeyError } from "../../agent/io/privateFiles.ts";
import { openSigningMark } from "../../agent/io/signingMark.ts";
import { createRecordingLog } from "../support/fakes.ts";

const communityId = sha256Hex(Uint8Array.of(1)) as CommunityId;
const OTHER = sha256Hex(Uint8Array.of(2)) as CommunityId;
const MARK = { height: 57, freeAbove: 59, stopped: null };
const mounts: string[] = [];

let card = "";
beforeEach(() => {
  card = fs.mkdtempSync(path.join(os.tmpdir(), "signing-mark-"));
});
afterEach(() => {
  for (const mount of mounts.splice(0)) execFileSync("umount", ["-l", mount]);
  fs.rmSync(card, { recursive: true });
});

function open(options: { community?: CommunityId; member?: string; hasSeat?: boolean } = {}) {
  const { community = communityId, member = "v1@vt.edu", hasSeat = true } = options;
  const log = createRecordingLog();
  const of = { communityId: community, memberId: memberId(member) };
  return { log, ...openSigningMark({ card, hasSeat, log, ...of }) };
}
const file = () => path.join(card, `signed-${communityId.slice(0, 16)}.json`);

describe("the mark's file", () => {
  it("is absent for a fresh card, and comes back as it was written", () => {
    const mark = open();
    expect(mark.read()).toBe("absent");
    mark.write({ height: 1, freeAbove: null, stopped: "cardUsedElsewhere" });
    expect(open().read()).toEqual({ height: 1, freeAbove: null, stopped: "cardUsedElsewhere" });
    mark.write(MARK);
    expect(open().read()).toEqual(MARK);
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(card)).toEqual([path.basename(file())]);
  });

  it("is each community's own, and each member's", () => {
    open().write(MARK);
    expect(open({ community: OTHER }).read()).toBe("absent");
    expect(open({ member: "v2@vt.edu" }).read()).toBe("unreadable");
  });

  it("is unreadable when a byte of it is lost or changed, and it says so once", () => {
    open().write(MARK);
    const whole = fs.readFileSync(file());
    // Without its last line end it is whole, and so it says the same.
    for (let length = 0; length < whole.length - 1; length += 1) {
      fs.writeFileSync(file(), whole.subarray(0, length));
      expect(open().read(), `${length} bytes`).toBe("unreadable");
    }
    const text = whole.toString("utf8");
    for (const [from, to] of [
      ['"height": 57', '"height": 56'],
      ['"freeAbove": 59', '"freeAbove": 0'],
      ['"stopped": null', '"stopped": "cardUsedElsewhere"'],
    ] as const) {
      expect(text).toContain(from);
      fs.writeFileSync(file(), text.replace(from, to));
      const { read, log } = open();
      expect(read()).toBe("unreadable");
      expect(log.of("error")).toMatchObject([
        { facts: { path: file(), problem: expect.stringContaining("checksum") } },
      ]);
    }
  });

  it("is not torn by a power cut while it is written: what is half-written has another name", () => {
    open().write(MARK);
    fs.writeFileSync(`${file()}.tmp`, '{"height": 5');
    expect(open().read()).toEqual(MARK);
    open().write({ ...MARK, height: 58 });
    expect(open().read()).toEqual({ ...MARK, height: 58 });
  });
});

describe("a card's folder that cannot be written", () => {
  it("is named, with what to do, when it is read-only: at the start of a home with a seat", (context) => {
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", card], { stdio: "ignore" });
    } catch {
      process.stderr.write("skipped: this user may not mount a disk of its own\n");
      return context.skip("needs root to mount a disk");
    }
    mounts.push(card);
    const before = open();
    execFileSync("mount", ["-o", "remount,ro", card]);
    expect(() => open()).toThrow(KeyError);
    expect(() => open()).toThrow(/cannot be written .*give the card a folder/);
    // A home without a seat needs none.
    expect(open({ hasSeat: false }).read()).toBe("absent");
    expect(() => before.write(MARK)).toThrow(/signed-.*EROFS/);
  });

  it("is named when it is full, and the mark before stays", (context) => {
    try {
      const how = ["-t", "tmpfs", "-o", "size=16k", "tmpfs", card];
      execFileSync("mount", how, { stdio: "ignore" });
    } catch {
      process.stderr.write("skipped: this user may not mount a disk of its own\n");
      return context.skip("needs root to mount a disk");
    }
    mounts.push(card);
    const mark = open();
    mark.write(MARK);
    const filler = path.join(card, "filler");
    expect(() => fs.writeFileSync(filler, Buffer.alloc(65_536))).toThrow(/ENOSPC/);
    expect(() => mark.write({ ...MARK, height: 58 })).toThrow(/ENOSPC/);
    expect(open().read()).toEqual(MARK);
    fs.rmSync(filler);
    mark.write({ ...MARK, height: 58 });
    expect(open().read()).toEqual({ ...MARK, height: 58 });
  });
});
