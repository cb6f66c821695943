import t from 'tap';
import { splitBeforeSpaces } from '../../src/corpus/split-before-spaces.js';

const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false };
const bpe = (...tokens: string[]) => ({ type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])) });

t.test('splits where no token crosses the beginning of a space', async (t) => {
  t.match(splitBeforeSpaces({ model: bpe('a', '▁', '▁▁', '▁a'), pre_tokenizer: null }).pre_tokenizer, {
    type: 'Sequence',
    pretokenizers: [{ type: 'Split' }],
  });
  t.match(splitBeforeSpaces({ model: bpe('a', '▁a'), pre_tokenizer: metaspace }).pre_tokenizer, {
    pretokenizers: [metaspace, { type: 'Split' }],
  });
});

t.test('leaves the definition alone where ids could change', async (t) => {
  for (const definition of [
    { model: bpe('a', 'a▁'), pre_tokenizer: null },
    { model: bpe('a▁b', '▁a'), pre_tokenizer: metaspace },
    { model: bpe('a'), pre_tokenizer: { ...metaspace, split: true } },
    { model: bpe('a'), pre_tokenizer: { type: 'ByteLevel' } },
    { model: { type: 'Unigram', vocab: [] }, pre_tokenizer: null },
    {},
  ])
    t.equal(splitBeforeSpaces(definition), definition);
});
