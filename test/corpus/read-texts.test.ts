import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { readTexts, sourceKind } from '../../src/corpus/index.js';

const collect = async (source: string, signal?: AbortSignal) => {
  const texts = [];
  for await (const { text, line } of readTexts(source, signal)) texts.push([line, text]);
  return texts;
};

const lines = (...records: unknown[]): string => records.map((record) => JSON.stringify(record)).join('\n');

t.test('a .txt file is one text with "\\n" line ends and no byte order mark', async (t) => {
  const directory = t.testdir({ 'a.txt': '\ufeffone\r\ntwo\rthree\n\u2028four' });
  t.same(await collect(join(directory, 'a.txt')), [[1, 'one\ntwo\nthree\n\u2028four']]);
});

t.test('records: chosen, then text, then prompt and completion; blank lines count but give nothing', async (t) => {
  const text = `${lines({ chosen: 'c', text: 't', rejected: 'r' }, { text: 't', prompt: 'p', completion: 'q' })}\r\n\n  \n${lines(
    { prompt: 'p', completion: 'q' },
    { chosen: '', text: null, prompt: 'p', completion: '' },
    { text: '' },
    { text: 'line\u2028end\nü😀' },
  )}`;
  const directory = t.testdir({ 'a.jsonl': text, 'b.jsonl.gz': gzipSync(`${text}\n`) });
  const expected = [
    [1, 'c'],
    [2, 't'],
    [5, 'pq'],
    [6, 'p'],
    [7, ''],
    [8, 'line\u2028end\nü😀'],
  ];
  t.same(await collect(join(directory, 'a.jsonl')), expected);
  t.same(await collect(join(directory, 'b.jsonl.gz')), expected, 'compressed, with a line feed at its end');
});

t.test('lines longer than a piece of the file are put together', async (t) => {
  const long = 'ü'.repeat(400_000);
  const directory = t.testdir({ 'a.jsonl': lines({ text: long }, { text: 'x' }, { text: `${long}y` }) });
  const texts = await collect(join(directory, 'a.jsonl'));
  t.ok(texts.length === 3 && texts[0]![1] === long && texts[1]![1] === 'x' && texts[2]![1] === `${long}y`);
});

const gz = gzipSync(lines({ text: 'a'.repeat(5000) }));
const bad: readonly (readonly [what: string, name: string, content: string | Buffer, code: string, message: RegExp])[] = [
  ['an unknown format', 'a.csv', 'x', 'QL_TEXT_FORMAT', /\.txt, \.jsonl or \.jsonl\.gz/],
  ['broken JSON', 'a.jsonl', '{"text":"x"}\n{"text":', 'QL_TEXT_FORMAT', /a\.jsonl, line 2 is not valid JSON/],
  ['a record that is a list', 'a.jsonl', '["x"]', 'QL_TEXT_FIELD', /line 1 holds a list/],
  ['a record that is a string', 'a.jsonl', '"x"', 'QL_TEXT_FIELD', /holds "x"/],
  [
    'other fields',
    'a.jsonl',
    lines({ text: 'x' }, { instruction: 'i', output: 'o' }),
    'QL_TEXT_FIELD',
    /line 2 has the fields "instruction", "output"/,
  ],
  ['half a pair', 'a.jsonl', lines({ prompt: 'p' }), 'QL_TEXT_FIELD', /"prompt"/],
  ['no field', 'a.jsonl', '{}', 'QL_TEXT_FIELD', /\(none\)/],
  ['a field inherited from Object', 'a.jsonl', '{"toString":"x"}', 'QL_TEXT_FIELD', /"toString"/],
  ['a list of messages', 'a.jsonl', lines({ chosen: [{ role: 'user' }] }), 'QL_TEXT_FIELD', /"chosen" holds a list/],
  ['an empty file', 'a.jsonl', '', 'QL_TEXT_EMPTY', /0 bytes/],
  ['an empty text', 'a.txt', '', 'QL_TEXT_EMPTY', /0 bytes/],
  ['a text of a byte order mark', 'a.txt', '\ufeff', 'QL_TEXT_EMPTY', /no text/],
  ['blank lines only', 'a.jsonl', '\n \n', 'QL_TEXT_EMPTY', /no text/],
  ['empty records only', 'a.jsonl', lines({ text: '' }, { chosen: '' }), 'QL_TEXT_EMPTY', /only empty ones/],
  [
    'bytes that are not UTF-8',
    'a.jsonl',
    Buffer.from('{"text":"x"}\n{"text":"\xff"}', 'latin1'),
    'QL_TEXT_ENCODING',
    /line 2 is not valid UTF-8/,
  ],
  ['a text that is not UTF-8', 'a.txt', Buffer.from([0xff, 0xfe, 0x41]), 'QL_TEXT_ENCODING', /UTF-8/],
  ['a truncated archive', 'a.jsonl.gz', gz.subarray(0, gz.length - 12), 'QL_TEXT_READ', /to its end/],
  ['an archive that is none', 'a.jsonl.gz', '{"text":"x"}', 'QL_TEXT_READ', /to its end/],
];

for (const [what, name, content, code, message] of bad)
  t.test(`refuses ${what}`, async (t) => {
    await t.rejects(collect(join(t.testdir({ [name]: content }), name)), { name: 'CorpusError', code, message, retryable: false });
  });

t.test('refuses a missing file and a directory', async (t) => {
  const directory = t.testdir({ 'a.txt': {} });
  await t.rejects(collect(join(directory, 'absent.jsonl')), { code: 'QL_TEXT_MISSING', message: /ENOENT/ });
  await t.rejects(collect(join(directory, 'a.txt')), { code: 'QL_TEXT_MISSING', message: /not a file/ });
});

t.test('stops at a signal, and early without complaint', async (t) => {
  const directory = t.testdir({ 'a.jsonl.gz': gzipSync(lines(...Array.from({ length: 50_000 }, (_, i) => ({ text: `${i}` })))) });
  const source = join(directory, 'a.jsonl.gz');
  await t.rejects(collect(source, AbortSignal.abort(new Error('stopped'))), { message: 'stopped' });
  for await (const { text } of readTexts(source)) {
    t.equal(text, '0');
    break;
  }
});

t.test('kinds go by the name', async (t) => {
  t.equal(sourceKind('x/y.txt'), 'text');
  t.equal(sourceKind('y.jsonl'), 'records');
  t.equal(sourceKind('y.jsonl.gz'), 'records');
});
