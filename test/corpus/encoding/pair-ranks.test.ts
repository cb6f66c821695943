import t from 'tap';
import { PairRanks } from '../../../src/corpus/encoding/pair-ranks.js';

t.test('finds every pair again, and no other', async (t) => {
  const ranks = new PairRanks(10_000);
  for (let i = 0; i < 10_000; i++) ranks.set(i * 26, i % 31, i, i + 1);
  const wrong: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    if (ranks.rank(i * 26, i % 31) !== i || ranks.merged(i * 26, i % 31) !== i + 1) wrong.push(i);
    if (ranks.rank(i * 26 + 1, i % 31) !== -1) wrong.push(-i);
  }
  t.same(wrong, []);
});

t.test('the last rank of a pair counts', async (t) => {
  const ranks = new PairRanks(2);
  ranks.set(1, 2, 0, 3);
  ranks.set(1, 2, 9, 4);
  t.same([ranks.rank(1, 2), ranks.merged(1, 2), ranks.rank(2, 1)], [9, 4, -1]);
});
