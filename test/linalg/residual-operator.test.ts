import t from 'tap';
import { matrix, random, transposed } from '../../src/foundation/index.js';
import { formsResidualGram, orthonormalize, projectOut, residualOperator, traceOf } from '../../src/linalg/index.js';
import { distance, naiveEngine, naiveProduct, normalMatrix, squareOf } from './naive-engine.js';

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
    const told = await residualOperator(E, H, engine, { trace: async () => 7 });
    t.equal(told.trace, m > n ? 7 : operator.trace, 'the caller knows the trace where G is not formed');
    if (m > n) {
      const drawn = await orthonormalize(await operator.draw!(3, random(1)), engine);
      t.ok(squareOf(await projectOut(drawn, await orthonormalize(E, engine), engine)) < 1e-9, 'what is drawn lies in the range of E');
    }
    if (operator.trace !== undefined) t.ok(Math.abs(operator.trace / traceOf(G) - 1) < 1e-5);
  });

t.test('an H of another size is refused', async (t) => {
  await t.rejects(residualOperator(matrix(3, 4), matrix(3, 3), engine), { code: 'QL_SHAPE', message: /\[4, 4\].*\[3, 3\]/ });
});

t.test('G is formed where that costs less than the thin products it saves', (t) => {
  t.ok(formsResidualGram(576, 576, 80), 'small');
  t.ok(formsResidualGram(512, 8192, 80), 'narrow outputs');
  t.notOk(formsResidualGram(4096, 4096, 80), 'wide and square');
  t.ok(formsResidualGram(4096, 4096, 1040), 'many columns');
  t.ok(formsResidualGram(4096, 4096, 80, 60), 'many applications');
  t.notOk(formsResidualGram(1536, 576, 80, 1000), 'never where it is larger than H');
  t.end();
});
