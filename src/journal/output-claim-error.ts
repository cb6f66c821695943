import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when an output directory may not be written to; retrying does not help.
 *
 * Codes: `QL_OUTPUT_NOT_EMPTY` (it holds files that are not quailora's), `QL_OUTPUT_EXISTS` (it holds a finished run),
 * `QL_OUTPUT_DIFFERS` (it holds an unfinished run with other options, another model or another text), `QL_OUTPUT_BUSY` (another run
 * is writing to it), `QL_OUTPUT_DAMAGED` (files of a finished run are gone, or have another length), `QL_OUTPUT_LINK` (a link lies
 * where quailora writes).
 */
export class OutputClaimError extends QuailoraError {}
