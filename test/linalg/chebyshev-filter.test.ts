import t from 'tap';
import { matrix } from '../../src/foundation/index.js';
import { chebyshevFilter, chebyshevStretch } from '../../src/linalg/chebyshev-filter.js';
import { identity } from '../../src/linalg/symmetric-operator.js';
import { naiveEngine } from './naive-engine.js';

t.test('a diagonal matrix is filtered value by value', async (t) => {
  const values = [0, 0.3, 1, 2, 2.5, 4];
  const M = matrix(6, 6);
  values.forEach((value, i) => M.set(i, i, value));
  const apply = (V: typeof M): Promise<typeof M> => naiveEngine().multiply(M, V);
  for (const degree of [1, 2, 3, 7]) {
    const filtered = await chebyshevFilter(apply, identity(6), await apply(identity(6)), 2, degree);
    values.forEach((value, i) => {
      const expected = value <= 2 ? Math.cos(degree * Math.acos(value - 1)) : Math.cosh(degree * Math.acosh(value - 1));
      t.ok(Math.abs(filtered.get(i, i) - expected) < 1e-5 * Math.max(1, expected), `T${degree} at ${value}`);
      if (value > 2) t.ok(Math.abs(chebyshevStretch(value, 2, degree) / expected - 1) < 1e-12);
    });
  }
  t.equal(chebyshevStretch(1.7, 2, 9), 1);
});
