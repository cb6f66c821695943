import t from 'tap';
import { transposed } from '../../src/foundation/index.js';
import { symmetricProduct } from '../../src/linalg/index.js';
import { ortMatrixEngine } from '../../src/runtime/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix } from './naive-engine.js';

const engine = ortMatrixEngine();
t.teardown(() => engine.close());

for (const [m, k] of [
  [1, 4],
  [33, 7],
  [512, 5],
  [513, 5],
  [1100, 9],
] as const)
  t.test(`[${m}, ${k}]`, async (t) => {
    const X = normalMatrix(m, k, 1);
    const product = await symmetricProduct(X, X, engine);
    t.ok(distance(product, naiveProduct(X, transposed(X))) < 1e-6);
    for (let i = 0; i < m; i++) for (let j = 0; j < i; j++) if (product.get(i, j) !== product.get(j, i)) t.fail(`[${i}, ${j}]`);
  });

t.test('E H Eᵀ from E H and E, and a view', async (t) => {
  const E = normalMatrix(600, 20, 2);
  const X = normalMatrix(20, 30, 3);
  const EH = naiveProduct(E, naiveProduct(X, transposed(X)));
  t.ok(distance(await symmetricProduct(EH, E, engine), naiveProduct(EH, transposed(E))) < 1e-6);
  const view = transposed(normalMatrix(20, 600, 4));
  t.ok(distance(await symmetricProduct(view, view, engine), naiveProduct(view, transposed(view))) < 1e-6);
});

t.test('little more than half of the operations', async (t) => {
  let operations = 0;
  const counting = naiveEngine();
  const X = normalMatrix(2048, 2, 5);
  await symmetricProduct(X, X, {
    multiply: async (A, B, options) => {
      const C = await counting.multiply(A, B, options);
      operations += C.size * A.shape[1]!;
      return C;
    },
  });
  t.equal(operations / (2048 * 2048 * 2), 0.625);
});

t.test('shapes that differ are refused', async (t) => {
  await t.rejects(symmetricProduct(normalMatrix(3, 2, 1), normalMatrix(4, 2, 1), engine), { code: 'QL_SHAPE' });
});
