import { isRowMajor, matrix, rowMajor, type Matrix } from '../foundation/index.js';
import type { QuantizedMatrix, QuantizedTensors, Quantizer, QuantizeOptions } from './contract.js';

/** Computes E = W − Q, [out, in]. */
export const residualOf = (W: Matrix, Q: Matrix): Matrix => {
  const q = rowMajor(Q);
  return matrix(
    W.shape[0]!,
    W.shape[1]!,
    rowMajor(W).map((value, i) => value - q[i]!),
  );
};

/** Computes E = W − Q in the memory of W. */
const residualInPlace = (W: Matrix, Q: Matrix): Matrix => {
  if (!isRowMajor(W)) return residualOf(W, Q);
  const [w, q] = [rowMajor(W), rowMajor(Q)];
  for (let i = 0; i < w.length; i++) w[i] = w[i]! - q[i]!;
  return W;
};

/** A weight matrix after quantization: what is stored, and what was lost. */
export interface QuantizedResidual {
  readonly quantized: QuantizedTensors;
  /** E = W − Q, [out, in]. */
  readonly E: Matrix;
}

/**
 * Quantizes W and keeps only what it lost; W becomes E in its own memory, and Q is let go.
 *
 * Two matrices of W's size are held at most, one afterwards.
 *
 * @param W [out, in], float32; not to be used afterwards
 * @throws as `Quantizer.quantize`
 */
export const quantizeToResidual = async (W: Matrix, quantizer: Quantizer, options: QuantizeOptions): Promise<QuantizedResidual> => {
  const { tensors, dequantized } = await quantizer.quantize(W, options);
  return { quantized: { tensors }, E: residualInPlace(W, dequantized) };
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
