import { QuailoraError } from '../foundation/index.js';

/**
 * One thing that is wrong with what was written.
 *
 * Codes: `QL_VERIFY_ADAPTER` (the adapter can't be opened), `QL_VERIFY_SCALE` (rank, alpha or rsLoRA are not the claimed ones),
 * `QL_VERIFY_TARGETS` (peft would adapt other modules), `QL_VERIFY_TENSOR_MISSING`, `QL_VERIFY_TENSOR_EXTRA`,
 * `QL_VERIFY_TENSOR_SHAPE`, `QL_VERIFY_TENSOR_DTYPE`, `QL_VERIFY_NOT_FINITE`, `QL_VERIFY_PRODUCT` (s·B·A is not a correction of
 * this residual), `QL_VERIFY_LOSS` (it captures another loss than claimed), `QL_VERIFY_WORSE` (it makes the module worse),
 * `QL_VERIFY_STATISTICS` (the loss of no correction differs: another text or model), `QL_VERIFY_MODEL` (the checkpoint is
 * another one), `QL_VERIFY_BASE` (the base is not quantize(W)), `QL_VERIFY_CONFIG` (a configuration file differs).
 */
export interface VerificationFailure {
  /** Stable code, `QL_…`. */
  readonly code: string;
  /** Module or file it was found in. */
  readonly where: string;
  readonly message: string;
}

/**
 * Thrown when an output can't be verified at all; retrying does not help.
 *
 * Codes: `QL_VERIFY_MODEL` (no full-precision checkpoint, or one without the modules claimed), `QL_VERIFY_QUANTIZER` (a quantizer
 * that is not one of quailora's, so that its bytes can't be made again).
 */
export class VerificationError extends QuailoraError {
  constructor(code: 'QL_VERIFY_MODEL' | 'QL_VERIFY_QUANTIZER', message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}
