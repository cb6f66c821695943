import { QuailoraError } from './errors.js';

const textOf = (failure: unknown): string => {
  if (failure instanceof QuailoraError) return `${failure.code} ${failure.message}`;
  return failure instanceof Error ? failure.message : String(failure);
};

/**
 * Thrown when something failed and what it left open could not be closed either: neither hides the other.
 *
 * Code, `retryable` and cause are those of the first failure; `QL_INTERNAL` for one that was not foreseen.
 */
export class ClosingError extends QuailoraError {
  constructor(
    /** In the order in which they came; none of them a ClosingError. */
    readonly failures: readonly unknown[],
  ) {
    const [first, ...others] = failures;
    const known = first instanceof QuailoraError;
    const message = known ? first.message : textOf(first);
    super(known ? first.code : 'QL_INTERNAL', `${message} What was open could not be closed then: ${others.map(textOf).join('; ')}`, {
      retryable: known && first.retryable,
      cause: first,
    });
  }
}

/** What failed, one by one, for an error that may stand for several. */
export const failuresOf = (error: unknown): readonly unknown[] => (error instanceof ClosingError ? error.failures : [error]);

/** One error for several; undefined for none. The same failure may be met twice on the way. */
const joined = (errors: readonly unknown[]): { readonly error: unknown } | undefined => {
  const failures = [...new Set(errors.flatMap(failuresOf))];
  return failures.length === 0 ? undefined : { error: failures.length === 1 ? failures[0] : new ClosingError(failures) };
};

const failuresIn = async (steps: readonly (() => Promise<void> | undefined)[]): Promise<unknown[]> => {
  const failures: unknown[] = [];
  for (const step of steps)
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  return failures;
};

/**
 * Closes one thing after another, also after one that fails.
 *
 * @throws what failed; ClosingError where that is more than one
 */
export const closeInTurn = async (...steps: readonly (() => Promise<void> | undefined)[]): Promise<void> => {
  const failed = joined(await failuresIn(steps));
  if (failed) throw failed.error;
};

/**
 * Closes what a failure left open, one thing after another, and passes the failure on.
 *
 * @throws the failure; ClosingError where closing failed as well
 */
export const failAfterClosing = async (failure: unknown, ...steps: readonly (() => Promise<void> | undefined)[]): Promise<never> => {
  throw joined([failure, ...(await failuresIn(steps))])!.error;
};
