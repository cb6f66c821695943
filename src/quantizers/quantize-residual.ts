import { columnsOf, isRowMajor, matrix, rowMajor, rowsOf, type Matrix } from '../foundation/index.js';
import type { QuantizedMatrix, QuantizedTensors, Quantizer, QuantizeOptions } from './contract.js';

/** Computes E = W − Q, [out, in]. */
export const residualOf = (W: Matrix, Q: Matrix): Matrix => {
  const q = rowMajor(Q);
  return matrix(
    rowsOf(W),
    columnsOf(W),
    rowMajor(W).map((value, i) => value - q[i]!),
  );
};

/** A weight matrix of which only what is stored and what was lost is wanted. */
export interface QuantizedResidual extends QuantizedTensors {
  /** E = W − Q, [out, in], row-major. */
  readonly E: Matrix;
}

/**
 * Quantizes W and turns W itself into the residual E = W − Q.
 *
 * Where `quantizer.quantize` has an `inPlace`, Q never exists: the peak is W and the stored tensors. Another's Q is held
 * beside W until it is subtracted. A W that is not row-major is copied first, and stays as it was.
 *
 * @param W [out, in]; a row-major one is spent, also when the call fails
 * @returns the tensors of `quantizer.quantize` and the residual of its Q, bit by bit; E lies in W's memory
 * @throws QuantizationError as `Quantizer.quantize`; retrying does not help
 */
export const quantizeResidual = async (W: Matrix, quantizer: Quantizer, options: QuantizeOptions): Promise<QuantizedResidual> => {
  const E = isRowMajor(W) ? W : matrix(rowsOf(W), columnsOf(W), rowMajor(W));
  const { inPlace } = quantizer.quantize;
  if (inPlace) return { tensors: await inPlace(E, options), E };
  const { tensors, dequantized } = await quantizer.quantize(E, options);
  const [e, q] = [rowMajor(E), rowMajor(dequantized)];
  for (let i = 0; i < e.length; i++) e[i] = e[i]! - q[i]!;
  return { tensors, E };
};

/** A weight matrix, its quantization and what that lost. */
export interface QuantizedWeight {
  readonly W: Matrix;
  readonly quantized: QuantizedMatrix;
  /** E = W − Q, [out, in]. */
  readonly E: Matrix;
}

/** Quantizes W and keeps all three, W, Q and E. @throws as `Quantizer.quantize` */
export const quantizeWeight = async (W: Matrix, quantizer: Quantizer, options: QuantizeOptions): Promise<QuantizedWeight> => {
  const quantized = await quantizer.quantize(W, options);
  return { W, quantized, E: residualOf(W, quantized.dequantized) };
};
