import t from 'tap';
import { matrix, transposed, type Matrix } from '../../src/foundation/index.js';
import { liveSessions, ortMatrixEngine } from '../../src/runtime/index.js';
import { distance, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

const SHAPES = [
  [1, 1, 1],
  [1, 9, 4],
  [5, 1, 3],
  [7, 13, 5],
  [64, 100, 33],
] as const;

const engine = ortMatrixEngine();
t.teardown(() => engine.close());

t.test('all four transposes equal the definition', async (t) => {
  for (const [m, k, n] of SHAPES)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true]) {
        const A = transposeA ? normalMatrix(k, m, 1) : normalMatrix(m, k, 1);
        const B = transposeB ? normalMatrix(n, k, 2) : normalMatrix(k, n, 2);
        const before = [A.data.slice(), B.data.slice()];
        const C = await engine.multiply(A, B, { transposeA, transposeB });
        const expected = naiveProduct(transposeA ? transposed(A) : A, transposeB ? transposed(B) : B);
        t.same(C.shape, [m, n]);
        t.ok(distance(C, expected) < 1e-6, `${m} ${k} ${n} ${transposeA} ${transposeB}`);
        t.same([A.data, B.data], before, 'the operands are left as they were');
      }
});

t.test('strided views equal the definition', async (t) => {
  const whole = normalMatrix(40, 30, 3);
  const views: Record<string, Matrix> = {
    'a transposed view': transposed(normalMatrix(12, 20, 4)),
    'some rows': whole.lo(3, 0).hi(20, 30).lo(0, 0).hi(20, 30),
    'some columns': whole.lo(0, 5).hi(20, 12),
    'a transposed part': transposed(whole.lo(2, 3).hi(12, 20)),
    'every other row and column': whole.step(2, 2),
    'rows backwards': whole.step(-1, 1),
    'one column': whole.lo(0, 4).hi(40, 1),
  };
  for (const [name, view] of Object.entries(views)) {
    const right = normalMatrix(view.shape[1]!, 6, 5);
    t.ok(distance(await engine.multiply(view, right), naiveProduct(view, right)) < 1e-6, `${name} on the left`);
    t.ok(
      distance(await engine.multiply(transposed(right), transposed(view)), naiveProduct(transposed(right), transposed(view))) < 1e-6,
      `${name} on the right`,
    );
    const left = normalMatrix(view.shape[0]!, 6, 6);
    const product = await engine.multiply(view, left, { transposeA: true });
    t.ok(distance(product, naiveProduct(transposed(view), left)) < 1e-6, `${name}, transposed once more`);
  }
});

t.test('empty products are zero, of the right shape', async (t) => {
  for (const [m, k, n] of [
    [0, 3, 2],
    [2, 3, 0],
    [2, 0, 3],
  ] as const) {
    const C = await engine.multiply(matrix(m, k), matrix(k, n));
    t.same([C.shape, [...C.data]], [[m, n], new Array<number>(m * n).fill(0)]);
  }
});

t.test('shapes that do not fit are named', async (t) => {
  const refused = { name: 'ShapeMismatchError', code: 'QL_SHAPE' };
  await t.rejects(engine.multiply(matrix(2, 3), matrix(4, 5)), { ...refused, message: /\[2, 3\].*\[4, 5\]/ });
  await t.rejects(engine.multiply(matrix(2, 3), matrix(3, 5), { transposeB: true }), { ...refused, message: /\[2, 3\].*\[5, 3\]/ });
  await t.rejects(engine.multiply(matrix(2, 3), matrix(3, 5), { transposeA: true }), refused);
});

t.test('closing releases every session; the engine can be used again', async (t) => {
  const before = liveSessions();
  const own = ortMatrixEngine();
  const A = normalMatrix(3, 3, 7);
  await Promise.all([own.multiply(A, A), own.multiply(A, A), own.multiply(A, A, { transposeB: true })]);
  t.equal(liveSessions(), before + 2, 'one for each combination of transposes');
  await own.close();
  t.equal(liveSessions(), before);
  t.ok(distance(await own.multiply(A, A), naiveProduct(A, A)) < 1e-6);
  await own.close();
  t.equal(liveSessions(), before);
});
