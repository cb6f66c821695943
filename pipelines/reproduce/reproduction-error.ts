import { QuailoraError } from '../../src/foundation/index.js';

/**
 * Thrown when the reproduction can't go on.
 *
 * Codes: `QL_REPRODUCE_CONFIG` (a scale's settings are missing or wrong), `QL_REPRODUCE_PRODUCT` (a file that a step made is
 * not what it should be), `QL_REPRODUCE_DATA` (a number or text that is read can't be used). Retrying does not help.
 */
export class ReproductionError extends QuailoraError {}
