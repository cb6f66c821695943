import t from 'tap';
import { STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { countOperations } from '../../src/planning/count-operations.js';
import { blockValues } from '../../src/planning/model-shape.js';
import { panelValues } from '../../src/planning/panel-values.js';
import type { RunShape } from '../../src/planning/run-shape.js';
import { llamaBlock, llamaShape, openRun } from './sample-shape.js';

const block = llamaBlock(512, 1408, 3);
const run: RunShape = { ...openRun(llamaShape(512, 1408, 3)), floats: STOCK_FLOATS, layout: { workers: 2, threads: 1 } };

t.test('the forward pass is two operations a weight and a token, and the scores of attention', async (t) => {
  const weights = blockValues(block) - block.otherValues;
  t.equal(countOperations(run).forward, 3 * (65_536 + 6_656) * (2 * weights + 4 * 512 * 512));
});

t.test('a sum is two operations a value of its panels, a G also goes through E', async (t) => {
  const perToken = 2 * (4 * panelValues(512) + 512 * 1408);
  t.equal(countOperations({ ...run, heldOutTokens: 0 }).sums, 3 * 65_536 * perToken);
});

t.test('one kind of block is its part of the whole', async (t) => {
  t.same(countOperations(run, block), countOperations(run));
  const half = { ...block, blocks: [0] };
  t.equal(countOperations(run, half).solve * 3, countOperations(run).solve);
});

t.test('solving costs no more for more tokens, certifying more with held-out text', async (t) => {
  const one = countOperations({ ...run, heldOutTokens: 0 });
  const more = countOperations({ ...run, heldOutTokens: 0, calibrationTokens: 10 * run.calibrationTokens });
  t.equal(more.solve, one.solve);
  t.equal(more.forward, 10 * one.forward);
  t.ok(countOperations(run).certify > one.certify && countOperations(run).certify < 2 * one.certify, 'half of EᵀE serves both');
});

t.test('attention is a part of the forward pass, thin products are one of the solve', async (t) => {
  const { forward, attention, solve, thin, solvedRows } = countOperations(run);
  t.equal(attention, 3 * (65_536 + 6_656) * 4 * 512 * 512);
  t.ok(attention < forward && thin > 0 && thin <= solve);
  t.equal(solvedRows, 3 * (4 * 512 + 2 * 1408 + 512), 'one eigensolver a matrix, as long as its outputs');
});

t.test('each SVD counts, by its Gram matrix where one is formed; LoftQ quantizes again before each further one', async (t) => {
  const of = (hidden: number, ffn: number, more: Partial<RunShape['solve']>) =>
    countOperations({ ...run, model: llamaShape(hidden, ffn, 1), solve: { ...run.solve, usesSums: false, ...more } });
  const once = of(512, 1408, { decompositions: 1 });
  t.ok(once.solve > once.thin);
  t.match(of(512, 1408, { decompositions: 3 }), { solve: 3 * once.solve, solvedRows: 3 * once.solvedRows });
  const own = of(512, 1408, { decompositions: 3, requantizes: true });
  t.ok(own.solve > 3 * once.solve);
  t.equal(own.quantizedWeights - once.quantizedWeights, 2 * (blockValues(block) - block.otherValues));
  const large = of(8192, 8192, { decompositions: 1 });
  t.equal(large.solve, large.thin, 'a Gram matrix of 8192 is not formed');
});

t.test('more steps of ALS and a higher rank cost more; the weights of a G are quantized by each worker too', async (t) => {
  const { solve } = run;
  t.ok(countOperations({ ...run, solve: { ...solve, steps: 200 } }).solve > countOperations(run).solve);
  t.ok(countOperations({ ...run, solve: { ...solve, rank: 128 } }).solve > countOperations(run).solve);
  const weights = blockValues(block) - block.otherValues;
  t.equal(countOperations(run).quantizedWeights, 3 * (weights + 2 * 512 * 1408));
});
