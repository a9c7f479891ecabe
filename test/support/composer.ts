// The paper's community as the tests of this room see it.

import type { ComposerContext } from "../../agent/core/composer/context.ts";
import { makeRules } from "./ledger.ts";

export const CTX: ComposerContext = {
  namespace: "org.acme.pv.auction",
  rules: makeRules({ schedule: "manual" }),
};

/** What an answer holds; a refusal fails the test. */
export function taken<T>(answer: { ok: true; value: T } | { ok: false; refusal: object }): T {
  if (answer.ok) return answer.value;
  throw new Error(JSON.stringify(answer.refusal));
}

export function refusalOf<R>(answer: { ok: true; value: unknown } | { ok: false; refusal: R }): R {
  if (!answer.ok) return answer.refusal;
  throw new Error(`not refused: ${String(answer.value)}`);
}
