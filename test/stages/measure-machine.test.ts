import t from 'tap';
import { QUANTIZERS } from '../../src/quantizers/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import { measureGemmRates, measureMachine } from '../../src/stages/index.js';

t.test('each kind of work of all workers is measured', async (t) => {
  const pool = startWorkerPool({ workers: 2 });
  t.teardown(() => pool.close());
  const run = { hiddenSize: 100, rank: 8, quantizer: QUANTIZERS.nf4 };
  for (const arithmetic of ['f32', 'int8-split'] as const) {
    const { weightsPerSecond, solvedRowsPerSecond, ...rates } = await measureMachine(pool, { ...run, arithmetic });
    // A thousandth and a thousand times of what a processor does: units, not speed.
    for (const [name, rate] of Object.entries(rates)) t.ok(rate > 1e7 && rate < 1e14, `${name}: ${rate}`);
    t.ok(weightsPerSecond > 1e4 && weightsPerSecond < 1e11, `${weightsPerSecond}`);
    t.ok(solvedRowsPerSecond > 10 && solvedRowsPerSecond < 1e8, `${solvedRowsPerSecond}`);
    t.equal(
      rates.linearOperationsPerSecond === rates.gemmOperationsPerSecond,
      arithmetic === 'f32',
      'slices are measured where they are used',
    );
  }
});

t.test('bare products are measured with a given and with a constant right side', async (t) => {
  const pool = startWorkerPool({ workers: 1 });
  t.teardown(() => pool.close());
  const { fed, constant } = await measureGemmRates(pool, 128);
  for (const rate of [fed, constant]) t.ok(rate > 1e7 && rate < 1e14, `${rate}`);
});
