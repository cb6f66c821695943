import t from 'tap';
import { toFloat32, type FloatDType } from '../../src/foundation/index.js';
import { nf4 } from '../../src/quantizers/index.js';
import { encodeNf4 } from '../../src/quantizers/nf4-codes.js';
import { quantizerContract } from '../contracts/quantizer.js';
import { bellWeights, bitsOf, fromBits, readGoldens, sha256 } from './golden-weights.js';

interface LargeGolden {
  readonly dtype: FloatDType;
  readonly shape: readonly [number, number];
  readonly seed: number;
  /** From bitsandbytes' CPU code, which agrees with the CUDA rule on these. */
  readonly library: { packedSha256: string; packedStart: string; absmaxSha256: string; nestedCodesUnlikeCuda: number };
  /** From the emulation of the CUDA kernel: the CPU code looks second-level codes up in a table of 65,536 cells. */
  readonly cuda: { codesSha256: string; codesStart: string; nestedAbsmaxSha256: string; state: string };
  readonly loadedSha256: string;
}

interface CornerGolden {
  readonly name: string;
  readonly dtype: FloatDType;
  readonly shape: readonly [number, number];
  readonly weights: readonly number[];
  readonly libraryPacked: string;
  readonly agrees: boolean;
  readonly cudaPacked: string;
  readonly codes: string;
  readonly nestedAbsmax: readonly number[];
  readonly state: string;
  readonly loaded: readonly number[];
}

const goldens = await readGoldens<{ large: LargeGolden[]; corners: CornerGolden[] }>('nf4-goldens.json');
const STATE = 'weight.quant_state.bitsandbytes__nf4';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

quantizerContract(nf4);

for (const { dtype, shape, seed, library, cuda, loadedSha256 } of goldens.large) {
  void t.test(`${dtype} [${shape.join(', ')}] as bitsandbytes quantizes it`, async (t) => {
    const W = bellWeights(...shape, seed, dtype);
    const { tensors, dequantized } = await nf4.quantize(W, { module: 'm', dtype });
    t.equal(hex(tensors['weight']!.bytes.subarray(0, 8)), library.packedStart);
    t.equal(sha256(tensors['weight']!.bytes), library.packedSha256, '4-bit codes');
    t.equal(sha256(encodeNf4(W.data, 'm', shape[1]).absmax), library.absmaxSha256, 'scales before nesting');
    t.equal(hex(tensors['weight.absmax']!.bytes.subarray(0, 8)), cuda.codesStart);
    t.equal(sha256(tensors['weight.absmax']!.bytes), cuda.codesSha256, 'second-level codes');
    t.equal(sha256(tensors['weight.nested_absmax']!.bytes), cuda.nestedAbsmaxSha256, 'second-level scales');
    t.equal(Buffer.from(tensors[STATE]!.bytes).toString(), cuda.state);
    t.equal(sha256(dequantized.data), loadedSha256, 'Q as the library loads it');
  });
}

t.test('the CPU library nests otherwise than CUDA, in few codes', async (t) => {
  const counts = goldens.large.map((golden) => golden.library.nestedCodesUnlikeCuda);
  t.ok(
    counts.some((count) => count > 0),
    'which is why second-level codes are compared with the emulation',
  );
});

for (const golden of goldens.corners) {
  void t.test(golden.name, async (t) => {
    const { tensors, dequantized } = await nf4.quantize(fromBits(golden.weights, golden.shape), { module: 'm', dtype: golden.dtype });
    t.equal(hex(tensors['weight']!.bytes), golden.cudaPacked, 'codes of the CUDA rule');
    if (golden.agrees) t.equal(hex(tensors['weight']!.bytes), golden.libraryPacked, 'codes of the CPU library');
    t.equal(hex(tensors['weight.absmax']!.bytes), golden.codes, 'second-level codes');
    t.same(bitsOf(toFloat32(tensors['weight.nested_absmax']!.bytes, 'F32')), golden.nestedAbsmax);
    t.equal(Buffer.from(tensors[STATE]!.bytes).toString(), golden.state);
    t.same(bitsOf(dequantized.data), golden.loaded, 'Q as the library loads it');
  });
}

t.test('the CPU library differs from CUDA for zero blocks and scales below 1e-38 only', async (t) => {
  t.same(
    goldens.corners.filter((golden) => !golden.agrees).map((golden) => golden.name),
    [
      'all zeros',
      'a block of zeros among others',
      'a partial block of zeros',
      'subnormal scale below 1e-38',
      'subnormal scale whose reciprocal overflows',
    ],
  );
});

t.test('a state of another format is refused', async (t) => {
  const options = { module: 'm', dtype: 'BF16' } as const;
  const { tensors } = await nf4.quantize(bellWeights(4, 64, 1, 'BF16'), options);
  const text = Buffer.from(tensors[STATE]!.bytes).toString();
  for (const [from, to] of [
    ['"nf4"', '"fp4"'],
    ['"blocksize": 64', '"blocksize": 128'],
    ['[4, 64]', '[64, 4]'],
    ['"bfloat16"', '"float64"'],
    ['"nested_offset"', '"offset"'],
    ['{', '['],
    [text, 'null'],
  ] as const) {
    const bytes = Uint8Array.from(Buffer.from(text.replace(from, to)));
    const changed = { ...tensors, [STATE]: { dtype: 'U8', shape: [bytes.length], bytes } } as const;
    t.throws(() => nf4.dequantize(changed, [4, 64], options), { code: 'QL_QUANTIZED_TENSORS', message: 'm.weight.quant_state' }, to);
  }
});
