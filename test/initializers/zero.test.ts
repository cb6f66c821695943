import t from 'tap';
import { zero } from '../../src/initializers/index.js';
import { makeProblem, naiveLoss, testInitializer } from '../contracts/initializer.js';
import { naiveEngine } from '../linalg/naive-engine.js';

testInitializer(() => zero());

t.test('corrects nothing and can train', async (t) => {
  const problem = await makeProblem({ m: 20, n: 16, rank: 4, tokens: 30 });
  const context = { linalg: naiveEngine() };
  const { A, B } = await zero().initialize(problem, context);
  t.ok(A.data.every((value) => value === 0));
  t.ok(
    B.data.every((value) => value !== 0 && Math.abs(value) <= 0.25),
    'within 1/√16',
  );
  t.ok(Math.max(...B.data) > 0.2 && Math.min(...B.data) < -0.2, 'on both sides');
  t.ok(naiveLoss(problem, { A, B }) > 0);
  t.same(
    (await zero({ scaling: 4 }).initialize(problem, context)).B.data,
    B.data.map((value) => 2 * value),
    'the root of the scaling is carried',
  );
  t.notSame((await zero({ seed: 1 }).initialize(problem, context)).B.data, B.data, 'another seed');
  t.notSame((await zero().initialize({ ...problem, module: 'other' }, context)).B.data, B.data, 'another module');
});
