import t from 'tap';
import { transposed } from '../../src/foundation/index.js';
import { svd } from '../../src/initializers/index.js';
import { makeProblem, testInitializer } from '../contracts/initializer.js';
import { distance, naiveEngine, naiveProduct } from '../linalg/naive-engine.js';

testInitializer(() => svd());

t.test('the split is even and full rank reproduces E', async (t) => {
  const problem = await makeProblem({ m: 20, n: 14, rank: 14, tokens: 30 });
  const { A, B } = await svd().initialize(problem, { linalg: naiveEngine() });
  t.ok(distance(naiveProduct(A, transposed(B)), problem.E) < 1e-5);
  t.ok(distance(naiveProduct(transposed(A), A), naiveProduct(transposed(B), B)) < 1e-5);
});
