import t from 'tap';
import { columnsOf, matrix, rowsOf, roundTo, transposed, type Matrix } from '../../src/foundation/index.js';
import { certify, type Factors, type Initializer, type InitializerProblem, type Statistic } from '../../src/initializers/index.js';
import { nf4 } from '../../src/quantizers/index.js';
import { naiveEngine, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

/** What a problem is made from; the statistic is an H of correlated tokens with one outlying channel. */
export interface ProblemShape {
  readonly m: number;
  readonly n: number;
  readonly rank: number;
  readonly tokens: number;
  readonly kind?: 'H' | 'G';
  readonly zeroWeight?: boolean;
  readonly zeroActivations?: boolean;
}

const activations = (n: number, tokens: number): Matrix => {
  const mixing = naiveProduct(normalMatrix(n, 12, 31), normalMatrix(12, tokens, 32));
  const own = normalMatrix(n, tokens, 33);
  for (let i = 0; i < n; i++) for (let s = 0; s < tokens; s++) mixing.set(i, s, (mixing.get(i, s) + own.get(i, s)) * (i === 0 ? 30 : 1));
  return mixing;
};

const minus = (X: Matrix, Y: Matrix): Matrix =>
  matrix(
    rowsOf(X),
    columnsOf(X),
    X.data.map((value, i) => value - Y.data[i]!),
  );

/** Makes a seeded problem with the real NF4 residual of a random weight. */
export const makeProblem = async (shape: ProblemShape): Promise<InitializerProblem> => {
  const { m, n, rank, tokens, kind = 'H' } = shape;
  const W = shape.zeroWeight ? matrix(m, n) : normalMatrix(m, n, 41);
  roundTo(W.data, 'BF16');
  const quantizeOptions = { module: `layers.0.${m}x${n}`, dtype: 'BF16' as const };
  const quantized = await nf4.quantize(W, quantizeOptions);
  const E = minus(W, quantized.dequantized);
  const X = shape.zeroActivations ? matrix(n, tokens) : activations(n, tokens);
  const seen = kind === 'H' ? X : naiveProduct(E, X);
  const statistic: Statistic = { kind, sum: naiveProduct(seen, transposed(seen)), tokens };
  return { module: quantizeOptions.module, W, quantized, E, statistic, rank, quantizer: nf4, quantizeOptions };
};

/** tr(R H Rᵀ) with R = E − A Bᵀ by the definition, in float64; H only. */
export const naiveLoss = ({ W, E, statistic }: InitializerProblem, { A, B, quantized }: Factors): number => {
  const own = quantized ? minus(W, quantized.dequantized) : E;
  const [m, n, r] = [rowsOf(E), columnsOf(E), columnsOf(A)];
  const H = statistic!.sum;
  let loss = 0;
  for (let i = 0; i < m; i++) {
    const row = new Float64Array(n);
    for (let j = 0; j < n; j++) {
      row[j] = own.get(i, j);
      for (let k = 0; k < r; k++) row[j] = row[j]! - A.get(i, k) * B.get(j, k);
    }
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) loss += row[j]! * H.get(j, k) * row[k]!;
  }
  return loss;
};

const shapes: readonly (ProblemShape & { readonly name: string })[] = [
  { name: 'wide', m: 20, n: 32, rank: 6, tokens: 100 },
  { name: 'tall', m: 32, n: 20, rank: 6, tokens: 100 },
  { name: 'wide, larger than the dense solver takes', m: 100, n: 120, rank: 8, tokens: 300 },
  { name: 'tall, larger than the dense solver takes', m: 120, n: 100, rank: 8, tokens: 300 },
  { name: 'fewer tokens than features', m: 24, n: 30, rank: 4, tokens: 12 },
  { name: 'fewer tokens than the rank', m: 24, n: 30, rank: 10, tokens: 3 },
  { name: 'fewer tokens than the rank, larger', m: 120, n: 100, rank: 10, tokens: 4 },
  { name: 'rank 0', m: 12, n: 10, rank: 0, tokens: 40 },
  { name: 'full rank', m: 12, n: 10, rank: 10, tokens: 40 },
  { name: 'rank above both sides', m: 12, n: 10, rank: 16, tokens: 40 },
  { name: 'one row', m: 1, n: 10, rank: 2, tokens: 40 },
  { name: 'one column', m: 12, n: 1, rank: 2, tokens: 40 },
  { name: 'zero residual', m: 12, n: 10, rank: 3, tokens: 40, zeroWeight: true },
  { name: 'zero activations', m: 12, n: 10, rank: 3, tokens: 40, zeroActivations: true },
  { name: 'no tokens', m: 12, n: 10, rank: 3, tokens: 0 },
];

/** Runs what every initializer must hold. */
export const testInitializer = (make: () => Initializer): void => {
  const context = { linalg: naiveEngine() };
  for (const { name, ...shape } of shapes)
    t.test(name, async (t) => {
      const problem = await makeProblem(shape);
      const before = [problem.W, problem.E, problem.statistic!.sum].map((M) => M.data.slice());
      const initializer = make();
      const factors = await initializer.initialize(problem, context);
      t.same(
        [factors.A.shape, factors.B.shape],
        [
          [shape.m, shape.rank],
          [shape.n, shape.rank],
        ],
      );
      t.ok([...factors.A.data, ...factors.B.data].every(Number.isFinite), 'finite');
      t.equal(factors.quantized !== undefined, initializer.requantizes, 'says whether it re-quantizes');
      t.same(
        [problem.W, problem.E, problem.statistic!.sum].map((M) => M.data),
        before,
        'its input is left as it was',
      );
      const none = naiveLoss(problem, { A: matrix(shape.m, 0), B: matrix(shape.n, 0) });
      if (!initializer.requantizes) t.ok(naiveLoss(problem, factors) <= none * (1 + 1e-5), 'never worse than no correction');
      for (let j = Math.min(shape.m, shape.n); j < shape.rank; j++)
        t.ok(
          Array.from({ length: shape.m }, (_, i) => factors.A.get(i, j)).every((value) => value === 0),
          'columns beyond full rank are zero',
        );
      t.same((await make().initialize(problem, context)).A.data, factors.A.data, 'equal calls give equal bits');
      if (initializer.projectsResidual) {
        const G = (await makeProblem({ ...shape, kind: 'G' })).statistic;
        const { loss } = await certify({ ...problem, statistic: G, factors }, context);
        const perToken = Math.max(shape.tokens, 1);
        t.ok(
          Math.abs(loss.final * perToken - naiveLoss(problem, factors)) <= 1e-4 * naiveLoss(problem, factors) + 2e-6 * none,
          'a G states its loss',
        );
      }
    });

  t.test('without a statistic', async (t) => {
    const problem = { ...(await makeProblem({ m: 12, n: 10, rank: 3, tokens: 20 })), statistic: undefined };
    const attempt = make().initialize(problem, context);
    if (make().usesStatistic) await t.rejects(attempt, { code: 'QL_STATISTIC', message: /layers\.0\.12x10/ });
    else await t.resolves(attempt);
  });

  t.test('a rank that is no rank', async (t) => {
    await t.rejects(make().initialize(await makeProblem({ m: 12, n: 10, rank: 2.5, tokens: 20 }), context), { code: 'QL_RANK' });
  });
};
