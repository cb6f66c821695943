import { QuailoraError } from '../foundation/index.js';

/**
 * Thrown when a matrix can't be quantized or stored tensors can't be read back; retrying does not help.
 *
 * Codes: `QL_NOT_FINITE` (NaN or infinity in W), `QL_F16_RANGE` (int8 only: a weight beyond float16's range),
 * `QL_QUANTIZED_TENSORS` (stored tensors are missing, misshapen or of another format).
 */
export class QuantizationError extends QuailoraError {}

/**
 * Names the NaN or infinity at one place of a row-major matrix.
 *
 * @param index into the matrix's values
 */
export const notFiniteError = (module: string, value: number, index: number, columns: number): QuantizationError =>
  new QuantizationError(
    'QL_NOT_FINITE',
    `${module}: the weight at row ${Math.floor(index / columns)}, column ${index % columns} is ${value}. ` +
      'A matrix with NaN or infinity has no quantization: the checkpoint is damaged, or its training diverged.',
  );
