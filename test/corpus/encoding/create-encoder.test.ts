import t from 'tap';
import type { AddedToken } from '../../../src/corpus/encoding/added-tokens.js';
import { createEncoder, readVocabulary } from '../../../src/corpus/encoding/create-encoder.js';

const added: AddedToken[] = [
  { id: 7, content: '<s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  { id: 8, content: 'AB', single_word: false, lstrip: false, rstrip: false, normalized: true, special: false },
];
const definition = {
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: null,
  post_processor: { type: 'RobertaProcessing', cls: ['<s>', 7], sep: ['b', 1] },
  model: { type: 'BPE', vocab: { a: 0, b: 1, '<': 2, s: 3, '>': 4 }, merges: [] },
};

t.test('added tokens, normalizer, model, post-processor', async (t) => {
  const encoder = createEncoder(definition, added, false);
  t.same(encoder.encode('A<s>bABb', false), [0, 7, 1, 8, 1], 'the second is found in its normalized form');
  t.same(encoder.encode('A', true), [7, 0, 1]);
  t.same([encoder.idOf('<s>'), encoder.idOf('b'), encoder.idOf('z')], [7, 1, undefined]);
  t.same([encoder.tokenOf(8), encoder.tokenOf(0), encoder.tokenOf(5)], ['AB', 'a', undefined]);
  t.equal(encoder.size, 9);
});

t.test('special tokens may be left to the model', async (t) => {
  t.same(createEncoder(definition, added, true).encode('<s>ab', false), [2, 3, 4, 8]);
});

t.test('vocabularies of each kind', async (t) => {
  t.same(
    [...readVocabulary({ vocab: { a: 3, b: 1 } })],
    [
      ['a', 3],
      ['b', 1],
    ],
  );
  for (const id of ['x', -1, 0.5, 2 ** 31, 1e308, null])
    t.throws(() => readVocabulary({ vocab: { a: 3, b: id } }), { code: 'QL_TOKENIZER_JSON', message: /"b"/ }, `id ${String(id)}`);
  t.throws(
    () =>
      readVocabulary({
        vocab: [
          ['a', 0],
          [{ toString: 1 }, 0],
        ],
      }),
    { code: 'QL_TOKENIZER_JSON' },
  );
  t.same(
    [
      ...readVocabulary({
        vocab: [
          ['a', -1],
          ['b', -2],
        ],
      }),
    ],
    [
      ['a', 0],
      ['b', 1],
    ],
  );
  t.throws(() => readVocabulary({}), { code: 'QL_TOKENIZER_JSON' });
});

t.test('old files leave the kind of the model to its fields', async (t) => {
  const encode = (model: object, text: string) => createEncoder({ ...definition, normalizer: null, model }, [], false).encode(text, false);
  t.same(
    encode(
      {
        vocab: [
          ['<u>', 0],
          ['a', -1],
        ],
        unk_id: 0,
      },
      'ab',
    ),
    [1, 0],
  );
  t.same(encode({ vocab: { a: 0, '##b': 1, '[UNK]': 2 }, max_input_chars_per_word: 100 }, 'ab'), [0, 1]);
});

t.test('what can not be exact is refused', async (t) => {
  const refuse = (changes: object, message: RegExp) =>
    t.throws(() => createEncoder({ ...definition, ...changes }, [], false), { code: 'QL_TOKENIZER_UNSUPPORTED', message });
  refuse({ model: { ...definition.model, dropout: 0.1 } }, /dropout/);
  refuse({ model: { type: 'WordLevel', vocab: {} } }, /"WordLevel"/);
  const first = { type: 'Metaspace', replacement: '_', prepend_scheme: 'first' };
  refuse(
    { normalizer: { type: 'Strip', strip_left: true }, pre_tokenizer: { type: 'Sequence', pretokenizers: [first] } },
    /first piece only/,
  );
});
