import { join } from 'node:path';
import t from 'tap';
import { readSafetensorsHeader } from '../../src/checkpoint/index.js';
import { readHubHeader } from '../../src/checkpoint/read-hub-header.js';
import { fakeRepository } from './fake-repository.js';
import { vectorShard } from './tiny-shard.js';

const vectors = (count: number): Buffer =>
  Buffer.from(vectorShard(Object.fromEntries(Array.from({ length: count }, (_, i) => [`model.layers.${i}.some.long.name.weight`, 3]))));

t.test('a header longer than the first request takes a second one for the rest, not for the data', async (t) => {
  for (const [count, requests] of [
    [3, 1],
    [4000, 2],
  ] as const) {
    const bytes = vectors(count);
    const directory = t.testdir({ source: { 'a.safetensors': bytes } });
    const repository = await fakeRepository(join(directory, 'source'), join(directory, 'cache'));
    const found = await readHubHeader(repository, repository.files[0]!, {});
    t.same(found, await readSafetensorsHeader(join(directory, 'source', 'a.safetensors'), 'a'));
    t.equal(found.length, count);
    t.equal(repository.asked.length, requests, repository.asked.join());
    t.ok(repository.asked.at(-1)!.endsWith(`-${requests === 1 ? bytes.length : bytes.length - 3 * count}`));
  }
});

t.test('what is no safetensors file is refused', async (t) => {
  const directory = t.testdir({ source: { 'a.safetensors': 'version https://git-lfs.github.com/spec/v1', 'b.safetensors': 'short' } });
  const repository = await fakeRepository(join(directory, 'source'), join(directory, 'cache'));
  for (const file of repository.files) await t.rejects(readHubHeader(repository, file, {}), { code: 'QL_SHARD_HEADER' });
});
