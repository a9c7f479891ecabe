// What a failed connection is called in a refusal: its code where it has one, as in a manual page.

/** "ECONNREFUSED", or the error's sentence. */
export function errorText(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return code ?? cause.message;
}
