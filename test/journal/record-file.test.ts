import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readRecord, writeRecord } from '../../src/journal/index.js';

t.test('a record is read back, and every other byte is noticed', async (t) => {
  const path = join(t.testdir(), 'record.json');
  t.equal(await readRecord(path), undefined);
  const value = { text: 'ä"}\n', numbers: [1, 0.1, -1e-300], nothing: null };
  await writeRecord(path, value);
  t.same(await readRecord(path), { value });
  const bytes = await readFile(path);
  for (let i = 0; i < bytes.length; i++) {
    const other = Buffer.from(bytes);
    other[i]! ^= 1;
    await writeFile(path, other);
    t.equal(await readRecord(path), 'damaged', `byte ${i}`);
  }
  await writeFile(path, bytes);
  await truncate(path, bytes.length - 1);
  t.equal(await readRecord(path), 'damaged');
});

t.test('what can not be read is an error with a code', async (t) => {
  const path = join(t.testdir(), 'record.json');
  await mkdir(path);
  await t.rejects(readRecord(path), { code: 'QL_JOURNAL_READ', message: path, retryable: true });
});
