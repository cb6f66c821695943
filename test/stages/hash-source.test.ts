import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import { hashSource } from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';

t.test('weights that changed since the last attempt are refused', async (t) => {
  const directory = t.testdir({ work: {} });
  const checkpoint = await openCheckpoint(await makeTinyModel(join(directory, 'model')));
  const work = join(directory, 'work');
  const { signal } = new AbortController();
  const hashes = await hashSource(checkpoint, work, signal);
  t.same(await hashSource(checkpoint, work, signal), hashes);
  const { file, offset } = [...checkpoint.tensors.values()][0]!;
  const bytes = await readFile(file);
  bytes[offset]! ^= 1;
  await writeFile(file, bytes);
  await t.rejects(hashSource(checkpoint, work, signal), { code: 'QL_MODEL_CHANGED', message: /--fresh/ });
});
