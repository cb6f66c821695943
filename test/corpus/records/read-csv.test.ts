import t from 'tap';
import { readCsv } from '../../../src/corpus/records/read-csv.js';
import { collect, inPieces } from '../streams.js';

const read = async (content: string | Uint8Array, delimiter: ',' | '\t' = ',', length = 7): Promise<unknown[]> =>
  (await collect(readCsv(inPieces(content, length), 'a.csv', delimiter))).map(({ where, read }) => [where, read()]);

t.test('the first row names the fields; quotes hold anything', async (t) => {
  const expected = [
    ['a.csv, line 3', { a: 'x, "y"\nz', b: '' }],
    ['a.csv, line 5', { a: 'ü😀', b: ' 2 ' }],
  ];
  for (const length of [1, 6, 999]) t.same(await read('\ufeffa,b\r\n"x, ""y""\nz",\r\n\r\nü😀, 2 \r\n', ',', length), expected);
  t.same(await read('a\tb\n1,5\t"2"', '\t'), [['a.csv, line 2', { a: '1,5', b: '2' }]]);
  t.same(await read('a,b\n'), []);
});

t.test('a row of another length, a quote that stays open and other bytes are errors', async (t) => {
  await t.rejects(read('a,b\n1,2\n1,2,3\n'), { code: 'QL_TEXT_FORMAT', message: /^a\.csv: .*line 3.*names its fields in the first line/ });
  await t.rejects(read('a,b\n"1,2\n'), { code: 'QL_TEXT_FORMAT', message: /Quote/i });
  await t.rejects(read(Buffer.from('a,b\n1,\xff\n', 'latin1')), { code: 'QL_TEXT_ENCODING', message: /not valid UTF-8/ });
});

t.test('an early end closes the source', async (t) => {
  let closed = false;
  const endless = async function* () {
    try {
      yield Buffer.from('a\n');
      for (;;) yield Buffer.from('1\n');
    } finally {
      closed = true;
    }
  };
  for await (const record of readCsv(endless(), 'a.csv', ',')) {
    t.same(record.read(), { a: '1' });
    break;
  }
  await new Promise(setImmediate);
  t.ok(closed);
});
