import { readdir } from 'node:fs/promises';
import t from 'tap';
import { readSplitWeights } from '../../src/calibration/read-split-weights.js';
import { fromFloat32, random, roundTo } from '../../src/foundation/index.js';
import { GraphBuilder } from '../../src/graph/index.js';
import { openModel, splitWeight, type CausalModel } from '../../src/models/index.js';
import { splitActivations, splitProduct } from '../../src/models/split-product.js';
import { multipliesIntegersExactly, Session, type SessionTensor } from '../../src/runtime/index.js';
import { openFixture } from './golden-run.js';

const exact = await multipliesIntegersExactly();
const fixtures = (await readdir('test/fixtures/models', { withFileTypes: true })).filter(
  (entry) => entry.isDirectory() && entry.name !== 'recipes',
);
const needsExact = exact ? {} : { skip: 'products of 8-bit integers saturate on this processor' };

interface Shape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

const product = async (x: Float32Array, W: Float32Array, { rows, inner, columns }: Shape, threads = 1): Promise<Float32Array> => {
  const graph = new GraphBuilder('split');
  const split = splitActivations(graph, graph.input('x', 'F32', ['rows', inner]));
  graph.output(splitProduct(graph, split, { name: 'W', outFeatures: columns, inFeatures: inner }), 'F32', ['rows', columns], 'y');
  const slices = splitWeight('W', fromFloat32(W, 'F32'), 'F32', [columns, inner]);
  const session = await Session.open('a split product', graph.serialize(), { threads });
  const y = new Float32Array(rows * columns);
  await session.run({ x: { data: x, shape: [rows, inner] }, ...slices }, { y: { data: y, shape: [rows, columns] } });
  await session.release();
  return y;
};

/** x Wᵀ in float64. */
const naive = (x: Float32Array, W: Float32Array, { rows, inner, columns }: Shape): Float64Array => {
  const y = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) for (let i = 0; i < inner; i++) y[r * columns + c]! += x[r * inner + i]! * W[c * inner + i]!;
  return y;
};

/** ‖a − b‖ / ‖b‖ */
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let gap = 0;
  let length = 0;
  for (let i = 0; i < a.length; i++) {
    gap += (a[i]! - b[i]!) ** 2;
    length += b[i]! ** 2;
  }
  return Math.sqrt(gap / Math.max(length, Number.MIN_VALUE));
};

/** Normal values; every 31st column is `outliers` times as large. */
const drawn = (rows: number, inner: number, seed: number, outliers = 1): Float32Array => {
  const stream = random(seed);
  return Float32Array.from({ length: rows * inner }, (_, at) => stream.normal() * ((at % inner) % 31 === 4 ? outliers : 1));
};

const SHAPES: readonly (readonly [rows: number, inner: number, columns: number, outliers?: number])[] = [
  [1, 1, 1],
  [1, 64, 3],
  [5, 1, 9],
  [17, 33, 1],
  [3, 130, 1025],
  [40, 257, 65, 100],
  [24, 2051, 40, 100],
  [24, 300, 40, 1e6],
];
for (const [rows, inner, columns, outliers = 1] of SHAPES)
  t.test(`[${rows}, ${inner}] · [${inner}, ${columns}], outliers × ${outliers}, is closer than with bf16 inputs`, needsExact, async (t) => {
    const shape = { rows, inner, columns };
    const x = drawn(rows, inner, 1, outliers);
    const W = drawn(columns, inner, 2);
    const expected = naive(x, W, shape);
    const gap = distance(await product(x, W, shape), expected);
    t.ok(gap < 1e-3, `off by ${gap}`);
    if (inner > 1) t.ok(gap < distance(naive(roundTo(x.slice(), 'BF16'), roundTo(W.slice(), 'BF16'), shape), expected));
  });

t.test('zeros give zeros, and no rows are an error', needsExact, async (t) => {
  await t.rejects(product(new Float32Array(0), drawn(4, 6, 3), { rows: 0, inner: 6, columns: 4 }), { code: 'QL_RUNTIME' });
  const shape = { rows: 2, inner: 6, columns: 4 };
  t.same([...(await product(new Float32Array(12), drawn(4, 6, 3), shape))], Array(8).fill(0));
  t.same([...(await product(drawn(2, 6, 3), new Float32Array(24), shape))], Array(8).fill(0));
});

