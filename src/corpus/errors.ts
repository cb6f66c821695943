import { QuailoraError } from '../foundation/index.js';

/** Thrown when a text file can't serve as calibration or evaluation text; retrying does not help. */
export class CorpusError extends QuailoraError {
  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

/** Thrown when a checkpoint's tokenizer is missing, broken or of an unsupported kind; retrying does not help. */
export class TokenizerError extends QuailoraError {
  constructor(code: string, message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
