import t from 'tap';
import { fingerprintDifferences } from '../../src/journal/index.js';

t.test('differences are named in words, in the order of what is there', async (t) => {
  const there = { rank: 64, modules: ['a', 'b'], plan: { x: 1, y: 2 }, weights: 'a'.repeat(64), only: null };
  t.same(fingerprintDifferences(there, { ...there, plan: { y: 2, x: 1 } }), [], 'the order of names says nothing');
  t.same(fingerprintDifferences(there, { rank: 32, modules: ['b', 'a'], plan: { x: 1, y: 3 }, weights: 'b'.repeat(64), more: true }), [
    'rank: 64 there, 32 now',
    'modules: ["a","b"] there, ["b","a"] now',
    'y: 2 there, 3 now',
    'weights: aaaaaaaaaaaa… there, bbbbbbbbbbbb… now',
    'only: null there, nothing now',
    'more: nothing there, true now',
  ]);
});
