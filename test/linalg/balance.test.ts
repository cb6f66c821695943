import t from 'tap';
import { matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import { balance } from '../../src/linalg/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix } from './naive-engine.js';

const engine = naiveEngine();
const scaled = (V: Matrix, scale: (column: number) => number): Matrix =>
  matrix(
    V.shape[0]!,
    V.shape[1]!,
    V.data.map((value, i) => value * scale(i % V.shape[1]!)),
  );

const cases: readonly { name: string; A: Matrix; B: Matrix; rank: number }[] = [
  { name: 'random', A: normalMatrix(30, 6, 1), B: normalMatrix(40, 6, 2), rank: 6 },
  { name: 'far apart in size', A: scaled(normalMatrix(30, 6, 1), () => 1e-6), B: scaled(normalMatrix(40, 6, 2), () => 1e5), rank: 6 },
  {
    name: 'opposite grades',
    A: scaled(normalMatrix(30, 6, 3), (j) => 10 ** j),
    B: scaled(normalMatrix(40, 6, 4), (j) => 10 ** -j),
    rank: 6,
  },
  { name: 'graded product', A: scaled(normalMatrix(30, 4, 5), (j) => 10 ** -j), B: normalMatrix(40, 4, 6), rank: 4 },
  { name: 'a zero column', A: scaled(normalMatrix(30, 4, 7), (j) => Number(j !== 1)), B: normalMatrix(40, 4, 8), rank: 3 },
  { name: 'rank above both sides', A: normalMatrix(3, 8, 9), B: normalMatrix(5, 8, 10), rank: 3 },
  { name: 'one column', A: normalMatrix(9, 1, 11), B: normalMatrix(4, 1, 12), rank: 1 },
  { name: 'zero', A: normalMatrix(9, 2, 13), B: matrix(4, 2), rank: 0 },
];

for (const { name, A, B, rank } of cases)
  t.test(name, async (t) => {
    const result = await balance(A, B, engine);
    t.same([result.A.shape, result.B.shape], [A.shape, B.shape]);
    const product = naiveProduct(A, transposed(B));
    t.ok(distance(naiveProduct(result.A, transposed(result.B)), product) < 3e-6, 'the same product');
    const AA = naiveProduct(transposed(result.A), result.A);
    const BB = naiveProduct(transposed(result.B), result.B);
    t.ok(distance(AA, BB) < 1e-5, 'AᵀA = BᵀB');
    const r = A.shape[1]!;
    const lengths = Array.from({ length: r }, (_, j) => AA.get(j, j));
    t.equal(lengths.filter((length) => length > 0).length, rank);
    for (let i = 0; i < r; i++)
      for (let j = 0; j < r; j++) if (i !== j) t.ok(Math.abs(AA.get(i, j)) < 1e-5 * (lengths[0] ?? 0) + 1e-12, 'Σ is diagonal');
  });

t.test('factors of different ranks are refused', async (t) => {
  await t.rejects(balance(matrix(3, 2), matrix(3, 1), engine), { code: 'QL_SHAPE' });
});
