import { basename } from 'node:path';
import t from 'tap';
import type { Checkpoint, TensorLocation } from '../../src/checkpoint/index.js';
import { openModel } from '../../src/models/index.js';
import { shardNeeds, type WalkStep } from '../../src/stages/index.js';
import { openFixture } from '../models/golden-run.js';

/** A fixture with every tensor in a shard of its own, named like the tensor. */
const scattered = async (fixture: string): Promise<Checkpoint> => {
  const checkpoint = await openFixture(fixture);
  const alone = (location: TensorLocation): TensorLocation => ({ ...location, file: `/model/${location.name}` });
  return { ...checkpoint, tensors: new Map([...checkpoint.tensors].map(([name, location]) => [name, alone(location)])) };
};

/** What each step reads, and what none does. */
const needsOf = (checkpoint: Checkpoint): Record<string, string[]> => {
  const model = openModel(checkpoint);
  const needs = shardNeeds(checkpoint, model);
  const steps: WalkStep[] = ['entry', ...Array.from({ length: model.blocks }, (_, block) => block), 'head'];
  const read = steps.map((step) => [String(step), [...needs(step)].map((file) => basename(file)).sort()] as const);
  const all = new Set(read.flatMap(([, names]) => names));
  return { ...Object.fromEntries(read), nobody: [...checkpoint.tensors.keys()].filter((name) => !all.has(name)).sort() };
};

/** What lies beside the blocks, by family: read at the entry, and by the head. */
const BESIDE: Readonly<Record<string, { readonly entry: string[]; readonly head: string[]; readonly nobody?: RegExp }>> = {
  'llama-biases': { entry: ['model.embed_tokens.weight'], head: ['lm_head.weight', 'model.norm.weight'] },
  'llama-grouped-tied': { entry: ['model.embed_tokens.weight'], head: ['model.embed_tokens.weight', 'model.norm.weight'] },
  'gemma2-capped': { entry: ['model.embed_tokens.weight'], head: ['model.embed_tokens.weight', 'model.norm.weight'] },
  'opt-post-norm': {
    entry: ['model.decoder.embed_positions.weight', 'model.decoder.embed_tokens.weight', 'model.decoder.project_in.weight'],
    head: ['model.decoder.embed_tokens.weight', 'model.decoder.project_out.weight'],
  },
  'bloom-tied': {
    entry: [
      'transformer.word_embeddings.weight',
      'transformer.word_embeddings_layernorm.bias',
      'transformer.word_embeddings_layernorm.weight',
    ],
    head: ['transformer.ln_f.bias', 'transformer.ln_f.weight', 'transformer.word_embeddings.weight'],
  },
  'gpt_neox-parallel': {
    entry: ['gpt_neox.embed_in.weight'],
    head: ['embed_out.weight', 'gpt_neox.final_layer_norm.bias', 'gpt_neox.final_layer_norm.weight'],
    nobody: /attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
  },
};

for (const [fixture, { entry, head, nobody }] of Object.entries(BESIDE))
  t.test(`${fixture}: every tensor is read by its own step`, async (t) => {
    const checkpoint = await scattered(fixture);
    const { entry: atEntry, head: atHead, nobody: unread, ...blocks } = needsOf(checkpoint);
    t.same(atEntry, entry);
    t.same(atHead, head);
    for (const [block, names] of Object.entries(blocks)) {
      const inside = [...checkpoint.tensors.keys()].filter((name) => new RegExp(`\\.(layers|h)\\.${block}\\.`).test(name));
      t.same(names, inside.filter((name) => !nobody?.test(name)).sort(), `block ${block}`);
    }
    t.ok(
      unread!.every((name) => nobody?.test(name)),
      `read by no step: ${unread!.join(', ') || 'nothing'}`,
    );
  });

t.test('the tensors of quantized layers belong to their block', async (t) => {
  const checkpoint = await scattered('llama-grouped-tied');
  const module = 'model.layers.1.mlp.up_proj';
  const scales = { ...checkpoint.tensors.get(`${module}.weight`)!, name: `${module}.weight.absmax`, file: '/model/scales' };
  const config = { ...checkpoint.config, quantization_config: { quant_method: 'bitsandbytes' } };
  const needs = needsOf({ ...checkpoint, config, tensors: new Map([...checkpoint.tensors, [scales.name, scales]]) });
  t.ok(needs['1']!.includes('scales'));
  t.notOk(needs['0']!.includes('scales'));
});
