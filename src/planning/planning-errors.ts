import { QuailoraError } from '../foundation/index.js';

/** Thrown when a run can't keep its budget of memory; retrying does not help. */
export class BudgetError extends QuailoraError {
  constructor(message: string) {
    super('QL_BUDGET', message);
  }
}

/** Thrown when a disk has too little room for a run; it may succeed when there is more. */
export class DiskError extends QuailoraError {
  constructor(message: string) {
    super('QL_DISK', message, { retryable: true });
  }
}
