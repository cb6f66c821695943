import { join } from 'node:path';
import t from 'tap';
import { selectWindows } from '../../src/corpus/index.js';
import { letters, letterTokenizer } from './letter-tokenizer.js';

const jsonl = (texts: readonly string[]): string => texts.map((text) => JSON.stringify({ text })).join('\n');
const alphabet = 'abcdefghijklmnopqrstuvwxyz';

t.test('tokens: the first windows calibrate, the last whole ones are held out', async (t) => {
  const directory = t.testdir({ 'a.txt': alphabet, 'a.jsonl': jsonl(['abcd', 'efg', 'hijklmnop', 'qrstuvwxyz']) });
  const select = (file: string, tokens: number, heldOut: number) =>
    selectWindows(join(directory, file), letterTokenizer(), { windowTokens: 3, tokens, heldOut });
  const text = await select('a.txt', 7, 1.5);
  t.same(
    [letters(text.calibration), letters(text.heldOut)],
    [
      ['abc', 'def'],
      ['pqr', 'stu', 'vwx'],
    ],
    '7 tokens are 2 windows; "yz" is dropped',
  );
  t.same(text.tokens, { calibration: 6, heldOut: 9 });
  t.same(text.records, { read: 0, empty: 0, truncated: 0, repeated: 0 }, 'a text has no records');
  const records = await select('a.jsonl', 12, 0.25);
  t.same([letters(records.calibration), letters(records.heldOut)], [['abc', 'd|e', 'fg|', 'hij'], ['yz|']]);
  t.same(letters((await select('a.txt', 12, 1)).heldOut), ['mno', 'pqr', 'stu', 'vwx'], 'the two meet without overlap');
});

t.test('held out is rounded, half upwards', async (t) => {
  const source = join(t.testdir({ 'a.txt': alphabet }), 'a.txt');
  for (const [heldOut, windows] of [
    [0, 0],
    [0.1, 0],
    [0.12, 0],
    [0.125, 1],
    [0.37, 1],
    [0.375, 2],
    [1, 4],
  ] as const)
    t.equal(
      (await selectWindows(source, letterTokenizer(), { windowTokens: 2, tokens: 8, heldOut })).heldOut.length,
      windows,
      `${heldOut} of 4`,
    );
});

t.test('without held-out text nothing beyond the calibration is tokenized', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['abc', 'def', 'ghi']) }), 'a.jsonl');
  const tokenizer = letterTokenizer();
  t.same(letters((await selectWindows(source, tokenizer, { windowTokens: 4, tokens: 4, heldOut: 0 })).calibration), ['abc|']);
  t.same(tokenizer.seen, ['abc']);
});

t.test('samples: records drawn, the last of the file held out', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['a', '', 'bb', 'cccc', 'd', 'ee']) }), 'a.jsonl');
  const selected = await selectWindows(source, letterTokenizer(), { windowTokens: 3, samples: 3, heldOut: 0.5, seed: 0 });
  t.same(
    [letters(selected.calibration), letters(selected.heldOut)],
    [
      ['a', 'bb', 'ccc'],
      ['d', 'ee'],
    ],
  );
  t.same(selected.tokens, { calibration: 6, heldOut: 3 });
  t.same(selected.records, { read: 6, empty: 1, truncated: 1, repeated: 0 });
});

t.test('too little text says what there is and what is needed', async (t) => {
  const source = join(t.testdir({ 'a.txt': alphabet }), 'a.txt');
  const select = (tokens: number, heldOut: number) => selectWindows(source, letterTokenizer(), { windowTokens: 5, tokens, heldOut });
  await t.rejects(select(20, 0.5), {
    name: 'CorpusError',
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 5 whole windows of 5 tokens, but 4 for calibration and 2 held out are needed/,
  });
  await t.rejects(select(30, 0), { code: 'QL_TEXT_TOO_SHORT', message: /holds 5 .* but 6 for calibration and 0 held out/ });
  t.equal((await select(20, 0.25)).heldOut.length, 1, 'exactly enough');
});

