import t from 'tap';
import { completeAddedTokens, tokenContent } from '../../../src/corpus/encoding/complete-added-tokens.js';

const vocabulary = new Map(['a', '<s>', '</s>', '<pad>'].map((token, id) => [token, id]));
const complete = (definition: object, settings: object = {}, rebuilt = false, defaultTokens: Record<string, string> = {}) =>
  completeAddedTokens({ definition: { ...definition }, settings: { ...settings }, vocabulary, defaultTokens, rebuilt });

t.test("tokenizer.json's, by their place in the vocabulary or behind it", async (t) => {
  const tokens = complete({
    added_tokens: [
      { id: 2, content: '</s>', special: true, normalized: false },
      { id: 4, content: 'new', rstrip: true },
    ],
  });
  t.match(tokens, [
    { id: 2, content: '</s>', special: true, normalized: false, rstrip: false },
    { id: 4, content: 'new', special: false, normalized: true, rstrip: true },
  ]);
});

t.test("tokenizer_config.json's list, with its flags", async (t) => {
  const definition = { added_tokens: [{ id: 2, content: '</s>', special: true, normalized: false }] };
  const settings = {
    added_tokens_decoder: {
      10: { content: 'b' },
      2: { content: '</s>', special: true, normalized: false, rstrip: true },
      9: { content: 'c' },
    },
  };
  t.match(complete(definition, settings), [
    { id: 2, rstrip: true },
    { id: 4, content: 'c' },
    { id: 5, content: 'b' },
  ]);
  t.match(complete(definition, {}, true), [{ id: 2, content: '</s>' }], 'a class that builds its tokenizer itself takes them all the same');
});

t.test('special tokens that no list names', async (t) => {
  const settings = {
    bos_token: '<s>',
    eos_token: { content: '</s>', lstrip: true },
    pad_token: null,
    add_bos_token: true,
    extra_special_tokens: ['a'],
    cls_token: '<gone>',
  };
  t.match(
    complete({}, settings, false, { pad_token: '<pad>' }).map(({ id, content, lstrip }) => [id, content, lstrip]),
    [
      [1, '<s>', false],
      [2, '</s>', true],
      [0, 'a', false],
    ],
    'null takes the default back; the vocabulary lacks <gone>',
  );
  t.match(complete({}, {}, true, { pad_token: '<pad>', bos_token: '<none>' }), [
    { id: 3, content: '<pad>', special: true, normalized: false },
  ]);
  t.same(complete({}, { additional_special_tokens: ['<s>'] }).length, 1);
  t.same(complete({}, { extra_special_tokens: { image: '<s>' } }).length, 1);
});

t.test('a token is a string or an object', async (t) => {
  t.same(
    [tokenContent('a'), tokenContent({ content: 'b' }), tokenContent(null), tokenContent({}), tokenContent(3)],
    ['a', 'b', undefined, undefined, undefined],
  );
});
