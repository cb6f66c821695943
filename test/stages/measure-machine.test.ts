import t from 'tap';
import { QUANTIZERS } from '../../src/quantizers/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import { measureMachine } from '../../src/stages/index.js';

t.test('products and quantized weights of all workers are counted', async (t) => {
  const pool = startWorkerPool({ workers: 2 });
  t.teardown(() => pool.close());
  const { gemmOperationsPerSecond, weightsPerSecond } = await measureMachine(pool, 100, QUANTIZERS.nf4);
  // A thousandth and a thousand times of what a processor does: units, not speed.
  t.ok(gemmOperationsPerSecond > 1e7 && gemmOperationsPerSecond < 1e14, `${gemmOperationsPerSecond}`);
  t.ok(weightsPerSecond > 1e4 && weightsPerSecond < 1e11, `${weightsPerSecond}`);
});
