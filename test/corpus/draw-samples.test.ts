import { join } from 'node:path';
import t from 'tap';
import { drawSamples, openCorpus, type DrawSamplesOptions, type TextShape, type Tokenizer } from '../../src/corpus/index.js';
import { letters, letterTokenizer } from './letter-tokenizer.js';

const name = (i: number): string => String.fromCodePoint(0x4e00 + i);
const jsonl = (texts: readonly string[]): string => texts.map((text) => JSON.stringify({ text })).join('\n');
const hundred = Array.from({ length: 100 }, (_, i) => `${name(i)}-record`);
const options: DrawSamplesOptions = { windowTokens: 4, samples: 20, heldOutSamples: 5, heldOutFrom: 'end', seed: 1 };

const draw = async (source: string, tokenizer: Tokenizer, options: DrawSamplesOptions, shape?: TextShape) =>
  drawSamples(await openCorpus(source, tokenizer, 'calibration', { shape }), options);

t.test('draws without replacement, in file order, truncated; the last records are set aside', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred) }), 'a.jsonl');
  const { drawn, heldOut, records } = await draw(source, letterTokenizer(), options);
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
  t.same(records, { read: 100, empty: 0, truncated: 25, repeated: 0 });
});

t.test('the seed decides, and only the seed', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred) }), 'a.jsonl');
  const drawn = async (seed: number) => letters((await draw(source, letterTokenizer(), { ...options, seed })).drawn).join();
  t.equal(await drawn(1), await drawn(1));
  t.not(await drawn(1), await drawn(2));
});

t.test('every record is drawn about equally often', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred.slice(0, 12)) }), 'a.jsonl');
  const times = new Uint32Array(10);
  const draws = 300;
  for (let seed = 0; seed < draws; seed++) {
    const { drawn } = await draw(source, letterTokenizer(), { ...options, samples: 3, heldOutSamples: 2, seed });
    for (const window of drawn) times[window[0]! - 0x4e00]!++;
  }
  const expected = (draws * 3) / 10;
  const chiSquare = times.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  t.ok(chiSquare < 27.9, `chi-square ${chiSquare} of 9 degrees of freedom (p = 0.001)`);
});

t.test('records without text are passed over and counted', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['', 'ab', '', 'cd', 'ef', '']) }), 'a.jsonl');
  const { drawn, heldOut, records } = await draw(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 1 });
  t.same([letters(drawn), letters(heldOut)], [['ab', 'cd'], ['ef']]);
  t.same(records, { read: 6, empty: 3, truncated: 0, repeated: 0 });
});

t.test('short records stay short', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['a', 'bcdefgh']) }), 'a.jsonl');
  const { drawn } = await draw(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 0 });
  t.same(letters(drawn), ['a', 'bcde']);
});

t.test('only records that were candidates are tokenized', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(Array.from({ length: 5000 }, (_, i) => `${i}`)) }), 'a.jsonl');
  const tokenizer = letterTokenizer();
  await draw(source, tokenizer, { ...options, samples: 10, heldOutSamples: 5 });
  t.ok(tokenizer.seen.length < 200, `${tokenizer.seen.length} of 5000`);
});

t.test('the windows of a .txt file take the place of records', async (t) => {
  const source = join(t.testdir({ 'a.txt': 'abcdefghijklmn' }), 'a.txt');
  const { drawn, heldOut } = await draw(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 1 });
  t.same([letters(drawn), letters(heldOut)], [['abcd', 'efgh'], ['ijkl']]);
});

t.test('too few records, and a record without tokens, are errors', async (t) => {
  const directory = t.testdir({ 'a.jsonl': jsonl(['a', 'b', '']), 'a.txt': 'abcdefgh' });
  const take = (file: string, samples: number) =>
    draw(join(directory, file), letterTokenizer(), { ...options, samples, heldOutSamples: 1 });
  await t.rejects(take('a.jsonl', 2), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 2 records with text, but 2 for calibration and 1 held out/,
  });
  await t.rejects(take('a.txt', 2), { code: 'QL_TEXT_TOO_SHORT', message: /holds 2 whole windows of 4 tokens/ });
  const mute = { ...letterTokenizer(), encode: () => [] };
  await t.rejects(draw(join(directory, 'a.jsonl'), mute, { ...options, samples: 1, heldOutSamples: 0 }), {
    code: 'QL_TEXT_NO_TOKENS',
    message: /a\.jsonl, line 2: the text "b" gives no token/,
  });
});

t.test('held out by the draw: any record but those drawn, each about equally often', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(hundred.slice(0, 12)) }), 'a.jsonl');
  const times = { drawn: new Uint32Array(12), heldOut: new Uint32Array(12) };
  const draws = 300;
  for (let seed = 0; seed < draws; seed++) {
    const chosen = await draw(source, letterTokenizer(), { ...options, samples: 3, heldOutSamples: 3, heldOutFrom: 'draw', seed });
    const both = [...chosen.drawn, ...chosen.heldOut].map((window) => window[0]!);
    if (new Set(both).size !== 6) t.fail(`seed ${seed}: a record is in both`);
    for (const kind of ['drawn', 'heldOut'] as const) {
      for (const window of chosen[kind]) times[kind][window[0]! - 0x4e00]!++;
      const places = chosen[kind].map((window) => window[0]!);
      if (places.some((place, i) => i > 0 && place < places[i - 1]!)) t.fail(`seed ${seed}: not in the order of the source`);
    }
  }
  for (const [kind, counts] of Object.entries(times)) {
    const expected = (draws * 3) / 12;
    const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    t.ok(chiSquare < 31.3, `${kind}: chi-square ${chiSquare} of 11 degrees of freedom (p = 0.001)`);
  }
});

t.test('a held-out record that says what a drawn one says is left out and counted', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['same', 'other', 'same', 'new', 'same']) }), 'a.jsonl');
  const atEnd = await draw(source, letterTokenizer(), { ...options, samples: 2, heldOutSamples: 3, heldOutFrom: 'end' });
  t.same(letters(atEnd.heldOut), ['new']);
  t.same(atEnd.records, { read: 5, empty: 0, truncated: 1, repeated: 2 });
  for (let seed = 0; seed < 20; seed++) {
    const { drawn, heldOut, records } = await draw(source, letterTokenizer(), {
      ...options,
      samples: 2,
      heldOutSamples: 3,
      heldOutFrom: 'draw',
      seed,
    });
    t.same(
      letters(heldOut).filter((text) => letters(drawn).includes(text)),
      [],
    );
    t.equal(heldOut.length + records.repeated, 3);
  }
});

t.test('pairs keep their own lengths', async (t) => {
  const lines = Array.from({ length: 6 }, (_, i) => JSON.stringify({ prompt: 'pppp', completion: `${i}` })).join('\n');
  const source = join(t.testdir({ 'a.jsonl': lines }), 'a.jsonl');
  const shape = { format: 'self-instruct', sourceTokens: 3 };
  const { drawn, records } = await draw(source, letterTokenizer(), { ...options, windowTokens: 2, samples: 6, heldOutSamples: 0 }, shape);
  t.same(letters(drawn), ['ppp0|', 'ppp1|', 'ppp2|', 'ppp3|', 'ppp4|', 'ppp5|']);
  t.equal(records.truncated, 6);
});
