import t from 'tap';
import { matrix, transposed } from '../../src/foundation/index.js';
import { residualOperator, traceOf } from '../../src/linalg/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix } from './naive-engine.js';

const engine = naiveEngine();

for (const [m, n] of [
  [5, 9],
  [9, 5],
  [6, 6],
  [1, 4],
  [4, 1],
] as const)
  t.test(`${m} × ${n}`, async (t) => {
    const E = normalMatrix(m, n, 1);
    const X = normalMatrix(n, 12, 2);
    const H = naiveProduct(X, transposed(X));
    const EX = naiveProduct(E, X);
    const G = naiveProduct(EX, transposed(EX));
    const V = normalMatrix(m, 3, 3);
    const operator = await residualOperator(E, H, engine);
    t.equal(operator.dimension, m);
    t.ok(distance(await operator.apply(V), naiveProduct(G, V)) < 1e-5);
    t.equal(operator.trace === undefined, m > n, 'formed only where it is no larger than H');
    if (operator.trace !== undefined) t.ok(Math.abs(operator.trace / traceOf(G) - 1) < 1e-5);
  });

t.test('an H of another size is refused', async (t) => {
  await t.rejects(residualOperator(matrix(3, 4), matrix(3, 3), engine), { code: 'QL_SHAPE', message: /\[4, 4\].*\[3, 3\]/ });
});
