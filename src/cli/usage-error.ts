import { QuailoraError } from '../foundation/index.js';

/** Thrown when the command line itself is wrong; the message names the option. */
export class UsageError extends QuailoraError {
  constructor(message: string) {
    super('QL_USAGE', message);
  }
}
