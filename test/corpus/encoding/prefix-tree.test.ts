import t from 'tap';
import { PrefixTree } from '../../../src/corpus/encoding/prefix-tree.js';
import { random } from '../../../src/foundation/index.js';

const found = (tree: PrefixTree<number>, text: string, start: number): [number, number][] => {
  const ends: [number, number][] = [];
  tree.visit(text, start, (end, value) => ends.push([end, value]));
  return ends;
};

t.test('finds what comparing every key finds, the shorter ones first', async (t) => {
  const stream = random(3);
  const word = (longest: number): string =>
    Array.from({ length: stream.below(longest + 1) }, () => 'ab\u{1f600}'[stream.below(4)]!).join('');
  for (let round = 0; round < 50; round++) {
    const keys = new Map(Array.from({ length: 40 }, (_, i) => [word(8), i] as const));
    const tree = new PrefixTree<number>();
    for (const [key, value] of keys) tree.set(key, value);
    const text = word(40);
    for (let start = 0; start < text.length; start++) {
      const expected = [...keys].filter(([key]) => key && text.startsWith(key, start)).map(([key, value]) => [start + key.length, value]);
      t.same(
        found(tree, text, start),
        expected.sort(([a], [b]) => a! - b!),
      );
    }
  }
});

t.test('the last value of a key wins, and an empty key is never found', async (t) => {
  const tree = new PrefixTree<number>();
  for (const [key, value] of [
    ['abc', 1],
    ['ab', 2],
    ['abc', 3],
    ['', 4],
  ] as const)
    tree.set(key, value);
  t.same(found(tree, 'abcd', 0), [
    [2, 2],
    [3, 3],
  ]);
});
