import t from 'tap';
import { random } from '../../src/foundation/index.js';

const many = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);

t.test('a seed fixes the stream for good', async (t) => {
  const stream = random(7);
  // Written down once; equal options must give equal bytes in every release.
  t.same(many(4, stream.bits), [3717842623, 3665254222, 3355698721, 1178360208]);
  t.same(many(3, random(7).uniform), [0.865627646446228, 0.853383481502533, 0.7813094854354858]);
  t.not(random(7).bits(), random(8).bits());
  t.equal(random(-1).bits(), random(2 ** 32 - 1).bits(), 'the low 32 bits count');
});

t.test('uniform numbers fill [0, 1) evenly', async (t) => {
  const values = many(20000, random(1).uniform);
  t.ok(values.every((x) => x >= 0 && x < 1 && Number.isInteger(x * 2 ** 24)));
  const bins = new Array<number>(16).fill(0);
  for (const x of values) bins[Math.floor(16 * x)]!++;
  const chiSquared = bins.reduce((sum, n) => sum + (n - 1250) ** 2 / 1250, 0);
  t.ok(chiSquared < 40, `15 degrees of freedom: ${chiSquared}`);
});

t.test('normal numbers have the moments of the normal distribution', async (t) => {
  const values = many(40000, random(2).normal);
  const moment = (k: number): number => values.reduce((sum, x) => sum + x ** k, 0) / values.length;
  t.ok(values.every(Number.isFinite));
  t.ok(Math.abs(moment(1)) < 0.02 && Math.abs(moment(2) - 1) < 0.03 && Math.abs(moment(3)) < 0.08 && Math.abs(moment(4) - 3) < 0.15);
  const neighbours = values.slice(1).reduce((sum, x, i) => sum + x * values[i]!, 0) / values.length;
  t.ok(Math.abs(neighbours) < 0.02, 'the two numbers of a pair are independent');
});

t.test('whole numbers below a bound are even too', async (t) => {
  const stream = random(3);
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 14000; i++) counts[stream.below(7)]!++;
  t.ok(
    counts.every((n) => Math.abs(n - 2000) < 200),
    counts.join(),
  );
  t.equal(stream.below(1), 0);
});
