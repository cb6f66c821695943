import t from 'tap';
import { gapClosed, type GapTrial } from '../../../pipelines/reproduce/gap-closed.js';
import { random } from '../../../src/foundation/index.js';

const trial = (baseline: number, method: number, target: number): GapTrial => ({ baseline, method, target });

t.test('one trial has a ratio and no interval', (t) => {
  t.same(gapClosed([trial(12, 11, 10)]), { gap: 2, ratio: 0.5, capped: 0.5 });
  t.end();
});

t.test('a method beyond the target is capped as the paper caps it, and shown uncapped', (t) => {
  const { ratio, capped } = gapClosed([trial(12, 9, 10)]);
  t.equal(ratio, 1.5);
  t.equal(capped, 1);
  t.end();
});

t.test('a worse method closes less than nothing', (t) => {
  t.equal(gapClosed([trial(12, 13, 10)]).capped, -0.5);
  t.end();
});

t.test('a target that is no better than the baseline has no ratio', (t) => {
  t.same(gapClosed([trial(10, 9, 10)]), { gap: 0 });
  t.equal(gapClosed([trial(10, 9, 11), trial(10.1, 9, 11)]).ratio, undefined);
  t.end();
});

t.test('a gap within its noise has a ratio whose interval is unbounded', (t) => {
  const { ratio, interval, gapInErrors } = gapClosed([trial(10, 9, 9.9), trial(10, 9, 10.05), trial(10, 9, 9.8)]);
  t.ok(ratio !== undefined && ratio > 1);
  t.ok(gapInErrors! < 2);
  t.equal(interval, undefined);
  t.end();
});

t.test('seeds that shift everything alike leave the ratio exact', (t) => {
  const { ratio, interval } = gapClosed([trial(12, 11, 10), trial(15, 14, 13), trial(9, 8, 7)]);
  t.equal(ratio, 0.5);
  t.same(interval, [0.5, 0.5]);
  t.end();
});

t.test('the ends of the interval are where the deviation is t standard errors', (t) => {
  const trials = [trial(12, 11.1, 10), trial(12.2, 11.1, 10.1), trial(11.9, 10.8, 10.1), trial(12.1, 11, 9.9)];
  for (const end of gapClosed(trials).interval!) {
    const residuals = trials.map(({ baseline, method, target }) => baseline - method - end * (baseline - target));
    const mean = residuals.reduce((sum, x) => sum + x) / 4;
    const error = Math.sqrt(residuals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 12);
    t.ok(Math.abs(Math.abs(mean) / error - 3.1824) < 1e-6, `${mean / error}`);
  }
  t.end();
});

t.test('the interval holds the true ratio in 95 of 100 samples', (t) => {
  const { normal } = random(7);
  const runs = 2000;
  let held = 0;
  for (let run = 0; run < runs; run++) {
    const trials = Array.from({ length: 4 }, () => {
      const seed = normal();
      return trial(20 + seed, 19.3 + seed + 0.1 * normal(), 19 + seed + 0.1 * normal());
    });
    const { interval } = gapClosed(trials);
    if (interval && interval[0] <= 0.7 && 0.7 <= interval[1]) held++;
  }
  // Four standard errors of a proportion of 0.95 in 2000 are 0.0195
  t.ok(Math.abs(held / runs - 0.95) < 0.02, `${held} of ${runs}`);
  t.end();
});
