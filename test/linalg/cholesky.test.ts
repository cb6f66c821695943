import t from 'tap';
import { choleskyInverse } from '../../src/linalg/cholesky.js';
import { withSpectrum } from './naive-engine.js';

t.test('R⁻¹ whitens M', async (t) => {
  for (const values of [[2], [3, 1], [5, 4, 3, 2, 1e-2]]) {
    const n = values.length;
    const M = new Float64Array(withSpectrum(values, n).data);
    const factor = choleskyInverse(M, n, 0);
    t.ok(factor);
    const R = factor!.inverse;
    for (let a = 0; a < n; a++)
      for (let b = 0; b < n; b++) {
        let sum = 0;
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sum += R[i * n + a]! * M[i * n + j]! * R[j * n + b]!;
        t.ok(Math.abs(sum - Number(a === b)) < 1e-12);
      }
  }
});

t.test('pivots do not depend on the scale of columns', async (t) => {
  const plain = choleskyInverse(Float64Array.of(1, 0.6, 0.6, 1), 2, 0);
  const scaled = choleskyInverse(Float64Array.of(1e-20, 0.6, 0.6, 1e20), 2, 0);
  t.ok(Math.abs(plain!.leastPivot - 0.64) < 1e-15);
  t.ok(Math.abs(scaled!.leastPivot - 0.64) < 1e-15);
});

t.test('what can not be factored is undefined', async (t) => {
  t.equal(choleskyInverse(Float64Array.of(0), 1, 0), undefined);
  t.equal(choleskyInverse(Float64Array.of(1, 1, 1, 1), 2, 0), undefined);
  t.equal(choleskyInverse(Float64Array.of(1, 0.6, 0.6, 1), 2, 0.7), undefined);
  t.equal(choleskyInverse(Float64Array.of(NaN), 1, 0), undefined);
  t.equal(choleskyInverse(Float64Array.of(Infinity), 1, 0), undefined);
});
