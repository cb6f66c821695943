import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when an output directory may not be written to; retrying does not help.
 *
 * Codes: `QL_OUTPUT_NOT_EMPTY` (it holds files that are not quailora's), `QL_OUTPUT_EXISTS` (it holds a finished run),
 * `QL_OUTPUT_DIFFERS` (it holds an unfinished run with other options, another model or another text), `QL_OUTPUT_BUSY` (another run
 * is writing to it), `QL_OUTPUT_DAMAGED` (files of a finished run are gone, or have another length), `QL_OUTPUT_LINK` (a link lies
 * where quailora writes).
 */
export class OutputClaimError extends QuailoraError {
  /** Names what is in the way. @param holder for `QL_OUTPUT_BUSY`: whether the process that holds the directory is seen to run */
  constructor(
    code: string,
    message: string,
    readonly holder?: 'running' | 'unknown',
  ) {
    super(code, message);
  }
}
