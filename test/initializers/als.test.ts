import t from 'tap';
import { matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import { als, svd } from '../../src/initializers/index.js';
import { pseudoInverse, truncatedSvd } from '../../src/linalg/index.js';
import { makeProblem, naiveLoss, testInitializer } from '../contracts/initializer.js';
import { distance, naiveEngine, naiveProduct } from '../linalg/naive-engine.js';

testInitializer(() => als());
const context = { linalg: naiveEngine() };

const inverse = (M: Matrix): Matrix =>
  matrix(M.shape[0]!, M.shape[0]!, new Float32Array(pseudoInverse(new Float64Array(M.data), M.shape[0]!)));

t.test('the loss never rises over the steps', async (t) => {
  for (const shape of [
    { m: 100, n: 120 },
    { m: 40, n: 24 },
    { m: 30, n: 40 },
  ]) {
    const problem = await makeProblem({ ...shape, rank: 5, tokens: 200 });
    let before = naiveLoss(problem, await svd().initialize(problem, context));
    for (const steps of [0, 1, 2, 3, 5, 10, 20]) {
      const loss = naiveLoss(problem, await als({ steps }).initialize(problem, context));
      t.ok(loss <= before * (1 + 1e-5), `${steps} steps: ${loss}, before ${before}`);
      before = loss;
    }
  }
});

t.test('the paper’s equations, step by step, give the same product', async (t) => {
  const problem = await makeProblem({ m: 26, n: 30, rank: 4, tokens: 300 });
  const { E } = problem;
  const H = problem.statistic!.sum;
  const start = await truncatedSvd(E, 4, context.linalg);
  const rooted = (M: Matrix): Matrix =>
    matrix(
      M.shape[0]!,
      4,
      M.data.map((value, i) => value * Math.sqrt(start.values[i % 4]!)),
    );
  let [A, B] = [rooted(start.U), rooted(start.V)];
  for (let step = 1; step <= 3; step++) {
    const HB = naiveProduct(H, B);
    A = naiveProduct(naiveProduct(E, HB), inverse(naiveProduct(transposed(B), HB)));
    B = naiveProduct(naiveProduct(transposed(E), A), inverse(naiveProduct(transposed(A), A)));
    const ours = await als({ steps: step }).initialize(problem, context);
    t.ok(distance(naiveProduct(ours.A, transposed(ours.B)), naiveProduct(A, transposed(B))) < 1e-4, `${step} steps`);
  }
});

t.test('with H = I every step is the SVD', async (t) => {
  const problem = await makeProblem({ m: 24, n: 20, rank: 4, tokens: 30 });
  const sum = matrix(20, 20);
  for (let i = 0; i < 20; i++) sum.set(i, i, 1);
  const plain = { ...problem, statistic: { kind: 'H' as const, sum, tokens: 1 } };
  const best = naiveLoss(plain, await svd().initialize(plain, context));
  t.ok(Math.abs(naiveLoss(plain, await als().initialize(plain, context)) / best - 1) < 1e-5);
});

t.test('a G gives what its H gives', async (t) => {
  const shape = { m: 20, n: 32, rank: 5, tokens: 90 };
  const problem = await makeProblem(shape);
  const fromG = await als().initialize(await makeProblem({ ...shape, kind: 'G' }), context);
  const fromH = await als().initialize(problem, context);
  t.ok(Math.abs(naiveLoss(problem, fromG) / naiveLoss(problem, fromH) - 1) < 1e-4);
});

t.test('steps must be a whole number', async (t) => {
  t.throws(() => als({ steps: -1 }), { code: 'QL_STEPS' });
  t.throws(() => als({ steps: 1.5 }), { code: 'QL_STEPS' });
});
