import t from 'tap';
import { transposed } from '../../src/foundation/index.js';
import { certify, exact, residualProducts, type Statistic } from '../../src/initializers/index.js';
import type { MatrixEngine } from '../../src/runtime/index.js';
import { makeProblem } from '../contracts/initializer.js';
import { naiveEngine, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

/** Counts products whose inner size is a dimension of E: those that cost m · n · n. */
const counting = (m: number, n: number): { readonly engine: MatrixEngine; readonly grams: () => number } => {
  const naive = naiveEngine();
  let grams = 0;
  return {
    grams: () => grams,
    engine: {
      multiply: (A, B, options) => {
        if (A.shape[1] === m && B.shape[1] === m && A.shape[0] === n && B.shape[0] === n && options?.transposeB) grams++;
        return naive.multiply(A, B, options);
      },
    },
  };
};

/** Without outliers, so that the certificate's thin formula is enough. */
const plainSum = (n: number, tokens: number, seed: number): Statistic => {
  const X = normalMatrix(n, tokens, seed);
  return { kind: 'H', sum: naiveProduct(X, transposed(X)), tokens };
};

t.test('one product serves both sums, the initializer and the certificate', async (t) => {
  const [m, n] = [120, 100];
  const statistic = plainSum(n, 200, 4);
  const problem = { ...(await makeProblem({ m, n, rank: 8, tokens: 1 })), statistic };
  const heldOut = plainSum(n, 40, 5);
  const { engine, grams } = counting(m, n);
  const products = residualProducts(problem.E, [statistic.sum, heldOut.sum], engine);
  t.equal(grams(), 0, 'nothing before it is asked for');
  const factors = await exact().initialize({ ...problem, products }, { linalg: engine });
  t.equal(grams(), 1, 'the solver asks for its trace');
  const shared = await certify({ ...problem, factors, heldOut, products }, { linalg: engine });
  t.equal(grams(), 1, 'the certificate finds it done');
  const alone = await certify({ ...problem, factors, heldOut }, { linalg: engine });
  t.equal(grams(), 2, 'without them it makes its own');
  t.same(shared, alone, 'with the same result');
});

t.test('a product that fails is told to whoever asks for it, and to nobody else', async (t) => {
  const { E, statistic } = await makeProblem({ m: 12, n: 10, rank: 2, tokens: 30 });
  const failing: MatrixEngine = { multiply: () => Promise.reject(new Error('no memory')) };
  const unheard: unknown[] = [];
  const listen = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', listen);
  t.teardown(() => process.off('unhandledRejection', listen));
  const products = residualProducts(E, [statistic!.sum, plainSum(10, 40, 5).sum], failing);
  await t.rejects(products.weightedSquare(statistic!.sum), { message: 'no memory' });
  await new Promise((resolve) => setImmediate(resolve));
  t.same(unheard, []);
});

t.test('a sum it was not made with is computed apart, once', async (t) => {
  const [m, n] = [12, 10];
  const { E, statistic } = await makeProblem({ m, n, rank: 2, tokens: 30 });
  const { engine, grams } = counting(m, n);
  const products = residualProducts(E, [], engine);
  const value = await products.weightedSquare(statistic!.sum);
  t.ok(value > 0);
  t.equal(await products.weightedSquare(statistic!.sum), value);
  t.equal(grams(), 1);
});
