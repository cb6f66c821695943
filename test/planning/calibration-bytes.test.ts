import t from 'tap';
import { calibrationBytes, panelBytes, runtimeBytes } from '../../src/planning/calibration-bytes.js';
import { LEANEST_FLOATS, STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { blockValues } from '../../src/planning/model-shape.js';
import { llamaBlock, llamaShape, openRun } from './sample-shape.js';

const block = llamaBlock(4096, 11_008, 32);
const run = { ...openRun(llamaShape(4096, 11_008, 32)), floats: STOCK_FLOATS, layout: { workers: 1, threads: 2 } };

t.test('each worker holds the weights in float32 and the residual of the G', async (t) => {
  const residual = 4 * 4096 * 11_008;
  t.equal(calibrationBytes(run, block, 0).weights, 4 * blockValues(block) + residual);
  const three = { ...run, layout: { workers: 3, threads: 1 } };
  t.equal(calibrationBytes(three, block, 0).weights, 3 * (4 * blockValues(block) + residual));
});

t.test('sums are upper panels: a total and a partial one for each worker, held-out totals beside them', async (t) => {
  const panels = panelBytes(block.sums);
  t.ok(panels > 4 * 4 * 4096 ** 2 * 0.5 && panels < 4 * 4 * 4096 ** 2 * 0.6, 'four of 4096, little more than half of each');
  const one = calibrationBytes(run, block, 0);
  t.equal(one.statistics, 2 * panels);
  t.equal(one.heldOutStatistics, panels);
  const without = calibrationBytes({ ...run, heldOutTokens: 0 }, block, 0);
  t.equal(without.heldOutStatistics, 0);
  t.equal(without.statistics, one.statistics);
});

t.test('activations follow the chunks and the window, not the number of tokens', async (t) => {
  const activations = (more: object): number => calibrationBytes({ ...run, ...more }, block, 0).activations;
  t.equal(activations({ calibrationTokens: 1_000_000 }), activations({}));
  t.ok(activations({ floats: LEANEST_FLOATS }) < activations({}));
  t.ok(activations({ windowTokens: 2048 }) > activations({}), 'a window is never cut');
});

t.test('what is read to be sliced or to make a residual counts as it is stored', async (t) => {
  const weights = (storedBytes: number, arithmetic: 'f32' | 'int8-split'): number => {
    const matrices = block.matrices.map((matrix) => ({ ...matrix, storedBytes }));
    // Little else is alive then: one window of few tokens.
    const small = { ...run, windowTokens: 1, calibrationTokens: 1, floats: { ...LEANEST_FLOATS, runTokens: 1, arithmetic } };
    return calibrationBytes(small, { ...block, matrices, sums: [] }, 0).weights;
  };
  t.ok(weights(4, 'int8-split') > weights(2, 'int8-split'));
  t.equal(weights(4, 'f32'), weights(2, 'f32'), 'ONNX Runtime maps float32 as it is');
});

t.test('the runtime grows with workers and vocabulary', async (t) => {
  const of = (workers: number, vocabularySize: number): number =>
    runtimeBytes({ model: { ...run.model, vocabularySize }, layout: { workers, threads: 1 } });
  t.ok(of(2, 1000) > of(1, 1000));
  t.ok(of(1, 200_000) > of(1, 1000));
});
