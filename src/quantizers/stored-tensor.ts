import { type DType, type RawTensor } from '../foundation/index.js';
import { QuantizationError } from './quantization-error.js';

/** Views float32 values as a tensor; no copy. */
export const float32Tensor = (values: Float32Array): RawTensor => ({
  dtype: 'F32',
  shape: [values.length],
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/**
 * Looks one stored tensor up and checks its dtype and shape.
 *
 * @param suffix its name after the module's
 * @throws QuantizationError QL_QUANTIZED_TENSORS; retrying does not help
 */
export const storedTensor = (
  tensors: Readonly<Record<string, RawTensor>>,
  module: string,
  suffix: string,
  dtype: DType,
  shape: readonly number[],
): RawTensor => {
  const tensor = tensors[suffix];
  const expected = `${dtype} [${shape.join(', ')}]`;
  if (!tensor)
    throw new QuantizationError(
      'QL_QUANTIZED_TENSORS',
      `${module}.${suffix} is missing; a tensor ${expected} should be stored with this weight.`,
    );
  const found = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  if (found !== expected)
    throw new QuantizationError(
      'QL_QUANTIZED_TENSORS',
      `${module}.${suffix} is ${found}, where ${expected} belongs. It may be of another model or format.`,
    );
  return tensor;
};
