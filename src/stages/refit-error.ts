import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when kept statistics can't give what a refit asks for; retrying does not help.
 *
 * Codes: `QL_REFIT_STATISTICS` (there are none, or their index can't be read), `QL_REFIT_KEPT` (what was kept is not enough),
 * `QL_REFIT_MODEL` (they belong to other weights), `QL_REFIT_OPTION` (an option has to be typed).
 */
export class RefitError extends QuailoraError {}
