import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint } from '../../src/checkpoint/index.js';
import { vectorShard } from './tiny-shard.js';

const one = Buffer.from(vectorShard({ 'model.a': 4, 'model.b': 6 }));
const two = Buffer.from(vectorShard({ 'model.c': 5 }));
const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const configText = '{ "model_type": "llama", "rms_norm_eps": 1e-05, "rope_theta": 10000.0 }\n';
const map = { 'model.a': names[0], 'model.b': names[0], 'model.c': names[1] };
const index = (weightMap: object): string => JSON.stringify({ metadata: {}, weight_map: weightMap });
const sharded = { 'config.json': configText, [names[0]]: one, [names[1]]: two, 'model.safetensors.index.json': index(map) };

t.test('one file', async (t) => {
  const directory = t.testdir({ 'config.json': configText, 'model.safetensors': one });
  const checkpoint = await openCheckpoint(directory);
  t.same(checkpoint.shards, ['model.safetensors']);
  t.same([...checkpoint.tensors.keys()], ['model.a', 'model.b']);
  t.equal(checkpoint.configText, configText, 'byte for byte');
  t.equal(checkpoint.config.rms_norm_eps, 1e-5);
  t.match(checkpoint.tensors.get('model.b'), {
    dtype: 'U8',
    shape: [6],
    length: 6,
    offset: one.length - 6,
    file: join(realpathSync(directory), 'model.safetensors'),
  });
});

t.test('shards with an index, in order', async (t) => {
  const checkpoint = await openCheckpoint(t.testdir(sharded));
  t.same(checkpoint.shards, names);
  t.same([...checkpoint.tensors.keys()], ['model.a', 'model.b', 'model.c']);
  t.equal(checkpoint.tensors.get('model.c')?.file, join(checkpoint.directory, names[1]));
});

t.test('links are resolved, as in the Hugging Face cache', async (t) => {
  const root = t.testdir({
    blobs: { aaa: one, bbb: two, ccc: configText, ddd: index(map) },
    snapshots: {
      rev: {
        'config.json': t.fixture('symlink', '../../blobs/ccc'),
        'model.safetensors.index.json': t.fixture('symlink', '../../blobs/ddd'),
        [names[0]]: t.fixture('symlink', '../../blobs/aaa'),
        [names[1]]: t.fixture('symlink', '../../blobs/bbb'),
      },
    },
    link: t.fixture('symlink', 'snapshots/rev'),
  });
  const checkpoint = await openCheckpoint(join(root, 'link'));
  t.equal(checkpoint.directory, join(realpathSync(root), 'snapshots', 'rev'));
  t.equal(checkpoint.tensors.get('model.c')?.file, join(realpathSync(root), 'blobs', 'bbb'));
});

t.test('a tensor that the index leaves out is found all the same', async (t) => {
  const checkpoint = await openCheckpoint(
    t.testdir({ ...sharded, 'model.safetensors.index.json': index({ 'model.a': names[0], 'model.c': names[1] }) }),
  );
  t.ok(checkpoint.tensors.has('model.b'));
});

type Tree = NonNullable<Parameters<typeof t.testdir>[0]>;

const bad: readonly (readonly [what: string, tree: Tree, code: string, message: RegExp])[] = [
  [
    'an adapter',
    { 'adapter_config.json': '{}', 'adapter_model.safetensors': one },
    'QL_CHECKPOINT_ADAPTER',
    /PEFT adapter.*full-precision model/,
  ],
  ['a directory without config', { 'model.safetensors': one }, 'QL_CONFIG_MISSING', /no config\.json/],
  ['a broken config', { 'config.json': '{"a":', 'model.safetensors': one }, 'QL_CONFIG_JSON', /not valid JSON/],
  ['a config that is a list', { 'config.json': '[]', 'model.safetensors': one }, 'QL_CONFIG_JSON', /object/],
  ['pickled weights', { 'config.json': '{}', 'pytorch_model.bin': 'x' }, 'QL_CHECKPOINT_PICKLED', /pytorch_model\.bin.*save_pretrained/],
  ['no weights', { 'config.json': '{}', 'model.gguf': 'x' }, 'QL_CHECKPOINT_WEIGHTS', /it holds config\.json, model\.gguf/],
  ['shards without an index', { 'config.json': '{}', [names[0]]: one }, 'QL_INDEX_MISSING', /index/],
  ['a broken index', { ...sharded, 'model.safetensors.index.json': '{' }, 'QL_INDEX', /not valid JSON/],
  [
    'an index that leaves the directory',
    { ...sharded, 'model.safetensors.index.json': index({ a: '../x.safetensors' }) },
    'QL_INDEX',
    /outside/,
  ],
  [
    'a missing shard',
    { 'config.json': '{}', [names[0]]: one, 'model.safetensors.index.json': index(map) },
    'QL_SHARD_MISSING',
    /model-00002-of-00002\.safetensors is missing.*model\.c/,
  ],
  ['a dangling link', { ...sharded, [names[1]]: t.fixture('symlink', 'gone') }, 'QL_SHARD_MISSING', /model-00002/],
  [
    'an index naming the wrong shard',
    { ...sharded, 'model.safetensors.index.json': index({ ...map, 'model.a': names[1] }) },
    'QL_INDEX_TENSOR',
    /"model\.a" is in model-00002.*but it is in model-00001/,
  ],
  [
    'an index naming a tensor nobody holds',
    { ...sharded, 'model.safetensors.index.json': index({ ...map, 'model.d': names[1] }) },
    'QL_INDEX_TENSOR',
    /"model\.d".*no shard holds it/,
  ],
  [
    'a tensor in two shards',
    { ...sharded, [names[1]]: Buffer.from(vectorShard({ 'model.a': 4, 'model.c': 5 })) },
    'QL_TENSOR_TWICE',
    /"model\.a" is in model-00001.*and in model-00002/,
  ],
  [
    'a truncated shard',
    { ...sharded, [names[1]]: two.subarray(0, two.length - 2) },
    'QL_SHARD_RANGE',
    /"model\.c" claims bytes 0–5, but the file holds 3/,
  ],
  [
    'a Git LFS pointer',
    { 'config.json': '{}', 'model.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' },
    'QL_SHARD_HEADER',
    /no safetensors file/,
  ],
];

for (const [what, tree, code, message] of bad)
  t.test(`refuses ${what}`, async (t) => {
    await t.rejects(openCheckpoint(t.testdir(tree)), { name: 'MalformedCheckpointError', code, message, retryable: false });
  });

t.test('refuses what is no directory', async (t) => {
  const directory = t.testdir({ file: 'x' });
  await t.rejects(openCheckpoint(join(directory, 'absent')), { code: 'QL_CHECKPOINT_MISSING', message: /hub/ });
  await t.rejects(openCheckpoint(join(directory, 'file')), { code: 'QL_CHECKPOINT_MISSING', message: /is a file/ });
});
