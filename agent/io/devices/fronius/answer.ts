// The envelope of every Solar API answer: {Head: {Status, Timestamp}, Body: {Data}}. The status comes first.

import { z } from "zod";
import { accepted, type Result, refused } from "../../../core/result.ts";
import type { UnixMs } from "../../../core/units/time.ts";
import type { DeviceRefusal } from "../../../ports.ts";
import type { HttpAnswer } from "./httpHost.ts";
import { STATUS_HINTS, STATUS_NAMES, STATUS_OK } from "./status.ts";
import { asTime, type Fields, fields, firstIssue, wholeNumber } from "./wire.ts";

export type Opened = {
  /** Body.Data, of whatever shape the call has. */
  readonly data: Fields;
  /** Head.Timestamp; null if it has no zone or is no time. */
  readonly deviceTime: UnixMs | null;
};

/** How much of an answer we cannot read goes into the refusal, characters. */
const EXCERPT_MAX = 120;

const envelope = z.looseObject({
  Head: z.looseObject({
    Status: z.looseObject({
      Code: wholeNumber,
      Reason: z.unknown().optional(),
      UserMessage: z.unknown().optional(),
    }),
    Timestamp: z.unknown().optional(),
  }),
  Body: z.unknown().optional(),
});

const body = z.looseObject({ Data: fields });

/**
 * Opens an answer. Refusals: disabled (the Solar API is switched off), deviceError (a status other
 * than 0, with its `statusCode` and name), unintelligible (not JSON, not an answer of the Solar API).
 */
export function openAnswer(answer: HttpAnswer): Result<Opened, DeviceRefusal> {
  if (isDisabled(answer)) return refused(SOLAR_API_DISABLED);
  const json = parseJson(answer.body);
  if (!json.ok) return unreadable(answer, "not JSON");
  const head = envelope.safeParse(json.value);
  if (!head.success) return unreadable(answer, firstIssue(head.error));
  const { Status, Timestamp } = head.data.Head;
  if (Status.Code !== STATUS_OK) return refused(statusRefusal(Status));
  if (answer.status !== 200) return unreadable(answer, `HTTP ${answer.status}`);
  const content = body.safeParse(head.data.Body);
  if (!content.success) return unreadable(answer, `Body.${firstIssue(content.error)}`);
  return accepted({ data: content.data.Data, deviceTime: parseTimestamp(Timestamp) });
}

const SOLAR_API_DISABLED: DeviceRefusal = {
  code: "disabled",
  detail: "the Solar API is switched off",
  hint: "open the inverter's web page as customer: Communication > Solar API > activate",
};

export function isDisabled(answer: HttpAnswer): boolean {
  return answer.status !== 200 && /solar\s*api[^<{]{0,40}disabled/i.test(answer.body);
}

/** JSON, or not. Some firmware sends NULs after it: JSON itself never holds a bare one. */
export function parseJson(text: string): Result<unknown> {
  try {
    return accepted(JSON.parse((text.split("\0", 1)[0] ?? "").replace(/^\uFEFF/, "")) as unknown);
  } catch {
    return refused({ code: "notJson" });
  }
}

/** An answer that is not the Solar API's, with what a person needs to see why. */
export function unreadable(
  answer: HttpAnswer,
  detail: string,
): { readonly ok: false; readonly refusal: DeviceRefusal } {
  return refused({
    code: "unintelligible",
    detail,
    httpStatus: answer.status,
    excerpt: oneLine(answer.body),
  });
}

function statusRefusal(status: z.infer<typeof envelope>["Head"]["Status"]): DeviceRefusal {
  const hint = STATUS_HINTS.get(status.Code);
  return {
    code: "deviceError",
    detail: STATUS_NAMES.get(status.Code) ?? "unknown status",
    statusCode: status.Code,
    reason: typeof status.Reason === "string" ? oneLine(status.Reason) : null,
    userMessage: typeof status.UserMessage === "string" ? oneLine(status.UserMessage) : null,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** RFC 3339 with a zone: without one, the same text is another instant on each machine. */
function parseTimestamp(value: unknown): UnixMs | null {
  if (typeof value !== "string" || !/(Z|[+-]\d\d:?\d\d)$/.test(value)) return null;
  return asTime(Date.parse(value));
}

function oneLine(text: string): string {
  return text
    .slice(0, 4 * EXCERPT_MAX)
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, EXCERPT_MAX);
}
