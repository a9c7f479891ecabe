import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, expect, it, vi } from "vitest";
import { rereadOnChange } from "../../../agent/io/wallet/reread.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "reread-"));
afterAll(() => fs.rmSync(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

it("reads again after a change, and while a change could hide in the same tick", () => {
  const file = path.join(root, "file");
  const read = vi.fn(() => (fs.existsSync(file) ? fs.readFileSync(file, "utf8") : null));
  const current = rereadOnChange(file, read);
  expect([current(), current()]).toEqual([null, null]);
  expect(read).toHaveBeenCalledTimes(1);

  fs.writeFileSync(file, "a");
  const changed = fs.statSync(file).ctimeMs;
  const clock = vi.spyOn(Date, "now").mockReturnValue(changed + 1999);
  expect([current(), current()]).toEqual(["a", "a"]);
  expect(read).toHaveBeenCalledTimes(3);

  clock.mockReturnValue(changed + 2001);
  expect([current(), current(), current()]).toEqual(["a", "a", "a"]);
  expect(read).toHaveBeenCalledTimes(4);

  fs.rmSync(file);
  expect(current()).toBe(null);
});
