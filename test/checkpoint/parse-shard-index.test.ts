import t from 'tap';
import { parseShardIndex } from '../../src/checkpoint/parse-shard-index.js';

const index = (map: unknown): string => JSON.stringify({ metadata: { total_size: 1 }, weight_map: map });

t.test('maps tensors to files', async (t) => {
  t.same(
    [...parseShardIndex(index({ a: 'one.safetensors', b: './sub/two.safetensors' }))],
    [
      ['a', 'one.safetensors'],
      ['b', 'sub/two.safetensors'],
    ],
  );
});

const bad: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['broken JSON', '{', /not valid JSON/],
  ['no map', '{}', /no "weight_map"/],
  ['null', 'null', /no "weight_map"/],
  ['a list for a map', index(['a']), /no "weight_map"/],
  ['an empty map', index({}), /names no tensor/],
  ['a number for a file', index({ a: 1 }), /maps "a" to 1/],
  ['a path up', index({ a: '../x.safetensors' }), /outside/],
  ['a path up after a path down', index({ a: 'sub/../../x.safetensors' }), /outside/],
  ['an absolute path', index({ a: '/etc/x.safetensors' }), /outside/],
  ['pickled shards', index({ a: 'pytorch_model-00001-of-00001.bin' }), /not a safetensors file/],
  ['a tensor twice', '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', /"a" twice/],
];

for (const [what, text, message] of bad)
  t.test(`refuses ${what}`, async (t) => {
    t.throws(() => parseShardIndex(text), { name: 'MalformedCheckpointError', code: 'QL_INDEX', message });
  });
