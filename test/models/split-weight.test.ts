import t from 'tap';
import { fromFloat32, random, toFloat32, type FloatDType } from '../../src/foundation/index.js';
import { splitWeight } from '../../src/models/index.js';
import { splitTiles, type SplitTensors } from '../../src/models/split-weight.js';

/** W as its slices say it, [out, in]. */
const join = (tensors: SplitTensors, outFeatures: number, inFeatures: number): Float64Array => {
  const W = new Float64Array(outFeatures * inFeatures);
  for (const { begin, end, coarse, fine, scale } of splitTiles('W', outFeatures)) {
    const width = end - begin;
    t.same(
      [coarse, fine, scale].map((name) => tensors[name]!.shape),
      [[inFeatures, width], [inFeatures, width], [width]],
    );
    for (let row = begin; row < end; row++)
      for (let i = 0; i < inFeatures; i++) {
        const digits = (name: string): number => tensors[name]!.data[i * width + row - begin]!;
        W[row * inFeatures + i] = (tensors[scale]!.data[row - begin]! / 256) * (256 * digits(coarse) + digits(fine));
      }
  }
  return W;
};

const drawn = (length: number, seed: number): Float32Array => {
  const stream = random(seed);
  return Float32Array.from({ length }, () => stream.normal());
};

for (const dtype of ['BF16', 'F16', 'F32'] as const satisfies readonly FloatDType[])
  for (const [outFeatures, inFeatures] of [
    [1, 1],
    [3, 7],
    [65, 5],
    [1025, 3],
  ] as const)
    t.test(
      `[${outFeatures}, ${inFeatures}] of ${dtype} is within half a step of what it was, but for the scale's own rounding`,
      async (t) => {
        const bytes = fromFloat32(drawn(outFeatures * inFeatures, outFeatures), dtype);
        const W = toFloat32(bytes, dtype);
        const joined = join(splitWeight('W', bytes, dtype, [outFeatures, inFeatures]), outFeatures, inFeatures);
        for (let row = 0; row < outFeatures; row++) {
          const own = W.subarray(row * inFeatures, (row + 1) * inFeatures);
          const step = Math.max(...own.map(Math.abs)) / 32512;
          const gaps = own.map((value, i) => Math.abs(value - joined[row * inFeatures + i]!));
          if (Math.max(...gaps) > 0.502 * step) t.fail(`row ${row} is off by ${Math.max(...gaps) / step} steps`);
        }
        t.ok(joined.some((value) => value !== 0));
      },
    );

t.test('a row of zeros stays zero, and one that is not finite gets the scale NaN and no other', async (t) => {
  const W = Float32Array.of(0, 0, 1, NaN, 2, -4, -Infinity, 1);
  const split = splitWeight('W', fromFloat32(W, 'F32'), 'F32', [4, 2]);
  const scales = split[splitTiles('W', 4)[0]!.scale]!.data;
  t.same([...scales].map(Number.isNaN), [false, true, false, true]);
  t.same([...join(split, 4, 2).subarray(0, 2)], [0, 0]);
  t.match([...join(split, 4, 2).subarray(4, 6)].map(Math.round), [2, -4]);
});

t.test('the largest magnitudes of either sign are exact, and nothing wraps', async (t) => {
  const W = Float32Array.of(-32512, 32512, 32511, -32511, 127, 128, -128, -129);
  t.same([...join(splitWeight('W', fromFloat32(W, 'F32'), 'F32', [1, 8]), 1, 8)].map(Math.round), [...W]);
});

t.test('two bytes a weight and four a row, in tiles', async (t) => {
  const tensors = Object.values(splitWeight('W', new Uint8Array(2 * 2050 * 10), 'BF16', [2050, 10]));
  t.equal(
    tensors.reduce((sum, { data }) => sum + data.byteLength, 0),
    2 * 2050 * 10 + 4 * 2050,
  );
  t.same(
    splitTiles('W', 2050).map(({ begin, end }) => [begin, end]),
    [
      [0, 1024],
      [1024, 2048],
      [2048, 2050],
    ],
  );
});