t.test('options without sense are refused', async (t) => {
  const source = join(t.testdir({ 'a.txt': alphabet }), 'a.txt');
  const base = { windowTokens: 5, tokens: 10, heldOut: 0 };
  for (const wrong of [
    { ...base, windowTokens: 0 },
    { ...base, tokens: 4 },
    { ...base, heldOut: -0.1 },
    { ...base, heldOut: NaN },
    { windowTokens: 5, samples: 0, heldOut: 0, seed: 0 },
  ])
    await t.rejects(selectWindows(source, letterTokenizer(), wrong), { code: 'QL_WINDOW_OPTION' });
});

t.test('tokens: a record that says again what calibrates is not held out', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': jsonl(['abc', 'de', 'abc', 'fg', 'de', 'hijk', 'fg']) }), 'a.jsonl');
  const { calibration, heldOut, records } = await selectWindows(source, letterTokenizer(), { windowTokens: 4, tokens: 8, heldOut: 1 });
  t.same(
    [letters(calibration), letters(heldOut)],
    [
      ['abc|', 'de|a'],
      ['g|hi', 'jk|f'],
    ],
    'the first record goes on behind its first half; the second "de" is left out',
  );
  t.same(records, { read: 7, empty: 0, truncated: 0, repeated: 1 });
});

t.test('a named format draws what it holds out; without one it is the end of the file', async (t) => {
  const texts = Array.from({ length: 60 }, (_, i) => String.fromCodePoint(0x4e00 + i));
  const source = join(t.testdir({ 'a.jsonl': jsonl(texts) }), 'a.jsonl');
  const held = async (shape?: { format: string }) =>
    letters((await selectWindows(source, letterTokenizer(), { windowTokens: 9, samples: 20, heldOut: 0.5, seed: 3, shape })).heldOut);
  t.same(await held(), texts.slice(50));
  const drawn = await held({ format: 'text' });
  t.equal(drawn.length, 10);
  t.not(drawn.join(), texts.slice(50).join());
});

t.test('a short source is divided as it would be if it were asked for what it holds', async (t) => {
  const directory = t.testdir({
    'a.txt': alphabet,
    'a.jsonl': jsonl(['abc', 'de', 'abc', 'fg', 'de', 'hijk', 'fg', 'lm']),
    'one.txt': 'abcdef',
  });
  const select = (file: string, tokens: number, heldOut: number, ifShort?: 'divide', windowTokens = 2) =>
    selectWindows(join(directory, file), letterTokenizer(), { windowTokens, tokens, heldOut, ifShort });
  for (const [file, heldOut] of [
    ['a.txt', 0],
    ['a.txt', 0.1],
    ['a.txt', 0.25],
    ['a.txt', 1],
    ['a.jsonl', 0.5],
    ['a.jsonl', 1],
  ] as const) {
    const divided = await select(file, 1000, heldOut, 'divide');
    t.same(divided, await select(file, divided.tokens.calibration, heldOut), `${file}, ${heldOut}`);
    await t.rejects(select(file, divided.tokens.calibration + 2, heldOut), { code: 'QL_TEXT_TOO_SHORT' }, 'and nothing was left');
  }
  t.same((await select('a.txt', 1000, 0.25, 'divide')).tokens, { calibration: 20, heldOut: 6 }, '13 windows: 10 and round(2.5)');
  t.same(await select('a.txt', 8, 0.5, 'divide'), await select('a.txt', 8, 0.5), 'enough text is not divided');
  await t.rejects(select('one.txt', 1000, 1, 'divide', 5), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 1 whole windows of 5 tokens, but 1 for calibration and 1 held out/,
  });
  await t.rejects(select('one.txt', 1000, 0, 'divide', 7), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 0 .* but 1 for calibration and 0/,
  });
});
