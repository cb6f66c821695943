import t from 'tap';
import { estimateSeconds } from '../../src/planning/estimate-seconds.js';
import type { MachineSpeed, Operations } from '../../src/planning/index.js';

const none: Operations = {
  ...{ forward: 0, attention: 0, sums: 0, solve: 0, thin: 0, solvedRows: 0, certify: 0, quantizedWeights: 0, loadedWeights: 0 },
};
const speedOf = (times: number): MachineSpeed => ({
  ...{ gemmOperationsPerSecond: times * 1e9, linearOperationsPerSecond: times * 2e9, sumOperationsPerSecond: times * 5e8 },
  ...{ thinOperationsPerSecond: times * 2.5e8, solvedRowsPerSecond: times * 1e3, weightsPerSecond: times * 1e6 },
});
const speed = speedOf(1);
const start = estimateSeconds(none, speed);
const secondsOf = (work: Partial<Operations>): number => estimateSeconds({ ...none, ...work }, speed) - start;
const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9 * b;

t.test('each kind of work takes its time at its own rate', async (t) => {
  t.ok(start > 0 && start < 10);
  t.ok(near(secondsOf({ sums: 1e10 }), 20));
  t.ok(near(secondsOf({ solve: 1e10 }), 10), 'products of matrices');
  t.ok(near(secondsOf({ solve: 1e10, thin: 1e10 }), 40), 'thin blocks are slower');
  t.ok(near(secondsOf({ solvedRows: 5e3 }), 5));
  t.ok(near(secondsOf({ quantizedWeights: 5e6, loadedWeights: 1e6 }), 6));
});

t.test('linear layers take the rate of their arithmetic, attention and certificate longer than bare products', async (t) => {
  t.ok(near(secondsOf({ forward: 2e10 }), 10));
  for (const work of [{ forward: 1e10, attention: 1e10 }, { certify: 1e10 }]) {
    const seconds = secondsOf(work);
    t.ok(seconds > 10 && seconds < 50, `${seconds}`);
  }
});

t.test('a machine of twice the speed takes half of the time', async (t) => {
  const work = {
    forward: 1e12,
    attention: 1e11,
    sums: 1e11,
    solve: 1e11,
    thin: 1e10,
    solvedRows: 1e5,
    certify: 1e10,
    quantizedWeights: 1e8,
    loadedWeights: 1e8,
  };
  t.ok(near((estimateSeconds(work, speed) - start) / (estimateSeconds(work, speedOf(2)) - start), 2));
});
