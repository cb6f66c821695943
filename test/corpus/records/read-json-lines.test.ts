import t from 'tap';
import { readJsonLines } from '../../../src/corpus/records/read-json-lines.js';
import { collect, inPieces } from '../streams.js';

const read = async (content: string | Uint8Array, length?: number): Promise<unknown[]> =>
  (await collect(readJsonLines(inPieces(content, length), 'a.jsonl'))).map(({ where, read }) => [where, read()]);

t.test('one value a line; blank lines count but give nothing', async (t) => {
  const expected = [
    ['a.jsonl, line 1', { a: 'ü😀' }],
    ['a.jsonl, line 4', [1]],
    ['a.jsonl, line 5', 'x\u2028y'],
  ];
  for (const length of [1, 3, 1000]) t.same(await read('\ufeff{"a": "ü😀"}\r\n\n \t\n[1]\n"x\u2028y"', length), expected);
  t.same(await read(''), []);
  t.same(await read('\n\n'), []);
});

t.test('a line longer than many pieces is put together', async (t) => {
  const long = 'ü'.repeat(100_000);
  t.same(await read(`{"a":"${long}"}\n1`, 777), [
    ['a.jsonl, line 1', { a: long }],
    ['a.jsonl, line 2', 1],
  ]);
});

t.test('a broken line is an error only where it is looked at', async (t) => {
  const records = await collect(readJsonLines(inPieces('{"a":\n1\n'), 'a.jsonl'));
  t.equal(records[1]!.read(), 1);
  t.throws(() => records[0]!.read(), { code: 'QL_TEXT_FORMAT', message: /^a\.jsonl, line 1 is not valid JSON .*one JSON object a line/ });
  const [odd] = await collect(readJsonLines(inPieces(Buffer.from('"\xff"', 'latin1')), 'a.jsonl'));
  t.throws(() => odd!.read(), { code: 'QL_TEXT_ENCODING', message: /line 1 is not valid UTF-8/ });
});
