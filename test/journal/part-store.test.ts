import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { readTensor, type TensorLocation } from '../../src/checkpoint/index.js';
import { PartStore } from '../../src/journal/index.js';

const KINDS = ['a', 'b'];
const tensor = (seed: number) => ({ dtype: 'U8', shape: [9], bytes: Uint8Array.from({ length: 9 }, (_, i) => i * seed) }) as const;
const open = (directory: string, damaged: string[] = []): Promise<PartStore> =>
  PartStore.open(directory, KINDS, (file) => void damaged.push(file));
const bytesOf = async (locations: readonly TensorLocation[] = []): Promise<number[][]> =>
  Promise.all(locations.map(async (location) => [...(await readTensor(location))]));

t.test('parts are found by who comes next, with their notes', async (t) => {
  const directory = join(t.testdir(), 'parts');
  const store = await open(directory);
  t.equal(await store.read('a', 'x.y'), undefined);
  const written = await store.write('a', 'x.y', { one: tensor(1), two: tensor(2) }, { seconds: 0.5 });
  t.same(await bytesOf(written), [[...tensor(1).bytes], [...tensor(2).bytes]]);
  await store.write('b', 'x.y', { three: tensor(3) }, null);
  const copy = await store.copy('b', 'copied', written[1]!);
  t.same([copy.name, await bytesOf([copy])], ['two', [[...tensor(2).bytes]]]);

  await writeFile(join(directory, 'a', 'z.partial'), 'left by a kill');
  const next = await open(directory);
  const part = await next.read('a', 'x.y');
  t.same([part!.note, part!.tensors.map(({ name }) => name)], [{ seconds: 0.5 }, ['one', 'two']]);
  t.same((await next.read('b', 'x.y'))!.note, null);
  t.same((await next.read('b', 'copied'))!.note, null);
  t.ok(next.has('b', 'copied') && !next.has('a', 'z'));
  await next.remove('b', 'copied');
  await next.remove('b', 'copied');
  t.equal(await next.read('b', 'copied'), undefined);
  t.equal((await readdir(join(directory, 'b'))).length, 1);
});

t.test('any byte that changed is noticed, and the part is gone', async (t) => {
  const directory = join(t.testdir(), 'parts');
  await (await open(directory)).write('a', 'x', { one: tensor(1) }, 'note');
  const [name] = await readdir(join(directory, 'a'));
  const file = join(directory, 'a', name!);
  const bytes = await readFile(file);
  for (const i of [0, 8, 40, bytes.length - 1]) {
    const other = Buffer.from(bytes);
    other[i]! ^= 4;
    await writeFile(file, other);
    const damaged: string[] = [];
    const store = await open(directory, damaged);
    t.equal(await store.read('a', 'x'), undefined);
    t.same(damaged, [file]);
    t.same(await readdir(join(directory, 'a')), []);
  }
});
