import t from 'tap';
import { studentT95 } from '../../../pipelines/reproduce/student-t.js';

/** Probability of |T| ≤ t by Simpson's rule on the density, whose constant comes from the same integral to infinity. */
const coverage = (t: number, degrees: number): number => {
  // x = tan(u) makes the whole line finite: (1 + x²/ν)^(−(ν+1)/2) dx with √ν scaled in
  const density = (u: number): number => Math.cos(u) ** (degrees - 1);
  const integral = (end: number): number => {
    const steps = 4000;
    let sum = density(0) + density(end);
    for (let i = 1; i < steps; i++) sum += (i % 2 === 0 ? 2 : 4) * density((i * end) / steps);
    return (sum * end) / (3 * steps);
  };
  return integral(Math.atan(t / Math.sqrt(degrees))) / integral(Math.PI / 2);
};

t.test('95 % of the distribution lie within the point, for every degree of freedom to 200', (t) => {
  for (let degrees = 1; degrees <= 200; degrees++) {
    const covered = coverage(studentT95(degrees), degrees);
    if (Math.abs(covered - 0.95) > 1e-5) t.fail(`${degrees} degrees: ${covered}`);
  }
  t.equal(studentT95(0), Infinity, 'one sample bounds nothing');
  t.end();
});
