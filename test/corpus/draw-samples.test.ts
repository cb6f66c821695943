import { join } from 'node:path';
import t from 'tap';
import { drawSamples } from '../../src/corpus/index.js';
import { letters, letterTokenizer } from './letter-tokenizer.js';

const name = (i: number): string => String.fromCodePoint(0x4e00 + i);
const jsonl = (texts: readonly string[]): string => texts.map((text) => JSON.stringify({ text })).join('\n');
const hundred = Array.from({ length: 100 }, (_, i) => `${name(i)}-record`);
const options = { windowTokens: 4, samples: 20, heldOutSamples: 5, seed: 1 };

t.test('draws without replacement, in file order, truncated; the last records are set aside', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred) }), 'a.jsonl');
  const { drawn, heldOut, emptyRecords } = await drawSamples(source, letterTokenizer(), options);
  const order = letters(drawn).map((text) => text.codePointAt(0)! - 0x4e00);
  t.equal(new Set(order).size, 20);
  t.same(
    [...order].sort((a, b) => a - b),
    order,
  );
  t.ok(order.every((i) => i < 95));
  t.ok(
    letters(drawn).every((text) => /^.-re$/u.test(text)),
    'no EOS, four tokens',
  );
  t.same(
    letters(heldOut),
    hundred.slice(95).map((text) => text.slice(0, 4)),
  );
  t.equal(emptyRecords, 0);
});

t.test('the seed decides, and only the seed', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred) }), 'a.jsonl');
  const draw = async (seed: number) => letters((await drawSamples(source, letterTokenizer(), { ...options, seed })).drawn).join();
  t.equal(await draw(1), await draw(1));
  t.not(await draw(1), await draw(2));
});

t.test('every record is drawn about equally often', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred.slice(0, 12)) }), 'a.jsonl');
  const times = new Uint32Array(10);
  const draws = 300;
  for (let seed = 0; seed < draws; seed++) {
    const { drawn } = await drawSamples(source, letterTokenizer(), { ...options, samples: 3, heldOutSamples: 2, seed });
    for (const window of drawn) times[window[0]! - 0x4e00]!++;
  }
  const expected = (draws * 3) / 10;
  const chiSquare = times.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  t.ok(chiSquare < 27.9, `chi-square ${chiSquare} of 9 degrees of freedom (p = 0.001)`);
});

t.test('records without text are passed over and counted', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['', 'ab', '', 'cd', 'ef', '']) }), 'a.jsonl');
  const { drawn, heldOut, emptyRecords } = await drawSamples(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 1 });
  t.same([letters(drawn), letters(heldOut), emptyRecords], [['ab', 'cd'], ['ef'], 3]);
});

t.test('short records stay short', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['a', 'bcdefgh']) }), 'a.jsonl');
  const { drawn } = await drawSamples(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 0 });
  t.same(letters(drawn), ['a', 'bcde']);
});

t.test('only records that were candidates are tokenized', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(Array.from({ length: 5000 }, (_, i) => `${i}`)) }), 'a.jsonl');
  const tokenizer = letterTokenizer();
  await drawSamples(source, tokenizer, { ...options, samples: 10, heldOutSamples: 5 });
  t.ok(tokenizer.seen.length < 200, `${tokenizer.seen.length} of 5000`);
});

t.test('the windows of a .txt file take the place of records', async (t) => {
  const source = join(t.testdir({ 'a.txt': 'abcdefghijklmn' }), 'a.txt');
  const { drawn, heldOut } = await drawSamples(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 1 });
  t.same([letters(drawn), letters(heldOut)], [['abcd', 'efgh'], ['ijkl']]);
});

t.test('too few records, and a record without tokens, are errors', async (t) => {
  const directory = t.testdir({ 'a.jsonl': jsonl(['a', 'b', '']), 'a.txt': 'abcdefgh' });
  const draw = (file: string, samples: number) =>
    drawSamples(join(directory, file), letterTokenizer(), { ...options, samples, heldOutSamples: 1 });
  await t.rejects(draw('a.jsonl', 2), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 2 records with text, but 2 for calibration and 1 held out/,
  });
  await t.rejects(draw('a.txt', 2), { code: 'QL_TEXT_TOO_SHORT', message: /holds 2 whole windows of 4 tokens/ });
  const mute = { ...letterTokenizer(), encode: () => [] };
  await t.rejects(drawSamples(join(directory, 'a.jsonl'), mute, { ...options, samples: 1, heldOutSamples: 0 }), {
    code: 'QL_TEXT_NO_TOKENS',
    message: /line 1/,
  });
});
