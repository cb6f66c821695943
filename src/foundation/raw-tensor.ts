import type { DType } from './dtypes.js';

/** One tensor as bytes, the way safetensors stores it. */
export interface RawTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}
