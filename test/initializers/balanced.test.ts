import t from 'tap';
import { transposed } from '../../src/foundation/index.js';
import { balanced, exact, loftq, zero } from '../../src/initializers/index.js';
import { makeProblem, naiveLoss } from '../contracts/initializer.js';
import { distance, naiveEngine, naiveProduct } from '../linalg/naive-engine.js';

const context = { linalg: naiveEngine() };

t.test('the loss stays, the factors become alike', async (t) => {
  const problem = await makeProblem({ m: 24, n: 40, rank: 5, tokens: 100 });
  const factors = await exact().initialize(problem, context);
  const even = await balanced(factors, context);
  t.ok(Math.abs(naiveLoss(problem, even) / naiveLoss(problem, factors) - 1) < 1e-5);
  t.ok(distance(naiveProduct(transposed(even.A), even.A), naiveProduct(transposed(even.B), even.B)) < 1e-5);
  t.ok(
    distance(naiveProduct(transposed(factors.A), factors.A), naiveProduct(transposed(factors.B), factors.B)) > 0.1,
    'they were not before',
  );
});

t.test('the baseline keeps its random factor, LoftQ its Q', async (t) => {
  const problem = await makeProblem({ m: 24, n: 40, rank: 5, tokens: 100 });
  const baseline = await zero().initialize(problem, context);
  t.equal(await balanced(baseline, context), baseline);
  const own = await loftq({ steps: 2 }).initialize(problem, context);
  t.equal((await balanced(own, context)).quantized, own.quantized);
});
