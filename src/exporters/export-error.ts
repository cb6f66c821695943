import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when what a caller hands over can't become an adapter or a base; retrying does not help, but for `QL_SOURCE_FILE`.
 *
 * Codes: `QL_LORA_SCALING` (rank or alpha without a scaling), `QL_ALREADY_QUANTIZED` (the source has a
 * quantization_config), `QL_UNPLANNED_TENSOR`, `QL_MISSING_TENSOR` (what came is not what the plan names),
 * `QL_SOURCE_FILE` (a file of the source that is copied can't be read; retrying may help).
 */
export class ExportError extends QuailoraError {}
