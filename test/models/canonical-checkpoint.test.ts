import t from 'tap';
import type { Checkpoint } from '../../src/checkpoint/index.js';
import { canonicalCheckpoint } from '../../src/models/index.js';

const checkpointOf = (config: object, names: readonly string[]): Checkpoint => ({
  directory: '/model',
  configText: `${JSON.stringify(config, null, 2)}\n`,
  config: config as Record<string, unknown>,
  shards: ['model.safetensors'],
  tensors: new Map(
    names.map((name) => [name, { name, dtype: 'BF16', shape: [1], file: '/model/model.safetensors', offset: 0, length: 2 }]),
  ),
});

const namesOf = ({ tensors }: Checkpoint): string[] => [...tensors].map(([key, { name }]) => (key === name ? name : `${key} ≠ ${name}`));

t.test('canonical names stay', async (t) => {
  const checkpoint = checkpointOf({ model_type: 'llama' }, ['model.embed_tokens.weight', 'lm_head.weight']);
  const opened = canonicalCheckpoint(checkpoint);
  t.equal(opened.checkpoint, checkpoint);
  t.equal(opened.part, 'whole');
});

t.test('names without the first part get it, the head does not', async (t) => {
  const { checkpoint, part } = canonicalCheckpoint(
    checkpointOf({ model_type: 'llama' }, ['embed_tokens.weight', 'layers.0.mlp.up_proj.weight', 'lm_head.weight']),
  );
  t.strictSame(namesOf(checkpoint), ['model.embed_tokens.weight', 'model.layers.0.mlp.up_proj.weight', 'lm_head.weight']);
  t.equal(part, 'whole');
});

t.test('the text part of a wrapped configuration, in both spellings of its names', async (t) => {
  const inner = { model_type: 'llama', rms_norm_eps: 0.5, hidden_size: 64 };
  const config = {
    model_type: 'llava',
    dtype: 'bfloat16',
    text_config: inner,
    tie_word_embeddings: true,
    vision_config: { hidden_size: 8 },
  };
  const spellings = [
    ['language_model.model.layers.0.a', 'language_model.lm_head.weight', 'vision_tower.b', 'multi_modal_projector.c'],
    ['model.language_model.layers.0.a', 'lm_head.weight', 'model.vision_tower.b', 'model.multi_modal_projector.c'],
  ];
  for (const names of spellings) {
    const { checkpoint, part } = canonicalCheckpoint(checkpointOf(config, names));
    t.equal(part, 'text');
    t.strictSame(namesOf(checkpoint), ['model.layers.0.a', 'lm_head.weight']);
    t.strictSame(checkpoint.config, { ...inner, dtype: 'bfloat16', tie_word_embeddings: true });
    t.strictSame(JSON.parse(checkpoint.configText), checkpoint.config);
  }
});

t.test('what the text part says itself stays, with its spelling', async (t) => {
  const checkpoint = checkpointOf({}, []);
  const configText =
    '{\n  "model_type": "llava",\n  "dtype": "float32",\n  "text_config": {\n    "model_type": "llama",\n    "dtype": "bfloat16",\n    "rms_norm_eps": 1e-05\n  }\n}\n';
  const opened = canonicalCheckpoint({ ...checkpoint, configText, config: JSON.parse(configText) as Record<string, unknown> });
  t.equal(opened.checkpoint.configText, '{\n  "model_type": "llama",\n  "dtype": "bfloat16",\n  "rms_norm_eps": 1e-05\n}\n');
});

t.test('a text part of an unknown family is left as it is', async (t) => {
  const checkpoint = checkpointOf({ model_type: 'other', text_config: { model_type: 'unknown' } }, ['a']);
  t.equal(canonicalCheckpoint(checkpoint).checkpoint, checkpoint);
});
