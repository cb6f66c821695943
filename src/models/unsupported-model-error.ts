import { QuailoraError } from '../foundation/index.js';

/** Thrown when a checkpoint asks for an architecture or a variant that is not computed here; retrying does not help. */
export class UnsupportedModelError extends QuailoraError {
  constructor(message: string) {
    super('QL_MODEL_UNSUPPORTED', message);
  }
}
