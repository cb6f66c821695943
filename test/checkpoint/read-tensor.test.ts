import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readTensor, readTensorRows, type TensorLocation } from '../../src/checkpoint/index.js';
import { random } from '../../src/foundation/index.js';

const locate = (file: string, shape: readonly number[], offset: number): TensorLocation => ({
  name: 'table',
  dtype: 'U8',
  shape,
  file,
  offset,
  length: shape.reduce((a, b) => a * b, 1),
});

t.test('reads exactly the bytes of the tensor, in a buffer of their own', async (t) => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);
  const file = join(t.testdir({ shard: Buffer.from(bytes) }), 'shard');
  const read = await readTensor(locate(file, [30, 3], 11));
  t.same(read, bytes.slice(11, 101));
  t.equal(read.byteOffset, 0);
  t.equal(read.buffer.byteLength, 90);
  t.equal((await readTensor(locate(file, [0, 3], 1000))).length, 0);
});

t.test('gathered rows equal rows of the whole, whatever their order, repeats and distance', async (t) => {
  const height = 2000;
  const stream = random(3);
  for (const width of [1, 48, 4096]) {
    const bytes = new Uint8Array(13 + height * width).map(() => stream.bits() & 255);
    const file = join(t.testdir({ shard: Buffer.from(bytes) }), 'shard');
    const location = locate(file, [height, width], 13);
    for (const count of [0, 1, 2, 700]) {
      const rows = Int32Array.from({ length: count }, (_, i) => (i % 3 ? stream.below(height) : stream.below(10)));
      if (count > 1) rows.set([height - 1, 0]);
      const read = await readTensorRows(location, rows);
      t.equal(read.length, count * width);
      const wrong = [...rows].filter(
        (row, i) =>
          Buffer.compare(read.subarray(i * width, (i + 1) * width), bytes.subarray(13 + row * width, 13 + (row + 1) * width)) !== 0,
      );
      t.same(wrong, [], `${count} rows of ${width} bytes`);
    }
    t.equal(Buffer.compare(await readTensorRows(location, [...Array(height).keys()]), bytes.subarray(13)), 0, 'all rows are the tensor');
  }
});

t.test('refuses rows that are not there', async (t) => {
  const file = join(t.testdir({ shard: Buffer.alloc(100) }), 'shard');
  for (const row of [10, -1, 0.5, NaN])
    await t.rejects(readTensorRows(locate(file, [10, 10], 0), [0, row]), {
      code: 'QL_TENSOR_ROW',
      message: new RegExp(`Row ${row} .* 10 rows`),
    });
  await t.rejects(readTensorRows(locate(file, [0, 10], 0), [0]), { code: 'QL_TENSOR_ROW' });
  await t.rejects(readTensorRows(locate(file, [], 0), [0]), { code: 'QL_TENSOR_SHAPE' });
});

t.test('says when the file has changed since it was opened', async (t) => {
  const file = join(t.testdir({ shard: Buffer.alloc(100) }), 'shard');
  const location = locate(file, [10, 10], 0);
  await truncate(file, 60);
  await t.rejects(readTensor(location), {
    name: 'MalformedCheckpointError',
    code: 'QL_SHARD_RANGE',
    message: /"table" ends at byte 100 of the file, but the file ends at 60/,
  });
  await t.rejects(readTensorRows(location, [9]), { code: 'QL_SHARD_RANGE' });
  t.equal((await readTensorRows(location, [5])).length, 10, 'rows that are still there are read');
  await t.rejects(readTensor({ ...location, file: `${file}.gone` }), {
    name: 'CheckpointReadError',
    code: 'QL_SHARD_READ',
    retryable: true,
  });
});
