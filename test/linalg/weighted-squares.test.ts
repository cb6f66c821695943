import t from 'tap';
import { matrix, rowMajor, transposed, type Matrix } from '../../src/foundation/index.js';
import { weightedSquares } from '../../src/linalg/index.js';
import { ortMatrixEngine } from '../../src/runtime/index.js';
import { naiveProduct, normalMatrix } from './naive-engine.js';

const engine = ortMatrixEngine();
t.teardown(() => engine.close());

const gram = (n: number, seed: number): Matrix => {
  const X = normalMatrix(n, 12, seed);
  for (let s = 0; s < 12; s++) X.set(0, s, 30 * X.get(0, s));
  return naiveProduct(X, transposed(X));
};

/** By the definition, Σ over rows e of e H eᵀ in float64. */
const naiveSquare = (E: Matrix, H: Matrix): number => {
  const EH = naiveProduct(E, H);
  let sum = 0;
  for (let i = 0; i < E.shape[0]!; i++) for (let j = 0; j < E.shape[1]!; j++) sum += EH.get(i, j) * E.get(i, j);
  return sum;
};

for (const [m, n] of [
  [1, 1],
  [1, 9],
  [9, 1],
  [40, 30],
  [30, 600],
  [2100, 20],
] as const)
  t.test(`[${m}, ${n}], several sums together`, async (t) => {
    const E = normalMatrix(m, n, 1);
    const sums = [gram(n, 2), gram(n, 3)];
    const squares = await weightedSquares(E, sums, engine);
    sums.forEach((H, i) => t.ok(Math.abs(squares[i]! / naiveSquare(E, H) - 1) < 2e-6, `${squares[i]}`));
    const view = transposed(matrix(n, m, rowMajor(transposed(E))));
    t.same(await weightedSquares(view, sums, engine), squares, 'a view counts by its values');
  });

t.test('the lower triangle is enough', async (t) => {
  const H = gram(600, 4);
  const expected = await weightedSquares(normalMatrix(7, 600, 5), [H], engine);
  for (let i = 0; i < 600; i++) for (let j = i + 1; j < 600; j++) H.set(i, j, NaN);
  t.same(await weightedSquares(normalMatrix(7, 600, 5), [H], engine), expected);
});

t.test('no sums, and a sum of another size', async (t) => {
  t.same(await weightedSquares(normalMatrix(3, 4, 1), [], engine), []);
  await t.rejects(weightedSquares(normalMatrix(3, 4, 1), [matrix(3, 3)], engine), { code: 'QL_SHAPE', message: /\[4, 4\].*\[3, 3\]/ });
});
