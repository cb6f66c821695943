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

t.test('more steps of ALS and a higher rank cost more; the weights of a G are quantized by each worker too', async (t) => {
  const { solve } = run;
  t.ok(countOperations({ ...run, solve: { ...solve, steps: 200 } }).solve > countOperations(run).solve);
  t.ok(countOperations({ ...run, solve: { ...solve, rank: 128 } }).solve > countOperations(run).solve);
  const weights = blockValues(block) - block.otherValues;
  t.equal(countOperations(run).quantizedWeights, 3 * (weights + 2 * 512 * 1408));
});
