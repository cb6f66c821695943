import { QuailoraError } from '../foundation/index.js';

/** Thrown when a stage fails; names the stage and the item, and keeps the code of the failure underneath. */
export class StageError extends QuailoraError {
  constructor(
    /** Name of the stage. */
    readonly stage: string,
    /** What it worked on: a block, a module. */
    readonly subject: string,
    cause: unknown,
  ) {
    const known = cause instanceof QuailoraError;
    super(known ? cause.code : 'QL_STAGE', `${stage}, ${subject}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      retryable: known && cause.retryable,
      cause,
    });
  }
}
