import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openCheckpoint, openHubCheckpoint, sampleWeights } from '../../src/checkpoint/index.js';
import type { HubRepository } from '../../src/hub/index.js';
import { fakeRepository, type FakeRepository, type FakeRepositoryOptions } from './fake-repository.js';
import { vectorShard } from './tiny-shard.js';

const one = Buffer.from(vectorShard({ 'model.a': 4, 'model.b': 6 }));
const two = Buffer.from(vectorShard({ 'model.c': 5 }));
const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const map = { 'model.a': names[0], 'model.b': names[0], 'model.c': names[1] };
const sharded = {
  'config.json': '{"rms_norm_eps": 1e-05}',
  'generation_config.json': '{}',
  'tokenizer.json': '{}',
  'README.md': 'a card that nobody needs',
  'pytorch_model.bin': 'pickled',
  'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
  [names[0]]: one,
  [names[1]]: two,
};

const prepare = async (
  t: Test,
  files: Readonly<Record<string, string | Buffer>> = sharded,
  options?: FakeRepositoryOptions,
): Promise<{ repository: FakeRepository; directory: string; cache: string }> => {
  const root = realpathSync(t.testdir({ source: files }));
  const [directory, cache] = [join(root, 'source'), join(root, 'cache')];
  return { directory, cache, repository: await fakeRepository(directory, cache, options) };
};

const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

t.test('small files are fetched, headers are read, shards stay where they are', async (t) => {
  const { repository, directory, cache } = await prepare(t);
  const checkpoint = await openHubCheckpoint(repository, { discard: false });
  const local = await openCheckpoint(directory);
  t.same(checkpoint.shards, local.shards);
  t.equal(checkpoint.configText, local.configText);
  const place = (name: string): string => join(cache, 'blobs', sha256Of(name === 'model.c' ? two : one));
  t.same(
    [...checkpoint.tensors],
    [...local.tensors].map(([name, location]) => [name, { ...location, file: place(name) }]),
  );
  t.same(
    repository.asked.filter((line) => line.startsWith('fetch')).sort(),
    ['config.json', 'generation_config.json', 'model.safetensors.index.json', 'tokenizer.json'].map((name) => `fetch ${name}`),
  );
  t.same(
    repository.asked.filter((line) => line.startsWith('range')).sort(),
    [`range ${names[0]} 0-${one.length}`, `range ${names[1]} 0-${two.length}`],
    'one request a shard',
  );
  t.equal(checkpoint.directory, join(cache, 'snapshots', repository.commit));
  t.equal(checkpoint.supply.commit, repository.commit);
  t.same(await checkpoint.supply.announced(names[1]), { sha256: sha256Of(two), verified: true });
  await checkpoint.supply.require([place('model.c')]);
  t.same(await readdir(checkpoint.directory).then((found) => found.filter((name) => name.endsWith('.safetensors'))), [names[1]]);
});

t.test('a shard that the cache holds is taken where it lies, and not trusted', async (t) => {
  const { repository } = await prepare(t);
  await repository.fetch(names[0]);
  const checkpoint = await openHubCheckpoint(repository, { discard: true });
  t.equal(checkpoint.tensors.get('model.a')?.file, realpathSync(join(repository.directory, names[0])));
  t.same(await checkpoint.supply.announced(names[0]), { sha256: sha256Of(one), verified: false });
});

t.test('a cache without links holds its shards in the snapshot', async (t) => {
  const { repository, cache } = await prepare(t, sharded, { links: false });
  const checkpoint = await openHubCheckpoint(repository, { discard: false });
  const { file } = checkpoint.tensors.get('model.c')!;
  t.equal(file, join(cache, 'snapshots', repository.commit, names[1]));
  await checkpoint.supply.require([file]);
});

t.test('a shard without a told hash is small: it is fetched at once and hashed', async (t) => {
  const { repository } = await prepare(t, sharded, { isLarge: (path) => path === names[0] });
  const checkpoint = await openHubCheckpoint(repository, { discard: true });
  t.ok(repository.asked.includes(`fetch ${names[1]}`));
  t.notOk(repository.asked.includes(`fetch ${names[0]}`));
  t.same(await checkpoint.supply.announced(names[1]), { sha256: sha256Of(two), verified: true });
  await checkpoint.supply.close();
  t.ok(repository.asked.includes(`discard ${names[1]}`), 'this run brought it');
});

t.test('a shard without a told hash has the same one fresh, cached, and offline', async (t) => {
  for (const links of [true, false]) {
    const { repository } = await prepare(t, sharded, { isLarge: (path) => path === names[0], links });
    const weightsOf = async (opened: HubRepository): Promise<string> => sampleWeights(await openHubCheckpoint(opened, { discard: false }));
    const fresh = await weightsOf(repository);
    t.equal(await weightsOf(repository), fresh, 'the small one is cached, the large one still to come');
    await repository.fetch(names[0]);
    t.equal(await weightsOf(repository), fresh, 'both are cached');
    const untold = repository.files.map((file) => ({ ...file, sha256: undefined }));
    t.equal(await weightsOf({ ...repository, files: untold }), fresh, 'nobody tells a hash');
    const { supply } = await openHubCheckpoint({ ...repository, files: untold }, { discard: false });
    t.same(await supply.announced(names[0]), { sha256: sha256Of(one), verified: true });
    await t.rejects(supply.announced('other'), RangeError);
  }
});

t.test('a cached shard that can not be read to its end is named', async (t) => {
  const { repository } = await prepare(t, sharded, { isLarge: () => false });
  await repository.fetch(names[1]);
  const { supply } = await openHubCheckpoint(repository, { discard: false });
  await rm(realpathSync(join(repository.directory, names[1])));
  await t.rejects(supply.announced(names[1]), { code: 'QL_SHARD_READ', message: new RegExp(`^${names[1]}: `) });
});

t.test('what is missing is named with the repository', async (t) => {
  const torn = Object.fromEntries(Object.entries(sharded).filter(([name]) => name !== names[1]));
  const tornPlace = await prepare(t, torn);
  await t.rejects(openHubCheckpoint(tornPlace.repository, { discard: false }), {
    code: 'QL_SHARD_MISSING',
    message: /model-00002-of-00002\.safetensors: org\/fake at c0ffee0 does not hold it.*model\.c.*another revision/,
  });
  await t.rejects(openHubCheckpoint(tornPlace.repository, { discard: false, offline: true }), {
    message: /The cached part of org\/fake at c0ffee0 does not hold it.*--prefetch/,
  });
  const adapter = await prepare(t, { 'adapter_config.json': '{}', 'adapter_model.safetensors': one });
  await t.rejects(openHubCheckpoint(adapter.repository, { discard: false }), { code: 'QL_CHECKPOINT_ADAPTER', message: /^org\/fake/ });
  const pickled = await prepare(t, { 'config.json': '{}', 'pytorch_model.bin': 'x' });
  await t.rejects(openHubCheckpoint(pickled.repository, { discard: false }), { code: 'QL_CHECKPOINT_PICKLED' });
});
