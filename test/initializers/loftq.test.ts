import t from 'tap';
import { matrix, roundTo, transposed } from '../../src/foundation/index.js';
import { loftq, svd } from '../../src/initializers/index.js';
import { truncatedSvd } from '../../src/linalg/index.js';
import { makeProblem, testInitializer } from '../contracts/initializer.js';
import { distance, naiveEngine, naiveProduct, squareOf } from '../linalg/naive-engine.js';

testInitializer(() => loftq());
const context = { linalg: naiveEngine() };

t.test('one step is the SVD of the stock residual', async (t) => {
  const problem = await makeProblem({ m: 24, n: 32, rank: 4, tokens: 10 });
  const one = await loftq({ steps: 1 }).initialize(problem, context);
  t.same(one.quantized!.tensors, problem.quantized.tensors);
  t.same(one.A.data, (await svd().initialize(problem, context)).A.data);
});

t.test('each step quantizes what the last correction left', async (t) => {
  const problem = await makeProblem({ m: 24, n: 32, rank: 4, tokens: 10 });
  const { W, quantizer, quantizeOptions } = problem;
  for (const steps of [2, 3, 5]) {
    const before = await loftq({ steps: steps - 1 }).initialize(problem, context);
    const after = await loftq({ steps }).initialize(problem, context);
    const product = naiveProduct(before.A, transposed(before.B));
    const rest = matrix(
      24,
      32,
      W.data.map((value, i) => value - product.data[i]!),
    );
    roundTo(rest.data, 'BF16');
    t.same((await quantizer.quantize(rest, quantizeOptions)).tensors, after.quantized!.tensors, `step ${steps}: Q`);
    const E = matrix(
      24,
      32,
      W.data.map((value, i) => value - after.quantized!.dequantized.data[i]!),
    );
    const best = await truncatedSvd(E, 4, context.linalg);
    t.ok(
      distance(
        naiveProduct(after.A, transposed(after.B)),
        naiveProduct(
          matrix(
            24,
            4,
            best.U.data.map((value, i) => value * best.values[i % 4]!),
          ),
          transposed(best.V),
        ),
      ) < 1e-4,
      `step ${steps}: factors`,
    );
  }
});

t.test('it lowers the unweighted error', async (t) => {
  const problem = await makeProblem({ m: 60, n: 64, rank: 8, tokens: 10 });
  const errorOf = async (steps: number): Promise<number> => {
    const { A, B, quantized } = await loftq({ steps }).initialize(problem, context);
    const product = naiveProduct(A, transposed(B));
    return squareOf(
      matrix(
        60,
        64,
        problem.W.data.map((value, i) => value - quantized!.dequantized.data[i]! - product.data[i]!),
      ),
    );
  };
  t.ok((await errorOf(5)) < 0.95 * (await errorOf(1)));
});

t.test('steps must be a whole number from 1 up', async (t) => {
  t.throws(() => loftq({ steps: 0 }), { code: 'QL_STEPS' });
});
