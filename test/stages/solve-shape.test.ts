import t from 'tap';
import { als, exact, loftq, svd, zero } from '../../src/initializers/index.js';
import { solveShape } from '../../src/stages/solve-shape.js';

const choice = { rank: 8, bits: 4, alsSteps: 20, loftqSteps: 5 } as const;

t.test('each initializer is what it makes', async (t) => {
  t.same(solveShape(exact(), choice), {
    ...{ rank: 8, bits: 4, keepsWeights: false, usesSums: true },
    ...{ requantizes: false, decompositions: 0, steps: 0 },
  });
  t.match(solveShape(als(), choice), { decompositions: 1, steps: 20, usesSums: true });
  t.match(solveShape(svd(), choice), { decompositions: 1, steps: 0, usesSums: false });
  t.match(solveShape(loftq(), choice), { decompositions: 5, steps: 0, keepsWeights: true, requantizes: true });
  t.match(solveShape(zero(), choice), { decompositions: 0, usesSums: false });
});
