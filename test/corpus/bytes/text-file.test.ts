import t from 'tap';
import { namedFileType } from '../../../src/corpus/bytes/text-file.js';

t.test('type and compression go by the ending of the name', async (t) => {
  for (const [name, type, compression] of [
    ['x/y.txt', 'txt', undefined],
    ['y.jsonl', 'jsonl', undefined],
    ['y.ndjson.gz', 'jsonl', 'gz'],
    ['c4-train.00000-of-01024.json.gz', 'json', 'gz'],
    ['Y.CSV.ZST', 'csv', 'zst'],
    ['y.tsv', 'tsv', undefined],
    ['y.parquet', 'parquet', undefined],
    ['y.gz', undefined, 'gz'],
    ['jsonl', undefined, undefined],
    ['y.text', undefined, undefined],
  ] as const)
    t.same(namedFileType(name), { type, compression }, name);
});
