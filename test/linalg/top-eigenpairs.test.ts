import t from 'tap';
import { columnsOf, matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import { blockColumns, denseOperator, symmetricEigen, topEigenpairs, type SymmetricOperator } from '../../src/linalg/index.js';
import { naiveEngine, naiveProduct, normalMatrix, orthogonalityError, withSpectrum } from './naive-engine.js';

const engine = naiveEngine();
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
const noise = naiveProduct(normalMatrix(200, 240, 1), transposed(normalMatrix(200, 240, 1)));

const cases: readonly { name: string; G: Matrix; rank: number }[] = [
  { name: 'noise-like', G: noise, rank: 24 },
  {
    name: 'flat: every value within 1 %',
    G: withSpectrum(
      Array.from({ length: 160 }, (_, i) => 1 - i * 6e-5),
      2,
    ),
    rank: 20,
  },
  {
    name: 'fast decay',
    G: withSpectrum(
      Array.from({ length: 160 }, (_, i) => 0.7 ** i),
      3,
    ),
    rank: 20,
  },
  {
    name: 'slow decay',
    G: withSpectrum(
      Array.from({ length: 160 }, (_, i) => 1 / (i + 1)),
      4,
    ),
    rank: 20,
  },
  {
    name: 'outliers above noise',
    G: withSpectrum(
      Array.from({ length: 160 }, (_, i) => (i < 4 ? 10 ** (5 - i) : 1.5 - i / 160)),
      5,
    ),
    rank: 20,
  },
  {
    name: 'rank 5',
    G: withSpectrum(
      Array.from({ length: 120 }, (_, i) => (i < 5 ? 5 - i : 0)),
      6,
    ),
    rank: 12,
  },
  {
    name: 'rank one',
    G: withSpectrum(
      Array.from({ length: 100 }, (_, i) => (i === 0 ? 1e6 : 0)),
      7,
    ),
    rank: 10,
  },
  {
    name: 'identity',
    G: withSpectrum(
      Array.from({ length: 90 }, () => 1),
      8,
    ),
    rank: 9,
  },
  { name: 'zero', G: matrix(100, 100), rank: 10 },
  { name: 'one by one', G: matrix(1, 1, Float32Array.of(3)), rank: 1 },
  { name: 'all pairs', G: withSpectrum([5, 3, 2, 1, 0.5], 9), rank: 5 },
  { name: 'more pairs than the dimension', G: withSpectrum([5, 3, 2, 1, 0.5], 9), rank: 9 },
  {
    name: 'tiny values',
    G: matrix(
      200,
      200,
      noise.data.map((value) => value * 1e-12),
    ),
    rank: 8,
  },
];

for (const { name, G, rank } of cases)
  t.test(name, async (t) => {
    const n = columnsOf(G);
    const k = Math.min(rank, n);
    const dense = symmetricEigen(new Float64Array(G.data), n).values.map((value) => Math.max(value, 0));
    const best = sum(dense.slice(0, k));
    for (const trace of [true, false]) {
      const operator = { ...denseOperator(G, engine), ...(trace ? {} : { trace: undefined }) };
      const { values, vectors } = await topEigenpairs(operator, rank, engine);
      t.same([values.length, vectors.shape], [k, [n, k]]);
      t.ok(orthogonalityError(vectors) < 3e-6, 'orthonormal');
      const image = naiveProduct(G, vectors);
      const captured = sum(vectors.data.map((value, i) => value * image.data[i]!));
      t.ok(best - captured <= 1e-5 * best, `captures ${captured} of ${best}`);
      const left = sum(dense.slice(k));
      if (trace) t.ok(best - captured <= 1e-5 * left + 3e-6 * best, `leaves ${left} and no more`);
      t.same(
        [...values],
        [...values].sort((a, b) => b - a),
        'descending',
      );
      values.forEach((value, i) => {
        if (Math.abs(value - dense[i]!) > 0.02 * dense[i]! + 2e-6 * dense[0]!) t.fail(`value ${i} is ${value}, not ${dense[i]}`);
      });
    }
  });

t.test('equal calls give equal bits, and a start is used', async (t) => {
  const operator = denseOperator(noise, engine);
  const once = await topEigenpairs(operator, 24, engine);
  t.same((await topEigenpairs(operator, 24, engine)).vectors.data, once.vectors.data);
  const warm = await topEigenpairs(operator, 24, engine, { start: once.vectors });
  t.ok(warm.applications < once.applications, `${warm.applications} < ${once.applications}`);
  await t.rejects(topEigenpairs(operator, 24, engine, { start: matrix(7, 2) }), { code: 'QL_SHAPE' });
});

t.test('applications are counted', async (t) => {
  let calls = 0;
  const dense = denseOperator(noise, engine);
  const counted: SymmetricOperator = { ...dense, apply: (V) => (calls++, dense.apply(V)) };
  const { applications } = await topEigenpairs(counted, 24, engine);
  t.equal(calls, applications);
  t.ok(calls <= 40, `${calls} applications`);
});

t.test('failures have names', async (t) => {
  const operator = denseOperator(noise, engine);
  await t.rejects(topEigenpairs(operator, 24, engine, { maxApplications: 2 }), {
    code: 'QL_CONVERGENCE',
    message: /after \d+ applications/,
  });
  await t.rejects(topEigenpairs(operator, -1, engine), { code: 'QL_RANK' });
  await t.rejects(topEigenpairs(operator, 1.5, engine), { code: 'QL_RANK' });
  const broken: SymmetricOperator = {
    ...operator,
    apply: async (V) => matrix(200, columnsOf(V), new Float32Array(V.data.length).fill(NaN)),
  };
  await t.rejects(topEigenpairs(broken, 4, engine), { code: 'QL_CONVERGENCE' });
  t.equal((await topEigenpairs(operator, 0, engine)).values.length, 0);
});

t.test('a block is filled up to a fast width where products outweigh the rest', (t) => {
  t.same([blockColumns(64, 576), blockColumns(64, 4096), blockColumns(16, 4096), blockColumns(16, 4096, 17)], [80, 96, 32, 64]);
  t.end();
});

t.test('an operator that draws its start is asked once', async (t) => {
  const dense = denseOperator(noise, engine);
  const { vectors } = await topEigenpairs(dense, 24, engine);
  let drawn = 0;
  const drawing: SymmetricOperator = { ...dense, draw: async () => (drawn++, vectors) };
  const warm = await topEigenpairs(drawing, 24, engine);
  t.equal(drawn, 1);
  t.ok(warm.applications < (await topEigenpairs(dense, 24, engine)).applications);
  await topEigenpairs(drawing, 24, engine, { start: vectors });
  t.equal(drawn, 1, 'a start that is given comes first');
});
