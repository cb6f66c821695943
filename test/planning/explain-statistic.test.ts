import t from 'tap';
import { explainStatistic } from '../../src/planning/explain-statistic.js';

t.test('the reason names who reads the input', async (t) => {
  t.match(explainStatistic({ kind: 'G', width: 11_008 }, ['down_proj'], 4096, true), /^down_proj alone .*11008 to 4096/);
  t.match(explainStatistic({ kind: 'H', width: 64 }, ['q_proj', 'k_proj'], 64, true), 'q_proj, k_proj read it and share one H.');
  t.match(explainStatistic({ kind: 'H', width: 11_008 }, ['down_proj'], 4096, false), /the initializer needs an H/);
  t.match(explainStatistic({ kind: 'H', width: 64 }, ['o_proj'], 64, true), /does not narrow it/);
});
