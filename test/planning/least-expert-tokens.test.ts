import t from 'tap';
import { leastExpertTokens } from '../../src/planning/index.js';

t.test('what the block gives takes a token for each feature, or 8 for each rank', async (t) => {
  t.equal(leastExpertTokens({ width: 2048, madeBy: 'block' }, 64), 2048);
  t.equal(leastExpertTokens({ width: 96, madeBy: 'block' }, 16), 128);
});

t.test('what the expert computes takes 2 tokens for each rank, however wide it is', async (t) => {
  t.equal(leastExpertTokens({ width: 14336, madeBy: 'expert' }, 64), 128);
  t.equal(leastExpertTokens({ width: 8, madeBy: 'expert' }, 64), 128);
});
