import t from 'tap';
import { matrix, transposed } from '../../src/foundation/index.js';
import { als, exact, svd } from '../../src/initializers/index.js';
import { symmetricEigen } from '../../src/linalg/index.js';
import { makeProblem, naiveLoss, testInitializer } from '../contracts/initializer.js';
import { naiveEngine, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

testInitializer(() => exact());
const context = { linalg: naiveEngine() };

t.test('within 1e-4 of the dense optimum and never above ALS', async (t) => {
  for (const shape of [
    { m: 100, n: 120 },
    { m: 120, n: 100 },
    { m: 20, n: 30 },
    { m: 30, n: 20 },
  ])
    for (const rank of [1, 8]) {
      const problem = await makeProblem({ ...shape, rank, tokens: 400 });
      const G = naiveProduct(naiveProduct(problem.E, problem.statistic!.sum), transposed(problem.E));
      const optimum = symmetricEigen(new Float64Array(G.data), shape.m)
        .values.slice(rank)
        .reduce((sum, value) => sum + value, 0);
      const loss = naiveLoss(problem, await exact().initialize(problem, context));
      t.ok(loss <= optimum * (1 + 1e-4), `${loss}, optimum ${optimum}`);
      t.ok(loss <= naiveLoss(problem, await als().initialize(problem, context)) * (1 + 1e-4));
    }
});

t.test('with H = I it is the SVD', async (t) => {
  const problem = await makeProblem({ m: 24, n: 20, rank: 4, tokens: 30 });
  const sum = matrix(20, 20);
  for (let i = 0; i < 20; i++) sum.set(i, i, 1);
  const plain = { ...problem, statistic: { kind: 'H' as const, sum, tokens: 1 } };
  const best = naiveLoss(plain, await svd().initialize(plain, context));
  t.ok(Math.abs(naiveLoss(plain, await exact().initialize(plain, context)) / best - 1) < 1e-5);
});

t.test('a G gives what its H gives', async (t) => {
  const shape = { m: 20, n: 32, rank: 5, tokens: 90 };
  const problem = await makeProblem(shape);
  const fromG = await exact().initialize(await makeProblem({ ...shape, kind: 'G' }), context);
  t.ok(Math.abs(naiveLoss(problem, fromG) / naiveLoss(problem, await exact().initialize(problem, context)) - 1) < 1e-4);
});

t.test('what the calibration never saw goes to the SVD of the rest', async (t) => {
  const problem = await makeProblem({ m: 30, n: 40, rank: 10, tokens: 3 });
  const factors = await exact().initialize(problem, context);
  t.ok(naiveLoss(problem, factors) < 1e-6 * naiveLoss(problem, { A: matrix(30, 0), B: matrix(40, 0) }), 'all that was seen is gone');
  const unweighted = { ...problem, statistic: { kind: 'H' as const, sum: naiveProduct(normalMatrix(40, 1, 1), matrix(1, 40)), tokens: 1 } };
  for (let i = 0; i < 40; i++) unweighted.statistic.sum.set(i, i, 1);
  const seenOnly = { A: factors.A.hi(30, 3), B: factors.B.hi(40, 3) };
  t.ok(naiveLoss(unweighted, factors) < 0.8 * naiveLoss(unweighted, seenOnly), 'and much of the rest');
});

t.test('a statistic of another size is refused', async (t) => {
  const problem = await makeProblem({ m: 12, n: 10, rank: 2, tokens: 20 });
  for (const kind of ['H', 'G'] as const)
    await t.rejects(exact().initialize({ ...problem, statistic: { kind, sum: matrix(11, 11), tokens: 1 } }, context), { code: 'QL_SHAPE' });
});
