// One transaction: what it says, read out of its bytes here, where it stands, and everything to check it by.

import { isObject, listIn, numberIn, textIn, timeIn } from "../state/json.ts";
import type { Key } from "../text/translate.ts";
import { type Child, h } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { blockLink } from "../views/ledgerPlace.ts";
import { bytesOf } from "./bytes.ts";
import { Unreadable } from "./cbor.ts";
import { type Entry, readEntry } from "./entry.ts";
import { fieldRows } from "./fieldRows.ts";
import type { PlainFields } from "./layout.ts";
import { bytesShown, createOpened, facts, verifyPanel } from "./opened.ts";
import { type Told, verifyTransaction } from "./verify.ts";

export function createEntryView(page: Page, id: string): View {
  return createOpened(page, {
    title: page.t("entry"),
    path: `transactions/${id}`,
    back: "historian",
    draw: (told) => draw(page, id, told),
  });
}

function draw(page: Page, id: string, told: Told): Child {
  const { t, format } = page;
  const entry = read(told);
  const author = entry === null ? textIn(told, "author") : entry.author;
  const [height, position] = [numberIn(told, "height") ?? 0, numberIn(told, "position") ?? 0];
  const at = timeIn(told, "time");
  const payload = entry?.payload ?? (isObject(told["payload"]) ? told["payload"] : {});
  const verifying = verifyPanel(page, {
    paths: [`blocks/${height}`],
    verify: (community, [block = {}]) => verifyTransaction(id, { entry: told, community, block }),
    proves: "provesEntry",
  });
  return [
    facts([
      [t("kind"), h("code", {}, entry?.type ?? textIn(told, "type"))],
      [t("author"), author === null ? t("theCa") : h("code", {}, author)],
      [t("place"), blockLink(height, t("inBlock", { height, position: position + 1 }))],
      [t("time"), at === null ? "–" : `${format.day(at)}, ${format.clockSeconds(at)}`],
      ["Id", h("code", { class: "whole" }, id)],
    ]),
    h("h3", {}, t("saysTitle")),
    h("p", { class: "quiet" }, t(entry === null ? "saysUnreadable" : "saysFromBytes")),
    facts(fieldRows(page, payload as PlainFields)),
    verifying,
    bytesShown(t, [
      ["bytes_signedBytes", told["signedBytes"]],
      ["bytes_signature", told["signature"]],
      ["bytes_publicKey", told["publicKey"]],
      ["bytes_certificate", told["certificate"]],
      ["bytes_bytes", told["bytes"]],
      ...accusedBytes(told),
    ]),
  ];
}

/** Both that were signed, and by which key. */
function accusedBytes(told: Told): readonly (readonly [Key, unknown])[] {
  const accused = told["accused"];
  if (!isObject(accused)) return [];
  const [first, second] = listIn(accused, "said") ?? [];
  return [
    ["bytes_accused0", first?.["signedBytes"]],
    ["bytes_signature", first?.["signature"]],
    ["bytes_accused1", second?.["signedBytes"]],
    ["bytes_signature", second?.["signature"]],
    ["bytes_accusedKey", accused["publicKey"]],
  ];
}

/** null: the bytes are no transaction; to verify says why. */
function read(told: Told): Entry | null {
  // As it is: `textIn` cuts what is long.
  const bytes = typeof told["bytes"] === "string" ? bytesOf(told["bytes"]) : null;
  try {
    return bytes === null ? null : readEntry(bytes);
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}
