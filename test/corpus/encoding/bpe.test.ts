import t from 'tap';
import { createBpe } from '../../../src/corpus/encoding/bpe.js';

const vocabularyOf = (...tokens: string[]) => new Map(tokens.map((token, id) => [token, id]));

t.test('merges are read in both spellings; whole words come first where the file says so', async (t) => {
  const vocabulary = vocabularyOf('a', 'b', 'c', 'ab', 'bc', 'abc');
  t.same(createBpe({ merges: ['b c', 'a b'] }, vocabulary).encode('abc'), [0, 4]);
  t.same(
    createBpe(
      {
        merges: [
          ['a', 'b'],
          ['b', 'c'],
        ],
      },
      vocabulary,
    ).encode('abc'),
    [3, 2],
  );
  t.same(createBpe({ merges: ['a b'], ignore_merges: true }, vocabulary).encode('abc'), [5]);
});

t.test('what the vocabulary lacks: bytes, the unknown token, fused or not, or nothing', async (t) => {
  const plain = vocabularyOf('<unk>', 'a', '<0xC3>', '<0xA9>', '<0xE4>');
  t.same(createBpe({ byte_fallback: true, unk_token: '<unk>', fuse_unk: true }, plain).encode('a\u00e9a'), [1, 2, 3, 1]);
  t.same(createBpe({ byte_fallback: true, unk_token: '<unk>', fuse_unk: true }, plain).encode('\u4e2d\u6587a'), [0, 1]);
  t.same(createBpe({ byte_fallback: true, unk_token: '<unk>' }, plain).encode('\u4e2d\u6587a'), [0, 0, 1]);
  t.same(
    createBpe({ unk_token: '<unk>', fuse_unk: true, byte_fallback: true }, plain).encode('\u4e2d\u00e9'),
    [2, 3, 0],
    'as Python: bytes pass it',
  );
  t.same(createBpe({}, plain).encode('\u4e2da'), [1]);
  const lacking = createBpe({ unk_token: '<gone>' }, plain);
  t.same(lacking.encode('aa'), [1, 1]);
  t.throws(() => lacking.encode('b'), { code: 'QL_TOKENIZER_UNKNOWN', message: /"<gone>"/ });
});

t.test('prefixes of continuing parts and suffixes of last ones', async (t) => {
  const vocabulary = vocabularyOf('a', '##b', '##b</w>', 'ab</w>', 'a</w>');
  const model = createBpe({ continuing_subword_prefix: '##', end_of_word_suffix: '</w>', merges: ['a ##b</w>'] }, vocabulary);
  t.same(model.encode('ab'), [3]);
  t.same(model.encode('abb'), [0, 1, 2]);
  t.same(model.encode('a'), [4]);
});

t.test('divides before runs of spaces only where no merge crosses them', async (t) => {
  const tokens = vocabularyOf('\u2581', 'a', '\u2581a', 'a\u2581');
  const divided = createBpe({ merges: ['\u2581 a'] }, tokens);
  t.same(divided.divide?.('a\u2581\u2581a\u2581'), ['a', '\u2581\u2581a', '\u2581']);
  t.equal(createBpe({ merges: ['a \u2581'] }, tokens).divide, undefined);
  t.equal(createBpe({ merges: [], ignore_merges: true }, tokens).divide, undefined);
  t.equal(createBpe({ merges: [] }, vocabularyOf('a')).divide, undefined, 'unknown spaces would fuse');
});

t.test('merges that make no sense', async (t) => {
  const bad = (merges: unknown, message: RegExp) =>
    t.throws(() => createBpe({ merges }, vocabularyOf('a', 'b')), { code: 'QL_TOKENIZER_JSON', message });
  bad(['a b c'], /"a b c"/);
  bad([3], /no pair: 3/);
  bad(['a b'], /"ab", which its vocabulary lacks/);
  bad(['a c'], /"c", which/);
});
