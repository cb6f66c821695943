import t from 'tap';
import { isSplitBehavior, splitByPattern, type SplitBehavior } from '../../../src/corpus/encoding/split-by-pattern.js';

const split = (text: string, behavior: SplitBehavior, invert = false) =>
  splitByPattern({ text, first: true }, { pattern: /-/gu, behavior, invert }).map((piece) => piece.text);

t.test('the behaviors, on the example of the Rust documentation', async (t) => {
  const text = 'the-final--countdown';
  t.same(split(text, 'Removed'), ['the', 'final', 'countdown']);
  t.same(split(text, 'Isolated'), ['the', '-', 'final', '-', '-', 'countdown']);
  t.same(split(text, 'MergedWithPrevious'), ['the-', 'final-', '-', 'countdown']);
  t.same(split(text, 'MergedWithNext'), ['the', '-final', '-', '-countdown']);
  t.same(split(text, 'Contiguous'), ['the', '-', 'final', '--', 'countdown']);
  t.same(split(text, 'Removed', true), ['-', '-', '-']);
});

t.test('matches at both ends, and no text', async (t) => {
  for (const behavior of ['Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous', 'Removed'] as const) {
    t.ok(isSplitBehavior(behavior));
    t.same(split('', behavior), []);
    if (behavior !== 'Removed') t.equal(split('--a-', behavior).join(''), '--a-');
  }
  t.notOk(isSplitBehavior('removed'));
  t.same(
    splitByPattern({ text: 'ab', first: true }, { pattern: /(?=b)/gu, behavior: 'Isolated' }).map(({ text }) => text),
    ['a', 'b'],
    'empty matches',
  );
});

t.test('knows the first piece, and lets the pattern see another text', async (t) => {
  const rule = { pattern: /x/gu, behavior: 'Removed', view: (text: string) => text.replaceAll('y', 'x') } as const;
  t.same(splitByPattern({ text: 'ayb', first: true }, rule), [
    { text: 'a', first: true },
    { text: 'b', first: false },
  ]);
  t.same(splitByPattern({ text: 'ya', first: true }, rule), [{ text: 'a', first: false }]);
  t.same(splitByPattern({ text: 'a', first: false }, rule), [{ text: 'a', first: false }]);
});
