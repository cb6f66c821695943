import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { referenceFile, referenceTensors } from './reference-tensors.js';

t.test('a file has the bytes that the reference library writes, in whatever order tensors come', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'model.safetensors');
  await writeSafetensors(path, referenceTensors);
  t.same(await readFile(path), await referenceFile());
  await writeSafetensors(path, Object.fromEntries(Object.entries(referenceTensors).reverse()));
  t.same(await readFile(path), await referenceFile());
  t.same(await readdir(directory), ['model.safetensors'], 'nothing is left beside it');
});

t.test('bytes that do not fit the shape are refused, and nothing is written', async (t) => {
  const directory = t.testdir();
  const tensors = { w: { dtype: 'BF16', shape: [2, 3], bytes: new Uint8Array(11) } } as const;
  await t.rejects(writeSafetensors(join(directory, 'x'), tensors), { code: 'QL_SHAPE', message: /"w".*\[2, 3\] needs 12 bytes, not 11/ });
  t.same(await readdir(directory), []);
});
