import t from 'tap';
import { wrapText } from '../../../src/cli/render/wrap-text.js';

t.test('lines break between words, and those after the first are indented', async (t) => {
  t.same(wrapText('one two three', 9), ['one two', '  three']);
  t.same(wrapText('one', 9), ['one']);
  t.same(wrapText('a-long-word-alone b', 5), ['a-long-word-alone', '  b']);
});

t.test('no line is longer than asked, unless a word is', async (t) => {
  const text = Array.from({ length: 60 }, (_, i) => 'w'.repeat(1 + (i % 9))).join(' ');
  for (const columns of [20, 33, 100]) for (const line of wrapText(text, columns)) t.ok(line.length <= columns, line);
});
