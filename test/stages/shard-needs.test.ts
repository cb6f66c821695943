import t from 'tap';
import type { TensorLocation } from '../../src/checkpoint/index.js';
import { shardNeeds, type WalkStep } from '../../src/stages/index.js';

const location = (name: string, file: string): TensorLocation => ({ name, file, dtype: 'F32', shape: [1], offset: 0, length: 4 });

/** What is needed of a checkpoint whose tensors lie in these files, by step. */
const needsOf = (
  files: Readonly<Record<string, string>>,
  {
    embedding,
    linear,
    heads = ['lm_head'],
    blocks = 2,
    config = {},
  }: { embedding: string; linear: (block: number) => string; heads?: string[]; blocks?: number; config?: object },
): Record<string, string> => {
  const tensors = new Map(Object.entries(files).map(([name, file]) => [name, location(name, file)]));
  const model = {
    blocks,
    embedding: tensors.get(embedding)!,
    unquantizedModules: heads,
    linears: (block: number) => [{ module: linear(block) }],
  };
  const needs = shardNeeds({ tensors, config: { ...config } }, model);
  const steps: WalkStep[] = ['entry', ...Array.from({ length: blocks }, (_, block) => block), 'head'];
  return Object.fromEntries(steps.map((step) => [step, [...needs(step)].sort().join(' ')]));
};

const llama = {
  'model.embed_tokens.weight': 'a',
  'model.layers.0.self_attn.q_proj.weight': 'a',
  'model.layers.0.input_layernorm.weight': 'b',
  'model.layers.1.mlp.experts.0.up_proj.weight': 'b',
  'model.layers.1.self_attn.q_proj.weight': 'c',
  'model.norm.weight': 'd',
};
const llamaNames = { embedding: 'model.embed_tokens.weight', linear: (block: number) => `model.layers.${block}.self_attn.q_proj` };

t.test('blocks by their number, the final norm and the output embedding with the head', async (t) => {
  const untied = { ...llamaNames, config: { tie_word_embeddings: false } };
  t.same(needsOf({ ...llama, 'lm_head.weight': 'e' }, untied), { entry: 'a', 0: 'a b', 1: 'b c', head: 'd e' });
  t.same(needsOf(llama, untied), { entry: 'a', 0: 'a b', 1: 'b c', head: 'a d' }, 'no weight of its own: tied');
  t.same(needsOf({ ...llama, 'lm_head.weight': 'e' }, llamaNames).head, 'a d e', 'tied and stored again');
});

t.test('block 1 is not block 10', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`model.layers.${i}.self_attn.q_proj.weight`, `f${i}`]));
  const needs = needsOf({ ...files, 'model.embed_tokens.weight': 'e' }, { ...llamaNames, blocks: 11 });
  t.match(needs, { 1: 'f1', 10: 'f10' });
});

t.test('other names of blocks, and what is computed before and after them', async (t) => {
  const opt = needsOf(
    {
      'model.decoder.embed_tokens.weight': 'a',
      'model.decoder.embed_positions.weight': 'b',
      'model.decoder.project_in.weight': 'c',
      'model.decoder.project_out.weight': 'd',
      'model.decoder.final_layer_norm.bias': 'e',
      'model.decoder.layers.0.fc1.weight': 'f',
      'model.decoder.layers.0.final_layer_norm.weight': 'f',
      'lm_head.weight': 'a',
    },
    {
      embedding: 'model.decoder.embed_tokens.weight',
      linear: (block) => `model.decoder.layers.${block}.fc1`,
      blocks: 1,
      heads: ['lm_head', 'model.decoder.project_in', 'model.decoder.project_out'],
    },
  );
  t.same(opt, { entry: 'a b c', 0: 'f', head: 'a d e' });
  const neox = needsOf(
    {
      'gpt_neox.embed_in.weight': 'a',
      'gpt_neox.layers.0.mlp.up.weight': 'b',
      'gpt_neox.final_layer_norm.weight': 'c',
      'embed_out.weight': 'd',
    },
    {
      embedding: 'gpt_neox.embed_in.weight',
      linear: (block) => `gpt_neox.layers.${block}.mlp.up`,
      heads: ['lm_head', 'embed_out'],
      blocks: 1,
      config: { tie_word_embeddings: false },
    },
  );
  t.same(neox, { entry: 'a', 0: 'b', head: 'c d' });
});

t.test('an image encoder beside the language model is read by no step', async (t) => {
  const files = {
    'model.language_model.embed_tokens.weight': 'a',
    'model.language_model.layers.0.q.weight': 'b',
    'model.language_model.norm.weight': 'b',
    'model.vision_tower.layers.0.q.weight': 'v',
    'model.vision_tower.norm.weight': 'v',
  };
  const needs = needsOf(files, {
    embedding: 'model.language_model.embed_tokens.weight',
    linear: (block) => `model.language_model.layers.${block}.q`,
    blocks: 1,
  });
  t.same(needs, { entry: 'a', 0: 'b', head: 'a b' });
});
