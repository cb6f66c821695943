import t from 'tap';
import { encodePair, RECIPE_TOKENS } from '../../../src/corpus/formats/encode-pair.js';
import { datasetGoldens, fixtureTokenizer } from '../dataset-fixtures.js';
import { letterTokenizer } from '../letter-tokenizer.js';

const { source, target, pairs } = datasetGoldens;

for (const [style, files] of Object.entries(datasetGoldens.ids))
  t.test(`${style}: ids are the recipe's`, async (t) => {
    const tokenizer = await fixtureTokenizer(style);
    for (const [file, ids] of Object.entries(files))
      for (const [i, expected] of ids.entries()) {
        const [input, output] = pairs[file]![i]!;
        t.same(encodePair(input, output, tokenizer, { source, target }).ids, expected, `${file} ${i}`);
      }
  });

t.test('each side is cut alone at its right end; a cut output has no EOS', async (t) => {
  const tokenizer = { ...letterTokenizer(), bosToken: '^' };
  const text = (input: string, output: string, tokens = { source: 4, target: 3 }) => {
    const { ids, truncated } = encodePair(input, output, tokenizer, tokens);
    return [String.fromCodePoint(...ids).replaceAll('\0', '|'), truncated];
  };
  t.same(text('abc', 'de'), ['^abcde|', false]);
  t.same(text('abcd', 'de'), ['^abcde|', true]);
  t.same(text('abc', 'def'), ['^abcdef', true]);
  t.same(text('', ''), ['^|', false]);
  t.same(text('a'.repeat(2000), 'b'.repeat(2000), RECIPE_TOKENS)[0], `^${'a'.repeat(1023)}${'b'.repeat(256)}`);
});

t.test('without BOS there is none; without EOS it is an error', async (t) => {
  t.same(encodePair('a', 'b', letterTokenizer(), RECIPE_TOKENS).ids, [97, 98, 0]);
  t.throws(() => encodePair('a', 'b', letterTokenizer({}), RECIPE_TOKENS), { name: 'TokenizerError', code: 'QL_TOKENIZER_EOS' });
});
