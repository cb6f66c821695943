import { join } from 'node:path';
import t from 'tap';
import { cutWindows, openCorpus, streamWindows } from '../../src/corpus/index.js';
import { letters, letterTokenizer } from './letter-tokenizer.js';

const records = (...texts: string[]): string => texts.map((text) => JSON.stringify({ text })).join('\n');

t.test('records are ended by EOS, concatenated and cut; what is left over is dropped', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': records('abc', '', 'de', 'fghijklmn', 'op') }), 'a.jsonl');
  t.same(letters(await cutWindows(source, letterTokenizer(), { windowTokens: 4 })), ['abc|', '|de|', 'fghi', 'jklm', 'n|op']);
  t.same(letters(await cutWindows(source, letterTokenizer(), { windowTokens: 1 })).join(''), 'abc||de|fghijklmn|op|');
});

t.test('a .txt file is not ended', async (t) => {
  const source = join(t.testdir({ 'a.txt': 'abcdefgh' }), 'a.txt');
  t.same(letters(await cutWindows(source, letterTokenizer({}), { windowTokens: 4 })), ['abcd', 'efgh']);
});

t.test('a number of tokens takes the first whole windows and reads no further', async (t) => {
  const source = join(t.testdir({ 'a.jsonl': records('abc', 'def', 'ghi', 'jkl') }), 'a.jsonl');
  const tokenizer = letterTokenizer();
  t.same(letters(await cutWindows(source, tokenizer, { windowTokens: 3, tokens: 8 })), ['abc', '|de']);
  t.same(tokenizer.seen, ['abc', 'def']);
});

t.test('pairs are joined as they end themselves; a text that is left out is not tokenized', async (t) => {
  const lines = ['ab', 'cd', 'ef'].map((text) => JSON.stringify({ input: text, output: text.toUpperCase() })).join('\n');
  const source = join(t.testdir({ 'a.jsonl': lines }), 'a.jsonl');
  const shape = { format: 'input-output', sourceTokens: 1 };
  t.same(letters(await cutWindows(source, letterTokenizer(), { windowTokens: 4, shape })), ['aAB|', 'cCD|', 'eEF|']);
  const tokenizer = letterTokenizer();
  const corpus = await openCorpus(source, tokenizer, 'evaluation', { shape });
  const seen = [];
  let cut = 0;
  const options = { windowTokens: 4, accept: ({ text }: { text: string }) => !text.startsWith('cd'), onTruncated: () => cut++ };
  for await (const window of streamWindows(corpus, options)) seen.push(window);
  t.same(letters(seen), ['aAB|', 'eEF|']);
  t.equal(cut, 2);
  t.notOk(tokenizer.seen.includes('cd'));
});

t.test('windows are arrays of their own', async (t) => {
  const source = join(t.testdir({ 'a.txt': 'abcdef' }), 'a.txt');
  const seen = [];
  const corpus = await openCorpus(source, letterTokenizer(), 'evaluation');
  for await (const window of streamWindows(corpus, { windowTokens: 2 })) seen.push(window);
  t.equal(new Set(seen.map((window) => window.buffer)).size, 3);
  t.same(letters(seen), ['ab', 'cd', 'ef']);
});

t.test('too little text says what there is', async (t) => {
  const source = join(t.testdir({ 'a.txt': 'abcdefgh' }), 'a.txt');
  await t.rejects(cutWindows(source, letterTokenizer(), { windowTokens: 3, tokens: 9 }), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 2 whole windows of 3 tokens, but 3 are needed/,
  });
  await t.rejects(cutWindows(source, letterTokenizer(), { windowTokens: 9 }), {
    code: 'QL_TEXT_TOO_SHORT',
    message: /holds 0 whole windows/,
  });
});

t.test('options without sense, and records without EOS, are refused', async (t) => {
  const directory = t.testdir({ 'a.txt': 'abc', 'a.jsonl': records('abc') });
  const cut = (options: { windowTokens: number; tokens?: number }) => cutWindows(join(directory, 'a.txt'), letterTokenizer(), options);
  for (const windowTokens of [0, -1, 1.5, NaN]) await t.rejects(cut({ windowTokens }), { code: 'QL_WINDOW_OPTION' });
  for (const tokens of [0, 2, NaN]) await t.rejects(cut({ windowTokens: 3, tokens }), { code: 'QL_WINDOW_OPTION' });
  await t.rejects(cutWindows(join(directory, 'a.jsonl'), letterTokenizer({}), { windowTokens: 2 }), {
    name: 'TokenizerError',
    code: 'QL_TOKENIZER_EOS',
  });
});
