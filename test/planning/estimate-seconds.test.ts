import t from 'tap';
import { estimateSeconds } from '../../src/planning/estimate-seconds.js';

const none = { forward: 0, sums: 0, solve: 0, certify: 0, quantizedWeights: 0 };
const speed = { gemmOperationsPerSecond: 1e9, weightsPerSecond: 1e6 };

t.test('every kind of work takes its time, above that of bare products', async (t) => {
  const start = estimateSeconds(none, speed);
  t.ok(start > 0 && start < 10);
  for (const name of ['forward', 'sums', 'solve', 'certify'] as const) {
    const seconds = estimateSeconds({ ...none, [name]: 1e10 }, speed) - start;
    t.ok(seconds > 10 && seconds < 40, `${name}: ${seconds}`);
  }
  t.equal(estimateSeconds({ ...none, quantizedWeights: 5e6 }, speed) - start, 5);
});

t.test('a machine of twice the speed takes half of the time', async (t) => {
  const work = { forward: 1e12, sums: 1e11, solve: 1e11, certify: 1e10, quantizedWeights: 1e8 };
  const start = estimateSeconds(none, speed);
  const twice = { gemmOperationsPerSecond: 2e9, weightsPerSecond: 2e6 };
  t.ok(Math.abs((estimateSeconds(work, speed) - start) / (estimateSeconds(work, twice) - start) - 2) < 1e-9);
});
