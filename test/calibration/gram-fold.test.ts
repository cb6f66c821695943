import t from 'tap';
import { unpackSymmetric } from '../../src/calibration/index.js';
import { GramFold, GramGraphs } from '../../src/calibration/gram-fold.js';
import { matrix, rowMajor, transposed } from '../../src/foundation/index.js';
import { liveSessions } from '../../src/runtime/index.js';
import { makeActivationChunk, type ActivationChunk } from '../../src/transport/index.js';
import { distance, naiveProduct, normalMatrix } from '../linalg/naive-engine.js';

const X = normalMatrix(30, 12, 1);

/** Rows `begin` … `end − 1` of X as a chunk. */
const chunk = (begin: number, end: number): ActivationChunk =>
  makeActivationChunk(
    { sequence: 0, block: 0, input: 'mlp_input', split: 'calibration' },
    rowMajor(X).subarray(12 * begin, 12 * end),
    12,
    new Int32Array(end - begin),
  );

t.test('a fold sums chunks until it is asked, and begins anew', async (t) => {
  const before = liveSessions();
  const fold = await GramFold.open(12);
  await fold.add(chunk(0, 11));
  await fold.add(chunk(11, 30));
  const H = naiveProduct(transposed(X), X);
  t.ok(distance(unpackSymmetric(12, fold.take()), H) < 1e-6);
  t.same(rowMajor(unpackSymmetric(12, fold.take())).slice(), new Float32Array(144));
  await fold.add(chunk(0, 30));
  t.ok(distance(unpackSymmetric(12, fold.take()), H) < 1e-6);
  await fold.release();
  t.equal(liveSessions(), before);
});

t.test('with a residual the sum is E H Eᵀ', async (t) => {
  const E = normalMatrix(5, 12, 2);
  const fold = await GramFold.open(12, { E: rowMajor(E), rows: 5 });
  await fold.add(chunk(0, 20));
  await fold.add(chunk(20, 30));
  const EHEt = naiveProduct(naiveProduct(E, naiveProduct(transposed(X), X)), transposed(E));
  t.ok(distance(unpackSymmetric(5, fold.take()), EHEt) < 1e-6);
  await fold.release();
});

t.test('a chunk of another width is refused', async (t) => {
  const fold = await GramFold.open(11);
  await t.rejects(fold.add(chunk(0, 3)), { code: 'QL_SHAPE', message: /"mlp_input" has 12 features.* 11/ });
  t.same(matrix(11, 11).data, rowMajor(unpackSymmetric(11, fold.take())).slice());
  await fold.release();
});

t.test('folds of equal sizes share a graph and nothing else; no rows cost nothing', async (t) => {
  const before = liveSessions();
  const graphs = new GramGraphs();
  const folds = [await GramFold.open(12, undefined, graphs), await GramFold.open(12, undefined, graphs)];
  t.equal(liveSessions(), before + 1);
  await folds[0]!.addRows(rowMajor(X));
  await folds[1]!.addRows(new Float32Array(0));
  t.same(
    folds.map(({ untouched }) => untouched),
    [false, true],
  );
  t.ok(distance(unpackSymmetric(12, folds[0]!.take()), naiveProduct(transposed(X), X)) < 1e-6);
  t.equal(folds[0]!.untouched, true);
  for (const fold of folds) await fold.release();
  t.equal(liveSessions(), before + 1, 'the graph is released by itself');
  await graphs.release();
  t.equal(liveSessions(), before);
});
