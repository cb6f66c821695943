import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { assembleSafetensors, readSafetensorsHeader, writeSafetensors, type TensorLocation } from '../../src/checkpoint/index.js';
import { referenceFile, referenceTensors } from './reference-tensors.js';

const U8 = (length: number) => ({ dtype: 'U8', shape: [length], bytes: Uint8Array.from({ length }, (_, i) => i % 251) }) as const;

const locations = async (file: string): Promise<TensorLocation[]> =>
  (await readSafetensorsHeader(file, 'source')).map((tensor) => ({ ...tensor, file }));

t.test('tensors from many files, in any order, give the bytes of the whole', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'model.safetensors');
  const names = Object.keys(referenceTensors);
  const parts: TensorLocation[] = [];
  for (const [i, name] of names.entries()) {
    const part = join(directory, `part-${i % 3}-${i}`);
    await writeSafetensors(part, { [name]: referenceTensors[name]! });
    parts.push(...(await locations(part)));
  }
  const total = Object.values(referenceTensors).reduce((sum, { bytes }) => sum + bytes.length, 0);
  for (const order of [parts, parts.toReversed()]) {
    const { tensorBytes, sha256 } = await assembleSafetensors(path, order);
    t.equal(tensorBytes, total);
    const written = await readFile(path);
    t.same(written, await referenceFile());
    t.equal(sha256, createHash('sha256').update(written).digest('hex'));
  }
  t.notOk((await readdir(directory)).includes('model.safetensors.partial'));
});

t.test('a tensor larger than the copy buffer', async (t) => {
  const directory = t.testdir();
  const [source, copy] = [join(directory, 'source.safetensors'), join(directory, 'copy.safetensors')];
  await writeSafetensors(source, { big: U8(9_000_001), small: U8(3) });
  await assembleSafetensors(copy, await locations(source));
  t.ok((await readFile(copy)).equals(await readFile(source)));
});

t.test('a source that ends early, or is gone, is named, and nothing is left', async (t) => {
  const directory = t.testdir();
  const source = join(directory, 'source.safetensors');
  const copy = join(directory, 'copy.safetensors');
  await writeSafetensors(source, { big: U8(1000) });
  const big = (await locations(source))[0]!;
  await truncate(source, 600);
  await t.rejects(assembleSafetensors(copy, [big]), {
    code: 'QL_SHARD_RANGE',
    message: /source\.safetensors: "big" .* the file ends at 600/,
  });
  await t.rejects(assembleSafetensors(copy, [{ ...big, file: join(directory, 'gone') }]), { code: 'QL_SHARD_READ', message: 'gone' });
  t.same(await readdir(directory), ['source.safetensors']);
});

t.test('a tensor twice, or misshapen, is refused', async (t) => {
  const directory = t.testdir();
  const source = join(directory, 'source');
  await writeSafetensors(source, { w: U8(3) });
  const w = (await locations(source))[0]!;
  await t.rejects(assembleSafetensors(join(directory, 'x'), [w, w]), { code: 'QL_DUPLICATE_TENSOR', message: '"w"' });
  await t.rejects(assembleSafetensors(join(directory, 'x'), [{ ...w, shape: [4] }]), { code: 'QL_SHAPE', message: '"w"' });
});

t.test('a full disk is a typed error and leaves nothing', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async (t) => {
  const directory = t.testdir();
  const source = join(directory, 'source');
  await writeSafetensors(source, { w: U8(3) });
  const path = join(directory, 'x');
  await symlink('/dev/full', `${path}.partial`);
  await t.rejects(assembleSafetensors(path, await locations(source)), { code: 'QL_DISK_FULL', message: path });
  t.same(await readdir(directory), ['source']);
});

t.test('a directory that is a file is a typed error', async (t) => {
  const file = join(t.testdir(), 'file');
  await writeFile(file, '');
  await t.rejects(assembleSafetensors(join(file, 'x'), []), { code: 'QL_UNWRITABLE', message: /x can't be written/ });
});
