// A refusal is a value: it says what was refused and with which facts.

/** What a refusal carries: a literal code and the facts behind it, in plain JSON values. */
export type Refusal<Code extends string = string> = {
  readonly code: Code;
  readonly [fact: string]: string | number | boolean | null;
};

export type Result<T, R extends Refusal = Refusal> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: R };

/** Of several in a row, the place of the one that was refused (from 0), and why. */
export type RefusedOne<R extends Refusal = Refusal> = { readonly at: number; readonly refusal: R };

export function accepted<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refused<R extends Refusal>(
  refusal: R,
): { readonly ok: false; readonly refusal: R } {
  return { ok: false, refusal };
}

/** The value of what cannot be refused; a refusal here is a bug of ours. */
export function mustBeAccepted<T>(result: Result<T>, sentence: string): T {
  if (result.ok) return result.value;
  throw new Error(`Bug: ${sentence}: ${JSON.stringify(result.refusal)}`);
}
