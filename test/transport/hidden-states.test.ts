import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import t from 'tap';
import { random } from '../../src/foundation/index.js';
import { readHiddenStates, writeHiddenStates } from '../../src/transport/index.js';

const stream = random(1);
const meaning = { block: '4', split: 'calibration', segment: '9' };

t.test('hidden states survive the way through a file, bit for bit', async (t) => {
  const path = join(t.testdir(), 'hidden.arrow');
  for (const [tokens, width] of [
    [1, 1],
    [6, 4],
    [100, 33],
  ] as const) {
    const values = Float32Array.from({ length: tokens * width }, () => stream.normal() * 2 ** (stream.below(200) - 100));
    await writeHiddenStates(path, values, width, meaning);
    const back = await readHiddenStates(path);
    t.same(back, values);
    t.ok(back.buffer instanceof ArrayBuffer, 'over memory that can move to another thread');
  }
});

t.test('any Arrow library reads the file', async (t) => {
  const path = join(t.testdir(), 'hidden.arrow');
  await writeHiddenStates(path, Float32Array.of(1, 2, 3, 4, 5, 6), 3, meaning);
  const bytes = await readFile(path);
  t.equal(bytes.toString('latin1', 0, 6), 'ARROW1');
  const table = tableFromIPC(bytes);
  t.equal(table.schema.toString(), 'Schema<{ 0: hidden: FixedSizeList[3]<Float32> }>');
  t.same(Object.fromEntries(table.schema.metadata), { quailora: 'hidden-states', ...meaning });
  t.same(
    table.toArray().map((row: { hidden: Iterable<number> }) => [...row.hidden]),
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
  );
});

t.test('files that hold something else', async (t) => {
  const directory = t.testdir({ empty: '', text: 'no Arrow file at all, only some words' });
  const path = join(directory, 'hidden.arrow');
  await writeHiddenStates(path, new Float32Array(64), 8, meaning);
  const whole = await readFile(path);
  await writeFile(join(directory, 'cut'), whole.subarray(0, whole.length >> 1));
  for (const name of ['empty', 'text', 'cut'])
    await t.rejects(readHiddenStates(join(directory, name)), { name: 'MalformedChunkError', code: 'QL_CHUNK', message: name });
});

t.test('a full disk has its code', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async (t) => {
  await t.rejects(writeHiddenStates('/dev/full', new Float32Array(64), 8, meaning), { code: 'QL_DISK_FULL', retryable: true });
});
