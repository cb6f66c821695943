import t from 'tap';
import { covarianceOfMeans, meanAndError } from '../../../pipelines/reproduce/sample-moments.js';

t.test('mean and standard error of a hand-worked sample', (t) => {
  const { mean, standardError, count } = meanAndError([2, 4, 4, 4, 5, 5, 7, 9]);
  t.equal(mean, 5);
  t.ok(Math.abs(standardError! - Math.sqrt(32 / 7 / 8)) < 1e-15);
  t.equal(count, 8);
  t.end();
});

t.test('one value has no standard error', (t) => {
  t.same(meanAndError([3]), { mean: 3, count: 1 });
  t.end();
});

t.test('opposed samples covary negatively', (t) => {
  t.equal(covarianceOfMeans([1, 2, 3], [3, 2, 1]), -1 / 3);
  t.end();
});
