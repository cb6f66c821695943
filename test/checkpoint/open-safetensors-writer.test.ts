import { readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openSafetensorsWriter, readSafetensorsHeader, writeSafetensors, type TensorLocation } from '../../src/checkpoint/index.js';
import { referenceFile, referenceTensors } from './reference-tensors.js';

const U8 = (length: number) => ({ dtype: 'U8', shape: [length], bytes: Uint8Array.from({ length }, (_, i) => i % 251) }) as const;

const locations = async (file: string): Promise<TensorLocation[]> =>
  (await readSafetensorsHeader(file, 'source')).map((tensor) => ({ ...tensor, file }));

t.test('tensors that come one at a time, or all at once, give the bytes of the whole', async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'model.safetensors');
  const names = Object.keys(referenceTensors);
  const total = Object.values(referenceTensors).reduce((sum, { bytes }) => sum + bytes.length, 0);

  const one = await openSafetensorsWriter(path);
  for (const name of names.toReversed()) await one.add(name, referenceTensors[name]!);
  t.notOk((await readdir(directory)).includes('model.safetensors'), 'not under its name before it is whole');
  t.equal(await one.close(), total);
  t.same(await readFile(path), await referenceFile());

  const all = await openSafetensorsWriter(path);
  await Promise.all(names.map((name) => all.add(name, referenceTensors[name]!)));
  await all.close();
  t.same(await readFile(path), await referenceFile());
  t.same(await readdir(directory), ['model.safetensors']);
});

t.test('a tensor larger than the copy buffer is copied from another file', async (t) => {
  const directory = t.testdir();
  const [source, copy] = [join(directory, 'source.safetensors'), join(directory, 'copy.safetensors')];
  await writeSafetensors(source, { big: U8(9_000_001), small: U8(3) });
  const writer = await openSafetensorsWriter(copy);
  for (const location of await locations(source)) await writer.copy(location);
  await writer.close();
  t.ok((await readFile(copy)).equals(await readFile(source)));
});

t.test('a source that ends early, or is gone, is named', async (t) => {
  const directory = t.testdir();
  const source = join(directory, 'source.safetensors');
  await writeSafetensors(source, { big: U8(1000) });
  const big = (await locations(source))[0]!;
  await truncate(source, 600);
  const writer = await openSafetensorsWriter(join(directory, 'copy.safetensors'));
  await t.rejects(writer.copy(big), { code: 'QL_SHARD_RANGE', message: /source\.safetensors: "big" .* the file ends at 600/ });
  await t.rejects(writer.copy({ ...big, name: 'other', file: join(directory, 'gone') }), { code: 'QL_SHARD_READ', message: 'gone' });
  await writer.abort();
  t.same(await readdir(directory), ['source.safetensors']);
});

t.test('a tensor twice, or misshapen, is refused', async (t) => {
  const writer = await openSafetensorsWriter(join(t.testdir(), 'x'));
  await writer.add('w', U8(3));
  await t.rejects(writer.add('w', U8(3)), { code: 'QL_DUPLICATE_TENSOR', message: '"w"' });
  await t.rejects(writer.add('v', { ...U8(3), shape: [4] }), { code: 'QL_SHAPE', message: '"v"' });
  t.equal(await writer.close(), 3);
});

t.test('giving up leaves nothing, and twice is as good as once', async (t) => {
  const directory = t.testdir();
  const writer = await openSafetensorsWriter(join(directory, 'x'));
  await writer.add('w', U8(3));
  await writer.abort();
  await writer.abort();
  t.same(await readdir(directory), []);
});

t.test('a full disk is a typed error and leaves nothing', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async (t) => {
  const directory = t.testdir();
  const path = join(directory, 'x');
  await symlink('/dev/full', `${path}.scratch`);
  const writer = await openSafetensorsWriter(path);
  await t.rejects(writer.add('w', U8(3)), { code: 'QL_DISK_FULL', message: path });
  await writer.abort();
  t.same(await readdir(directory), []);

  const closing = await openSafetensorsWriter(path);
  await closing.add('w', U8(3));
  await symlink('/dev/full', `${path}.partial`);
  await t.rejects(closing.close(), { code: 'QL_DISK_FULL', message: path });
  t.same(await readdir(directory), []);
});

t.test('a directory that is a file is a typed error', async (t) => {
  const file = join(t.testdir(), 'file');
  await writeFile(file, '');
  await t.rejects(openSafetensorsWriter(join(file, 'x')), { code: 'QL_UNWRITABLE', message: /x can't be written/ });
});
