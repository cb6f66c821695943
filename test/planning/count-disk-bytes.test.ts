import t from 'tap';
import { STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { countDiskBytes } from '../../src/planning/count-disk-bytes.js';
import type { RunShape } from '../../src/planning/run-shape.js';
import { llamaShape, openRun } from './sample-shape.js';

const model = llamaShape(4096, 11_008, 32);
const run: RunShape = { ...openRun(model), floats: STOCK_FLOATS, layout: { workers: 1, threads: 1 } };

t.test('temporary files are the hidden states of two boundaries and the sums of a block', async (t) => {
  const tokens = run.calibrationTokens + run.heldOutTokens;
  const hidden = 2 * 4 * 4096 * tokens;
  const { scratch, keptStatistics } = countDiskBytes(run);
  t.equal(scratch - hidden, keptStatistics / 32, 'all blocks are alike');
  t.equal(countDiskBytes({ ...run, heldOutTokens: 0 }).keptStatistics, keptStatistics / 2);
});

t.test('the output is the adapter, with a base also the quantized weights and the rest as it is', async (t) => {
  const small = 32 * 2 ** 20;
  const values = 4 * 4096 ** 2 + 3 * 4096 * 11_008;
  const adapter = 32 * 4 * 64 * (4 * 2 * 4096 + 3 * (4096 + 11_008));
  t.equal(countDiskBytes(run).output, adapter + small);
  const base = countDiskBytes({ ...run, writeBase: true }).output - adapter - small - model.plainBytes;
  t.ok(base > (32 * values) / 2 && base < 1.1 * ((32 * values) / 2), 'half a byte a weight, and its scales');
});
