import { QuailoraError } from '../foundation/index.js';

/** Thrown when a rank is not a whole number from 0 up; retrying does not help. */
export class RankError extends QuailoraError {
  constructor(message: string) {
    super('QL_RANK', message);
  }
}

/** Thrown when an iteration stops short of its residual test, or its operator returns NaN or infinity; retrying does not help. */
export class ConvergenceError extends QuailoraError {
  constructor(message: string) {
    super('QL_CONVERGENCE', message);
  }
}

/**
 * Checks that a rank is a whole number from 0 up.
 *
 * @throws RankError with the value; retrying does not help
 */
export const checkRank = (rank: number, purpose: string): void => {
  if (!Number.isInteger(rank) || rank < 0) throw new RankError(`${purpose} needs a rank that is a whole number from 0 up, not ${rank}.`);
};
