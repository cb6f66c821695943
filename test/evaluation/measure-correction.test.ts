import t from 'tap';
import { judgeCorrection, measureUnweighted, measureWeighted, type CorrectionClaim } from '../../src/evaluation/index.js';
import { columnsOf, matrix, rowsOf, type Matrix } from '../../src/foundation/index.js';
import type { Statistic } from '../../src/initializers/index.js';
import { orthonormalize } from '../../src/linalg/index.js';
import { naiveEngine, normalMatrix } from '../linalg/naive-engine.js';

const engine = naiveEngine();
const [M, N, RANK, TOKENS] = [12, 20, 3, 40];

const times = (X: Matrix, scale: number): Matrix =>
  matrix(
    rowsOf(X),
    columnsOf(X),
    X.data.map((value) => value * scale),
  );

const E = normalMatrix(M, N, 1);
const X = normalMatrix(N, TOKENS, 2);
const A = await orthonormalize(normalMatrix(M, RANK, 3), engine);
const B = await engine.multiply(E, A, { transposeA: true });
const EX = await engine.multiply(E, X);
const H: Statistic = { kind: 'H', sum: await engine.multiply(X, X, { transposeB: true }), tokens: TOKENS };
const G: Statistic = { kind: 'G', sum: await engine.multiply(EX, EX, { transposeB: true }), tokens: TOKENS };

/** ‖(E − c A Bᵀ) X‖² ÷ tokens, as it is defined. */
const lossOf = async (c: number, factors: { A: Matrix; B: Matrix } = { A, B }): Promise<number> => {
  const corrected = await engine.multiply(await engine.multiply(factors.A, factors.B, { transposeB: true }), X);
  return EX.data.reduce((sum, value, i) => sum + (value - c * corrected.data[i]!) ** 2, 0) / TOKENS;
};

const layer = { module: 'test', W: E, E };

t.test('a projection has no gap, a multiple of one shows its factor', async (t) => {
  for (const c of [1, 0.5, 2, 3, -1]) {
    const { gap, factor, gapAfterScaling, loss } = await measureUnweighted(E, times(A, c), B, engine);
    t.ok(Math.abs(gap - Math.abs(c - 1)) < 1e-5, `gap ${gap} of ${c}`);
    t.ok(Math.abs(factor - c) < 1e-5);
    t.ok(gapAfterScaling < 1e-5);
    t.ok(Math.abs(loss.none - E.data.reduce((sum, value) => sum + value * value, 0)) < 1e-4 * loss.none);
  }
});

t.test('the losses of a projection and of its multiples are the same by H, by G and by definition', async (t) => {
  for (const c of [1, 0.5, 2, 3, 0]) {
    const factors = { A: times(A, c), B };
    const unweighted = await measureUnweighted(E, factors.A, B, engine);
    for (const statistic of [H, G]) {
      const measured = await measureWeighted({ ...layer, statistic, factors }, unweighted, engine);
      const [none, final] = [await lossOf(0), await lossOf(c)];
      t.ok(Math.abs(measured!.loss.none - none) < 1e-4 * none, `none by ${statistic.kind}`);
      t.ok(Math.abs(measured!.loss.final - final) < 1e-4 * none, `final by ${statistic.kind} for ${c}`);
    }
  }
});

t.test('other factors are told apart, and a G says nothing of them', async (t) => {
  const factors = { A, B: normalMatrix(N, RANK, 9) };
  const unweighted = await measureUnweighted(E, A, factors.B, engine);
  t.ok(unweighted.gap > 0.5 && unweighted.gapAfterScaling > 0.5);
  t.equal(await measureWeighted({ ...layer, statistic: G, factors }, unweighted, engine), undefined);
  const byH = await measureWeighted({ ...layer, statistic: H, factors }, unweighted, engine);
  t.ok(Math.abs(byH!.loss.final - (await lossOf(1, factors))) < 1e-4 * byH!.loss.final);
});

t.test('nothing to correct and nothing corrected is a projection; something corrected is not', async (t) => {
  t.equal((await measureUnweighted(matrix(M, N), A, matrix(N, RANK), engine)).gap, 0);
  t.equal((await measureUnweighted(matrix(M, N), A, B, engine)).gap, Infinity);
  t.same((await measureUnweighted(E, matrix(M, RANK), B, engine)).length, 0);
});

t.test('a claim holds within a thousandth of the loss of no correction', async (t) => {
  const unweighted = await measureUnweighted(E, A, B, engine);
  const claim: CorrectionClaim = { module: 'm', loss: { none: 10, final: 4 }, heldOut: null, product: 'projection' };
  const judged = (none: number, final: number): string | undefined =>
    judgeCorrection(claim, { unweighted, weighted: { loss: { none, final }, heldOut: null } })?.code;
  t.equal(judged(10, 4.009), undefined);
  t.equal(judged(10, 4.011), 'QL_VERIFY_LOSS');
  t.equal(judged(10, 3.98), 'QL_VERIFY_LOSS', 'better than claimed is not what was claimed');
  t.equal(judged(10, 10.2), 'QL_VERIFY_WORSE');
  t.equal(judged(10.02, 4), 'QL_VERIFY_STATISTICS');
  const held = judgeCorrection(
    { ...claim, heldOut: { none: 8, final: 5 } },
    { unweighted, weighted: { loss: claim.loss, heldOut: { none: 8, final: 6 } } },
  );
  t.match(held, { code: 'QL_VERIFY_LOSS', where: 'm', message: 'held-out' });
});

t.test('an unknown initializer may leave no larger error of the weights without a text', async (t) => {
  const claim: CorrectionClaim = { module: 'm', loss: { none: 1, final: 0.5 }, heldOut: null, product: 'unknown' };
  const of = async (c: number): Promise<string | undefined> =>
    judgeCorrection(claim, { unweighted: await measureUnweighted(E, times(A, c), B, engine), weighted: undefined })?.code;
  t.equal(await of(0.7), undefined);
  t.equal(await of(3), 'QL_VERIFY_WORSE');
});
