// The two thresholds of the agreement, in whole votes: every validator counts as one.
// n = 3f + 1 is the best case; for other n both stay strict, so n = 6 needs 5 votes and bears 1 fault.

/** More than two thirds: any two such sets share an honest validator ("2f+1" in the paper). */
export function isQuorum(count: number, validators: number): boolean {
  return 3 * count > 2 * validators;
}

/** More than one third: at least one of them is honest ("f+1" in the paper). */
export function isSkip(count: number, validators: number): boolean {
  return 3 * count > validators;
}
