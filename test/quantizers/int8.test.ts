import t from 'tap';
import { matrix, toFloat32, type FloatDType } from '../../src/foundation/index.js';
import { int8 } from '../../src/quantizers/index.js';
import { quantizerContract } from '../contracts/quantizer.js';
import { bellWeights, bitsOf, fromBits, readGoldens, sha256 } from './golden-weights.js';

interface LargeGolden {
  readonly dtype: FloatDType;
  readonly shape: readonly [number, number];
  readonly seed: number;
  readonly codesSha256: string;
  readonly codesStart: string;
  readonly scalesSha256: string;
  readonly loadedSha256: string;
}

interface CornerGolden {
  readonly name: string;
  readonly dtype: FloatDType;
  readonly shape: readonly [number, number];
  readonly weights: readonly number[];
  readonly codes: readonly number[];
  readonly scales: readonly number[];
  readonly loaded: readonly number[];
}

const goldens = await readGoldens<{ large: LargeGolden[]; corners: CornerGolden[] }>('int8-goldens.json');

quantizerContract(int8);

for (const golden of goldens.large) {
  void t.test(`${golden.dtype} [${golden.shape.join(', ')}] as bitsandbytes quantizes it`, async (t) => {
    const { dtype } = golden;
    const { tensors, dequantized } = await int8.quantize(bellWeights(...golden.shape, golden.seed, dtype), { module: 'm', dtype });
    t.equal(Buffer.from(tensors['weight']!.bytes.subarray(0, 8)).toString('hex'), golden.codesStart);
    t.equal(sha256(tensors['weight']!.bytes), golden.codesSha256, '8-bit codes');
    t.equal(sha256(tensors['SCB']!.bytes), golden.scalesSha256, 'scales');
    t.equal(sha256(dequantized.data), golden.loadedSha256, 'Q as the library reads it');
  });
}

for (const golden of goldens.corners) {
  void t.test(golden.name, async (t) => {
    const { dtype } = golden;
    const { tensors, dequantized } = await int8.quantize(fromBits(golden.weights, golden.shape), { module: 'm', dtype });
    const { buffer, byteOffset, length } = tensors['weight']!.bytes;
    t.same([...new Int8Array(buffer, byteOffset, length)], golden.codes);
    t.same(bitsOf(toFloat32(tensors['SCB']!.bytes, 'F32')), golden.scales);
    t.same(bitsOf(dequantized.data), golden.loaded);
  });
}

t.test('weights beyond float16 are refused by module and place', async (t) => {
  const W = matrix(2, 3, Float32Array.of(1, 2, 3, 4, 5, -65520));
  t.throws(() => int8.quantize(W, { module: 'a.b', dtype: 'F32' }), { code: 'QL_F16_RANGE', message: /a\.b.*row 1, column 2 is -65520/ });
});

t.test('another weight format is refused', async (t) => {
  const options = { module: 'm', dtype: 'BF16' } as const;
  const { tensors } = await int8.quantize(bellWeights(2, 3, 1, 'BF16'), options);
  const changed = { ...tensors, weight_format: { dtype: 'U8', shape: [], bytes: Uint8Array.of(1) } } as const;
  t.throws(() => int8.dequantize(changed, [2, 3], options), { code: 'QL_QUANTIZED_TENSORS', message: 'm.weight_format is 1' });
});
