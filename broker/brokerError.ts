// What keeps a broker from starting, in a sentence for the person who can mend it.

export type BrokerErrorCode =
  /** Something is set that cannot be: the operator changes it. */
  | "badOption"
  /** A port is taken or forbidden: the operator ends the other program or names another port. */
  | "cannotListen"
  /** The users' file is missing, open to others or not one: the operator mends it. */
  | "badUsersFile"
  /** A file cannot be read or written: the operator looks at its rights and the disk. */
  | "fileFailed";

export class BrokerError extends Error {
  readonly code: BrokerErrorCode;
  readonly isRetryable = false;
  constructor(code: BrokerErrorCode, sentence: string, cause?: unknown) {
    super(sentence, cause === undefined ? {} : { cause });
    this.name = "BrokerError";
    this.code = code;
  }
}

/** The system's code of an error (`EADDRINUSE`), our own sentence, or what else it says. */
export function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof BrokerError) return error.message;
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
