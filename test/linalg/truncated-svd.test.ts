import t from 'tap';
import { SVD, Matrix as DenseMatrix } from 'ml-matrix';
import { matrix, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { truncatedSvd } from '../../src/linalg/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix, orthogonalityError, squareOf } from './naive-engine.js';

const engine = naiveEngine();
const lowRank = (m: number, n: number, rank: number): Matrix => naiveProduct(normalMatrix(m, rank, 21), normalMatrix(rank, n, 22));

const cases: readonly { name: string; E: Matrix; rank: number }[] = [
  { name: 'wide noise', E: normalMatrix(90, 140, 1), rank: 8 },
  { name: 'tall noise', E: normalMatrix(140, 90, 2), rank: 8 },
  { name: 'transposed view', E: transposed(normalMatrix(90, 140, 3)), rank: 8 },
  { name: 'rank 3, 8 asked', E: lowRank(100, 120, 3), rank: 8 },
  { name: 'small', E: normalMatrix(5, 3, 4), rank: 2 },
  { name: 'full rank', E: normalMatrix(6, 9, 5), rank: 6 },
  { name: 'beyond full rank', E: normalMatrix(6, 9, 5), rank: 20 },
  { name: 'one row', E: normalMatrix(1, 9, 6), rank: 1 },
  { name: 'one column', E: normalMatrix(9, 1, 7), rank: 1 },
];

for (const { name, E, rank } of cases)
  t.test(name, async (t) => {
    const [m, n] = E.shape as [number, number];
    const k = Math.min(m, n, rank);
    const { U, values, V } = await truncatedSvd(E, rank, engine);
    t.same([U.shape, values.length, V.shape], [[m, k], k, [n, k]]);
    t.ok(orthogonalityError(U) < 3e-6, 'U orthonormal');
    t.ok(orthogonalityError(V) < 3e-6, 'V orthonormal');
    const dense = new SVD(DenseMatrix.from1DArray(m, n, [...rowMajor(E)]), { autoTranspose: true }).diagonal.slice(0, k);
    values.forEach((value, i) => {
      if (Math.abs(value - dense[i]!) > 5e-3 * dense[i]! + 1e-5 * dense[0]!) t.fail(`value ${i} is ${value}, not ${dense[i]}`);
    });
    const US = matrix(
      m,
      k,
      U.data.map((value, i) => value * values[i % k]!),
    );
    const error = distance(naiveProduct(US, transposed(V)), E) ** 2 * squareOf(E);
    const best = squareOf(E) - dense.reduce((sum, value) => sum + value ** 2, 0);
    t.ok(error <= best * (1 + 1e-4) + 1e-9 * squareOf(E), `error ${error}, best ${best}`);
  });

t.test('a zero matrix has zero values and orthonormal vectors', async (t) => {
  const { U, values, V } = await truncatedSvd(matrix(60, 50), 5, engine);
  t.same([...values], [0, 0, 0, 0, 0]);
  t.ok(Math.max(orthogonalityError(U), orthogonalityError(V)) < 3e-6);
});

t.test('without the Gram matrix the result is the same, and a start helps', async (t) => {
  const E = normalMatrix(120, 150, 8);
  const formed = await truncatedSvd(E, 6, engine);
  const applied = await truncatedSvd(E, 6, engine, { formedUpTo: 100 });
  formed.values.forEach((value, i) => t.ok(Math.abs(applied.values[i]! - value) < 1e-3 * value));
  for (const M of [E, transposed(E)]) {
    const cold = await truncatedSvd(M, 6, engine);
    t.ok((await truncatedSvd(M, 6, engine, { start: cold.U })).applications < cold.applications);
  }
});
