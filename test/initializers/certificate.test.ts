import t from 'tap';
import { matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import {
  als,
  certify,
  exact,
  loftq,
  svd,
  zero,
  type Factors,
  type InitializerProblem,
  type Statistic,
} from '../../src/initializers/index.js';
import { makeProblem, naiveLoss } from '../contracts/initializer.js';
import { naiveEngine, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

const context = { linalg: naiveEngine() };
const nothing = ({ E, rank }: InitializerProblem): Factors => ({ A: matrix(E.shape[0]!, rank), B: matrix(E.shape[1]!, rank) });
const near = (value: number, expected: number): boolean => Math.abs(value - expected) <= 1e-4 * expected;

const gramOf = (X: Matrix, tokens: number): Statistic => ({ kind: 'H', sum: naiveProduct(X, transposed(X)), tokens });

for (const shape of [
  { m: 30, n: 44 },
  { m: 44, n: 30 },
])
  for (const initializer of [zero(), svd(), als(), exact(), loftq()])
    t.test(`${initializer.name} on ${shape.m} × ${shape.n}, by the definition`, async (t) => {
      const problem = await makeProblem({ ...shape, rank: 6, tokens: 150 });
      const factors = await initializer.initialize(problem, context);
      const other = gramOf(normalMatrix(shape.n, 50, 77), 50);
      const { loss, heldOut, captured } = await certify({ ...problem, factors, heldOut: other }, context);
      t.ok(near(loss.none, naiveLoss(problem, nothing(problem)) / 150));
      t.ok(near(loss.final, naiveLoss(problem, factors) / 150));
      t.ok(near(heldOut!.none, naiveLoss({ ...problem, statistic: other }, nothing(problem)) / 50));
      t.ok(near(heldOut!.final, naiveLoss({ ...problem, statistic: other }, factors) / 50));
      t.equal(captured, 1 - loss.final / loss.none);
    });

t.test('a loss far below that of no correction', async (t) => {
  const problem = await makeProblem({ m: 30, n: 44, rank: 6, tokens: 150 });
  for (let i = 0; i < 44; i++)
    for (let j = 0; j < 44; j++)
      problem.statistic!.sum.set(i, j, problem.statistic!.sum.get(i, j) * (i === 0 ? 30 : 1) * (j === 0 ? 30 : 1));
  const factors = await exact().initialize(problem, context);
  const expected = naiveLoss(problem, factors);
  const { loss } = await certify({ ...problem, factors }, context);
  t.ok(loss.final < 0.01 * loss.none, `${loss.final} of ${loss.none}`);
  t.ok(near(loss.final, expected / 150), `${loss.final}, by the definition ${expected / 150}`);
});

t.test('a G gives what its H gives, for projections only', async (t) => {
  const shape = { m: 30, n: 44, rank: 6, tokens: 150 };
  const problem = await makeProblem(shape);
  const { statistic: G } = await makeProblem({ ...shape, kind: 'G' });
  const factors = await exact().initialize(problem, context);
  const { loss, heldOut } = await certify({ ...problem, statistic: G, heldOut: G, factors }, context);
  t.ok(near(loss.none, naiveLoss(problem, nothing(problem)) / 150));
  t.ok(near(loss.final, naiveLoss(problem, factors) / 150));
  t.same(heldOut, loss);
  const twice = {
    A: factors.A,
    B: matrix(
      44,
      6,
      factors.B.data.map((value) => 2 * value),
    ),
  };
  await t.rejects(certify({ ...problem, statistic: G, factors: twice }, context), { code: 'QL_CERTIFICATE', message: /layers\.0\.30x44/ });
  const own = await loftq().initialize(problem, context);
  await t.rejects(certify({ ...problem, statistic: G, factors: own }, context), { code: 'QL_CERTIFICATE' });
});

t.test('nothing to lose, nothing captured', async (t) => {
  const problem = await makeProblem({ m: 12, n: 10, rank: 2, tokens: 0 });
  const certificate = await certify({ ...problem, factors: await svd().initialize(problem, context) }, context);
  t.same(certificate, { loss: { none: 0, final: 0 }, heldOut: null, captured: 0 });
});

t.test('what does not fit is refused', async (t) => {
  const problem = await makeProblem({ m: 12, n: 10, rank: 2, tokens: 20 });
  const factors = await svd().initialize(problem, context);
  await t.rejects(certify({ ...problem, statistic: undefined, factors }, context), { code: 'QL_STATISTIC' });
  const G: Statistic = { kind: 'G', sum: matrix(12, 12), tokens: 1 };
  await t.rejects(certify({ ...problem, heldOut: G, factors }, context), { code: 'QL_STATISTIC' });
  await t.rejects(certify({ ...problem, statistic: { ...G, sum: matrix(10, 10) }, factors }, context), { code: 'QL_SHAPE' });
});
