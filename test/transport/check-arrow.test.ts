import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Field, Int32, makeData, RecordBatch, RecordBatchStreamWriter, Schema, Struct, tableFromArrays, tableToIPC } from 'apache-arrow';
import t from 'tap';
import { checkArrow } from '../../src/transport/check-arrow.js';
import { writeHiddenStates } from '../../src/transport/index.js';

const stream = (): Uint8Array => {
  const schema = new Schema([new Field('window', new Int32(), false)]);
  const column = makeData({ type: new Int32(), length: 4, nullCount: 0, data: new Int32Array(4) });
  const writer = new RecordBatchStreamWriter();
  writer.write(new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 4, nullCount: 0, children: [column] })));
  return writer.finish().toUint8Array(true);
};

t.test('what Arrow writes passes, as a stream and as a file', async (t) => {
  t.doesNotThrow(() => checkArrow(stream()));
  const path = join(t.testdir(), 'hidden.arrow');
  await writeHiddenStates(path, new Float32Array(12), 3, { block: '1' });
  const file = await readFile(path);
  t.doesNotThrow(() => checkArrow(file));
});

t.test('it never reads on where bytes are missing', async (t) => {
  const bytes = stream();
  const end = bytes.length - 8;
  for (let length = 0; length < end; length++) t.throws(() => checkArrow(bytes.slice(0, length)), RangeError, `cut to ${length}`);
});

t.test('lengths that no reader should allocate or loop over', async (t) => {
  const bytes = stream();
  let refused = 0;
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const changed = bytes.slice();
    new DataView(changed.buffer).setUint32(at, 0x7fffffff, true);
    try {
      checkArrow(changed);
    } catch (error) {
      t.type(error, RangeError);
      refused++;
    }
  }
  t.ok(refused > 20, `${refused} of ${bytes.length / 4} words are lengths or pointers`);
});

t.test('dictionaries are not written here, and not read', async (t) => {
  t.throws(() => checkArrow(tableToIPC(tableFromArrays({ word: ['a', 'b'] }), 'stream')), /dictionary/);
  t.throws(() => checkArrow(tableToIPC(tableFromArrays({ word: ['a', 'b'] }), 'file')), RangeError);
});
