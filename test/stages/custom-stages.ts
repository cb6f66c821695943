import { fromFloat32, rowMajor } from '../../src/foundation/index.js';
import type { Quantizer } from '../../src/quantizers/index.js';

/** Quantizes to the weights themselves: Q is W, not a copy. */
export const identity: Quantizer = {
  name: 'identity',
  bits: 16,
  quantize: (W, { dtype }) => ({
    tensors: { weight: { dtype, shape: [...W.shape], bytes: fromFloat32(rowMajor(W), dtype) } },
    dequantized: W,
  }),
  dequantize: () => {
    throw new TypeError('not asked for');
  },
  quantizationConfig: () => undefined,
};
