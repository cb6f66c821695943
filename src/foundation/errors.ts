/** Options shared by every error of the project. */
export interface QuailoraErrorOptions {
  /** True when the same call may succeed later without a change of its input (a busy file, a dropped connection). */
  readonly retryable?: boolean;
  /** The failure underneath, kept for the log. */
  readonly cause?: unknown;
}

/** Longest message, in UTF-16 units: names and values come from files, and may have any length. */
const LONGEST_MESSAGE = 8_000;

/** Units kept at the end of a shortened message, which says what to do. */
const KEPT_END = 1_000;

const shorten = (message: string): string => {
  const left = message.length - LONGEST_MESSAGE;
  if (left <= 0) return message;
  return `${message.slice(0, LONGEST_MESSAGE - KEPT_END)} [… ${left} characters …] ${message.slice(-KEPT_END)}`;
};

/**
 * Base of every error that quailora throws on purpose.
 *
 * The message says what happened, with the values, and what to do. `code` is stable across releases and starts
 * with `QL_`; scripts match on it. A message of more than 8,000 characters is shortened in its middle.
 */
export class QuailoraError extends Error {
  /** Stable identifier, for instance `QL_SHARD_RANGE`. */
  readonly code: string;
  /** True when the same call may succeed later without a change of its input. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: QuailoraErrorOptions = {}) {
    super(shorten(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** Thrown when two shapes that must agree do not; retrying does not help. */
export class ShapeMismatchError extends QuailoraError {
  constructor(message: string) {
    super('QL_SHAPE', message);
  }
}
