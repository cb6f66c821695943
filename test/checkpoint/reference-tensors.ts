import { readFile } from 'node:fs/promises';
import { DTYPE_BYTES, type DType, type RawTensor } from '../../src/foundation/index.js';

const tensor = (dtype: DType, shape: readonly number[]): RawTensor => {
  const length = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  return { dtype, shape, bytes: Uint8Array.from({ length }, (_, i) => (i * 7 + 1) % (dtype === 'BOOL' ? 2 : 256)) };
};

/** The tensors of test/fixtures/safetensors/make-goldens.py. */
export const referenceTensors: Readonly<Record<string, RawTensor>> = {
  'z.f64': tensor('F64', [2]),
  'b.f32': tensor('F32', [3, 2]),
  'a.f32': tensor('F32', [1]),
  f16: tensor('F16', [3]),
  'model.layers.10.weight': tensor('BF16', [2, 3]),
  'model.layers.2.weight': tensor('BF16', [1, 5]),
  i64: tensor('I64', [1]),
  i32: tensor('I32', [2]),
  i16: tensor('I16', [3]),
  i8: tensor('I8', [5]),
  weight_format: tensor('U8', []),
  empty: tensor('U8', [0, 4]),
  flag: tensor('BOOL', [3]),
  'quote"and\\tab\t': tensor('F32', [1]),
  'é～😀': tensor('F32', [1]),
  '～': tensor('F32', [2]),
};

/** The file that the reference library writes of them. */
export const referenceFile = (): Promise<Buffer> =>
  readFile(new URL('../../../test/fixtures/safetensors/reference.safetensors', import.meta.url));
