import { QuailoraError } from '../foundation/index.js';

/** Thrown when a directory is no LoRA adapter that can be applied here; retrying does not help. */
export class AdapterError extends QuailoraError {
  constructor(code: 'QL_ADAPTER_MISSING' | 'QL_ADAPTER_CONFIG' | 'QL_ADAPTER_TENSOR', message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