t.test('values that are not finite make their row or column NaN, and nothing else', needsExact, async (t) => {
  const shape = { rows: 3, inner: 40, columns: 20 };
  const W = drawn(20, 40, 4);
  const finite = await product(drawn(3, 40, 5), W, shape);
  for (const wrong of [NaN, Infinity, -Infinity])
    for (const at of [0, 7, 39]) {
      const x = drawn(3, 40, 5);
      x[40 + at] = wrong;
      const y = await product(x, W, shape);
      t.ok(y.subarray(20, 40).every(Number.isNaN), `${wrong} at ${at}`);
      t.same([...y.subarray(0, 20), ...y.subarray(40)], [...finite.subarray(0, 20), ...finite.subarray(40)]);
      const V = drawn(20, 40, 4);
      V[3 * 40 + at] = wrong;
      const z = await product(drawn(3, 40, 5), V, shape);
      t.ok(z.every((value, i) => (i % 20 === 3 ? Number.isNaN(value) : value === finite[i])));
    }
});

t.test('huge and tiny values keep their precision', needsExact, async (t) => {
  const shape = { rows: 8, inner: 50, columns: 30 };
  const W = drawn(30, 50, 6);
  for (const size of [1e-20, 1e15, 1e30]) {
    const x = drawn(8, 50, 7).map((value) => value * size);
    t.ok(distance(await product(x, W, shape), naive(x, W, shape)) < 1e-3, `× ${size}`);
  }
});

t.test('threads change no bit', needsExact, async (t) => {
  for (const [rows, inner, columns] of [
    [1, 700, 1100],
    [3, 4096, 80],
    [129, 515, 1040],
  ] as const) {
    const shape = { rows, inner, columns };
    const x = drawn(rows, inner, 8, 100);
    const W = drawn(columns, inner, 9);
    const alone = await product(x, W, shape, 1);
    for (const threads of [2, 3]) t.same(Buffer.from((await product(x, W, shape, threads)).buffer), Buffer.from(alone.buffer));
  }
});

/** Passes windows through a block; `next` and every activation one after the other. */
const passBlock = async (model: CausalModel, block: number, linear: 'stored' | 'split'): Promise<Float32Array[]> => {
  const lead = [2, 7];
  const piece = model.block(block, { windowTokens: 7, linear, activations: true });
  const fetches: Record<string, SessionTensor> = {};
  const fetch = (name: string, ...shape: number[]): void => {
    fetches[name] = { data: new Float32Array(shape.reduce((product, size) => product * size)), shape };
  };
  fetch('next', ...lead, model.hiddenSize);
  const routed = new Set(model.mixture?.(block)?.inputs.map(({ name }) => name));
  for (const { name, width } of model.inputs(block)) if (!routed.has(name)) fetch(name, ...lead, width);
  const session = await Session.open(piece.label, piece.graph, { externalFolder: piece.externalFolder });
  await session.run(
    {
      hidden: { data: drawn(14, model.hiddenSize, 10, 8), shape: [...lead, model.hiddenSize] },
      positions: { data: BigInt64Array.from({ length: 14 }, (_, i) => BigInt(i % 7)), shape: lead },
      ...(await readSplitWeights(piece)),
    },
    fetches,
  );
  await session.release();
  return Object.values(fetches).map(({ data }) => data as Float32Array);
};

for (const { name } of fixtures)
  t.test(`${name}: blocks on slices are those in float32 but for 1e-3`, needsExact, async (t) => {
    const model = openModel(await openFixture(name));
    for (let block = 0; block < model.blocks; block++) {
      const [stored, split] = [await passBlock(model, block, 'stored'), await passBlock(model, block, 'split')];
      stored.forEach((values, i) => {
        const gap = distance(split[i]!, values);
        t.ok(gap < 1e-3, `block ${block}, output ${i}, is off by ${gap}`);
      });
      t.ok(distance(split[0]!, stored[0]!) > 0, 'the blocks are not the same ones');
    }
  });
