import t from 'tap';
import { createWordPiece } from '../../../src/corpus/encoding/word-piece.js';

const vocabulary = new Map(['[UNK]', 'a', '##b', 'ab', '##c', '##\u{1f600}', '+b'].map((token, id) => [token, id]));

t.test('the longest token that begins a word, then the longest that continues it', async (t) => {
  const { encode } = createWordPiece({}, vocabulary);
  t.same(encode('abc'), [3, 4]);
  t.same(encode('acb'), [1, 4, 2]);
  t.same(encode('a\u{1f600}'), [1, 5]);
  t.same(encode('abx'), [0], 'one unknown token for the word');
  t.same(encode('b'), [0]);
});

t.test('its own prefix, limit and unknown token', async (t) => {
  t.same(createWordPiece({ continuing_subword_prefix: '+' }, vocabulary).encode('ab'), [3]);
  t.same(createWordPiece({ continuing_subword_prefix: '+' }, vocabulary).encode('abb'), [3, 6]);
  const { encode } = createWordPiece({ max_input_chars_per_word: 2 }, vocabulary);
  t.same([encode('a\u{1f600}'), encode('abc')], [[1, 5], [0]], 'characters, not UTF-16 units');
  t.throws(() => createWordPiece({ unk_token: '<unk>' }, vocabulary).encode('x'), { code: 'QL_TOKENIZER_UNKNOWN' });
});
