import t from 'tap';
import { findFormat } from '../../../src/corpus/formats/find-format.js';
import { PAIR_FORMATS } from '../../../src/corpus/formats/pair-formats.js';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';
import { listFiles } from '../../../src/corpus/bytes/list-files.js';
import { openRecords } from '../../../src/corpus/records/read-records.js';
import { datasetFile, datasetGoldens, FORMAT_OF } from '../dataset-fixtures.js';
import { collect } from '../streams.js';

for (const [name, pairs] of Object.entries(datasetGoldens.pairs))
  t.test(`${name}: input and output are the recipe's`, async (t) => {
    const format = findFormat(FORMAT_OF[name]!);
    const [file] = await listFiles(datasetFile(name));
    const { records } = await openRecords(file!, format, {});
    const said = (await collect(records)).map(({ where, read }) => format.read(new RecordFields(read(), where)));
    t.same(
      said,
      pairs.map(([input, output]) => ({ kind: 'pair', input, output })),
    );
  });

const read = (name: string, record: unknown) => findFormat(name).read(new RecordFields(record, 'a.jsonl, line 3'));

t.test("alpaca's input may be missing or null, its other fields may not", async (t) => {
  const expected = read('alpaca', { instruction: 'i', input: '', output: 'o' });
  t.same(read('alpaca', { instruction: 'i', output: 'o' }), expected);
  t.same(read('alpaca', { instruction: 'i', input: null, output: 'o' }), expected);
  t.throws(() => read('alpaca', { instruction: 'i', response: 'o' }), {
    code: 'QL_TEXT_FIELD',
    message: 'a.jsonl, line 3: the field "output" is missing; the record has "instruction", "response".',
  });
  t.throws(() => read('alpaca', { instruction: null, output: 'o' }), { message: /"instruction" is null/ });
});

t.test('chip2 without an answer is refused', async (t) => {
  t.throws(() => read('chip2', { text: 'An article.' }), { code: 'QL_TEXT_FIELD', message: /line 3.*"<bot>: ".*--field text/ });
});

t.test('every format names the fields it needs', async (t) => {
  for (const { name, required, fields } of PAIR_FORMATS) {
    t.ok(required.length > 0 && required.every((field) => fields.includes(field)), name);
    for (const missing of required) {
      const record = Object.fromEntries(fields.filter((field) => field !== missing).map((field) => [field, 'x\n<bot>: y']));
      t.throws(() => read(name, record), { code: 'QL_TEXT_FIELD', message: new RegExp(`"${missing}" is missing`) });
    }
  }
});
