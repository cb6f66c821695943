import t from 'tap';
import { columnsOf, matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import { orthonormalize } from '../../src/linalg/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix, orthogonalityError } from './naive-engine.js';

const scaled = (V: Matrix, scale: (column: number) => number): Matrix =>
  matrix(
    V.shape[0]!,
    V.shape[1]!,
    V.data.map((value, i) => value * scale(i % V.shape[1]!)),
  );

const nearlyEqualColumns = (): Matrix => {
  const V = normalMatrix(40, 5, 3);
  for (let i = 0; i < 40; i++) for (let j = 1; j < 5; j++) V.set(i, j, V.get(i, 0) + 1e-3 * V.get(i, j));
  return V;
};

const cases: readonly { name: string; V: Matrix; rank: number }[] = [
  { name: 'one row', V: normalMatrix(1, 7, 1), rank: 1 },
  { name: 'one column', V: normalMatrix(7, 1, 2), rank: 1 },
  { name: 'one value', V: normalMatrix(1, 1, 2), rank: 1 },
  { name: 'tall', V: normalMatrix(60, 12, 3), rank: 12 },
  { name: 'square', V: normalMatrix(20, 20, 4), rank: 20 },
  { name: 'wide', V: normalMatrix(6, 20, 5), rank: 6 },
  { name: 'strided view', V: transposed(normalMatrix(5, 30, 6)), rank: 5 },
  { name: 'rank 3 of 8 columns', V: naiveProduct(normalMatrix(50, 3, 7), normalMatrix(3, 8, 8)), rank: 3 },
  { name: 'columns from 1e-12 to 1e12', V: scaled(normalMatrix(50, 7, 9), (j) => 10 ** (4 * j - 12)), rank: 7 },
  { name: 'condition 1e3', V: nearlyEqualColumns(), rank: 5 },
  { name: 'zero columns between', V: scaled(normalMatrix(30, 6, 10), (j) => j % 2), rank: 3 },
  { name: 'columns too small to square', V: scaled(normalMatrix(30, 4, 11), () => 1e-25), rank: 4 },
  { name: 'all zero', V: matrix(9, 4), rank: 0 },
  { name: 'no columns', V: matrix(9, 0), rank: 0 },
];

for (const { name, V, rank } of cases)
  t.test(name, async (t) => {
    const Q = await orthonormalize(V, naiveEngine());
    t.equal(columnsOf(Q), rank);
    t.ok(orthogonalityError(Q) < 2e-6, 'orthonormal');
    if (rank > 0) t.ok(distance(naiveProduct(Q, naiveProduct(transposed(Q), V)), V) < 2e-6, 'the same span');
  });

t.test('column j spans with those before it what V does', async (t) => {
  const V = normalMatrix(30, 6, 12);
  const R = naiveProduct(transposed(await orthonormalize(V, naiveEngine())), V);
  for (let i = 0; i < 6; i++) for (let j = 0; j < i; j++) t.ok(Math.abs(R.get(i, j)) < 1e-5);
});
