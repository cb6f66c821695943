import t from 'tap';
import { lossRatio } from '../../src/reports/index.js';

t.test('the part that is left, nothing of nothing', async (t) => {
  t.equal(lossRatio(1, 4), 0.25);
  t.equal(lossRatio(0, 0), 0);
});
