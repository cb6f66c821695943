import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { countParquetRows, readParquet } from '../../../src/corpus/records/read-parquet.js';
import { datasetFile, datasetGoldens } from '../dataset-fixtures.js';
import { collect } from '../streams.js';

const NONE = { fields: [], required: [] };
const read = async (name: string, columns: { fields: string[]; required: string[] } = NONE) =>
  (await collect(readParquet(datasetFile(name), name, columns))).map(({ where, read }) => [where, read()] as const);

t.test('rows of every row group and compression, as objects', async (t) => {
  const rows = await read('self-instruct.parquet');
  t.same(
    rows.map(([, row]) => Object.values(row as Record<string, string>)),
    datasetGoldens.pairs['self-instruct.parquet'],
    'zstd, row groups of three',
  );
  t.same(
    rows.map(([where]) => where),
    Array.from({ length: 7 }, (_, i) => `self-instruct.parquet, row ${i + 1}`),
  );
  const [, second] = await read('chat.parquet');
  t.match(second![1], { messages: [{ role: 'system', content: 'Answer in one line.' }, { role: 'user' }] }, 'gzip, lists of structures');
});

t.test('only the columns that are needed, or all where one is missing', async (t) => {
  const names = async (fields: string[], required: string[]) =>
    Object.keys((await read('alpaca.parquet', { fields, required }))[0]![1] as object);
  t.same(await names(['output', 'text', 'none'], ['output']), ['output', 'text']);
  t.same(await names(['output', 'answer'], ['answer']), ['instruction', 'input', 'output', 'text']);
});

t.test('rows are counted by the footer', async (t) => {
  t.equal(await countParquetRows(datasetFile('self-instruct.parquet'), 'x'), 7);
});

t.test('what is no Parquet, or damaged, is refused', async (t) => {
  const bytes = readFileSync(datasetFile('self-instruct.parquet'));
  const damaged = Buffer.from(bytes);
  damaged.fill(0xff, 4, 200);
  const directory = t.testdir({ 'cut.parquet': bytes.subarray(0, 1000), 'damaged.parquet': damaged });
  for (const name of ['cut.parquet', 'damaged.parquet'])
    await t.rejects(collect(readParquet(join(directory, name), name, NONE)), {
      code: 'QL_TEXT_READ',
      message: new RegExp(name.replace('.', '\\.')),
    });
});

t.test('a signal stops between two row groups', async (t) => {
  const controller = new AbortController();
  const rows = readParquet(datasetFile('self-instruct.parquet'), 'x', NONE, controller.signal);
  for (let i = 0; i < 3; i++) await rows.next();
  controller.abort(new Error('enough'));
  await t.rejects(rows.next(), { message: 'enough' });
});
