import t from 'tap';
import { STOCK_FLOATS } from '../../src/planning/choose-layout.js';
import { countDiskBytes } from '../../src/planning/count-disk-bytes.js';
import type { RunShape } from '../../src/planning/run-shape.js';
import { llamaShape, openRun } from './sample-shape.js';

const model = llamaShape(4096, 11_008, 32);
const run: RunShape = { ...openRun(model), floats: STOCK_FLOATS, layout: { workers: 1, threads: 1 } };

t.test('temporary files are the hidden states of four boundaries and twice the sums of a block', async (t) => {
  const tokens = run.calibrationTokens + run.heldOutTokens;
  const hidden = 4 * 4 * 4096 * tokens;
  const { scratch, keptStatistics } = countDiskBytes(run);
  t.equal(scratch - hidden, (2 * keptStatistics) / 32, 'all blocks are alike');
  t.equal(countDiskBytes({ ...run, heldOutTokens: 0 }).keptStatistics, keptStatistics / 2);
});

t.test(
  'the output is the adapter and its parts, with a base also the quantized weights, the rest as it is, and a shard on its way',
  async (t) => {
    const small = 32 * 2 ** 20;
    const values = 4 * 4096 ** 2 + 3 * 4096 * 11_008;
    const adapter = 32 * 4 * 64 * (4 * 2 * 4096 + 3 * (4096 + 11_008));
    t.equal(countDiskBytes(run).output, 2 * adapter + small);
    const base = countDiskBytes({ ...run, writeBase: true }).output - 2 * adapter - small - model.plainBytes - 2 ** 31;
    t.ok(base > (32 * values) / 2 && base < 1.1 * ((32 * values) / 2), 'half a byte a weight, and its scales');
  },
);
