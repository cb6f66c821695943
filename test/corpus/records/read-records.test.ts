import { createReadStream, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { listFiles } from '../../../src/corpus/bytes/list-files.js';
import { countRecords, openRecords } from '../../../src/corpus/records/read-records.js';
import { datasetFile } from '../dataset-fixtures.js';
import { collect, inPieces } from '../streams.js';

const NONE = { fields: [], required: [] };

const readFile = async (path: string): Promise<unknown[]> => {
  const [file] = await listFiles(path);
  const { records } = await openRecords(file!, NONE, {});
  const values = (await collect(records)).map((record) => record.read());
  t.equal(await countRecords(file!, {}), values.length, `${path}: counted without parsing`);
  return values;
};

const readStdin = async (content: string | Uint8Array, type?: 'csv') => {
  const [file] = await listFiles('-', type);
  const { type: found, records } = await openRecords(file!, NONE, { stdin: inPieces(content, 100) });
  return [found, (await collect(records)).map((record) => record.read())];
};

t.test('every type, plain and compressed', async (t) => {
  const list = JSON.stringify([{ a: 1 }, { a: 2 }]);
  const directory = t.testdir({
    'a.txt': '\ufeffone\r\ntwo\rthree\n\u2028four',
    'a.txt.gz': gzipSync('x'),
    'a.jsonl': '{"a":1}\n{"a":2}',
    'list.json': `\n ${list}`,
    'lines.json.gz': gzipSync('{"a":1}\n{"a":2}\n'),
    'a.csv.gz': gzipSync('a\n1\n2\n'),
    'a.tsv': 'a\tb\n1\t2\n',
    'a.parquet.gz': gzipSync(readFileSync(datasetFile('wikitext2.parquet'))),
  });
  const read = (name: string): Promise<unknown[]> => readFile(join(directory, name));
  t.same(await read('a.txt'), ['one\ntwo\nthree\n\u2028four'], 'one text, its line ends made "\\n"');
  t.same(await read('a.txt.gz'), ['x']);
  for (const name of ['a.jsonl', 'list.json', 'lines.json.gz']) t.same(await read(name), [{ a: 1 }, { a: 2 }], name);
  t.same(await read('a.csv.gz'), [{ a: '1' }, { a: '2' }]);
  t.same(await read('a.tsv'), [{ a: '1', b: '2' }]);
  t.equal((await read('a.parquet.gz')).length, 9);
  t.same(
    readdirSync(tmpdir()).filter((name) => name.startsWith('quailora-text-')),
    [],
    'what was spooled is gone',
  );
});

t.test('standard input is told by its first bytes, or by the type that is given', async (t) => {
  t.same(await readStdin('{"a":1}\n{"a":2}'), ['json', [{ a: 1 }, { a: 2 }]]);
  t.same(await readStdin(gzipSync(' [{"a":1}]')), ['json', [{ a: 1 }]]);
  t.same(await readStdin('plain text'), ['txt', ['plain text']]);
  t.same(await readStdin('a\n1', 'csv'), ['csv', [{ a: '1' }]]);
  const [type, rows] = await readStdin(readFileSync(datasetFile('wikitext2.parquet')));
  t.same([type, (rows as unknown[]).length], ['parquet', 9]);
  await t.rejects(readStdin(''), { code: 'QL_TEXT_EMPTY' });
});

t.test('a .json file that is neither a list nor lines says so', async (t) => {
  const directory = t.testdir({ 'a.json': '{\n  "data": [1]\n}' });
  await t.rejects(readFile(join(directory, 'a.json')), {
    code: 'QL_TEXT_FORMAT',
    message: /a\.json, line 1.*one list of objects, or as one object a line/,
  });
});

t.test('an early end closes the file', async (t) => {
  const stream = createReadStream(datasetFile('chip2.jsonl'), { highWaterMark: 16 });
  const [file] = await listFiles('-');
  const { records } = await openRecords(file!, NONE, { stdin: stream });
  await records.next();
  await records.return();
  t.ok(stream.destroyed);
});
