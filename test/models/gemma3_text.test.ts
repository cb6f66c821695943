import t from 'tap';
import type { Checkpoint, TensorLocation } from '../../src/checkpoint/index.js';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture } from './golden-run.js';
import { changePiece, dropNodes, inBlocks, inHead, nodesOf, setConstant, withoutEntry } from './mutate-graph.js';

const bases = {
  full_attention: { rope_type: 'linear', rope_theta: 5000, factor: 4 },
  sliding_attention: { rope_type: 'default', rope_theta: 100 },
};

modelFamilySuite(t, 'gemma3_text', [
  {
    name: 'gemma3-local-global',
    spelledAs4x: true,
    mutations: [
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
      { label: 'another scale of scores', config: { query_pre_attn_scalar: 10 } },
      { label: 'missing scaling', config: { rope_parameters: { ...bases, full_attention: { rope_theta: 5000 } } } },
      {
        label: 'scaling in local blocks too',
        config: { rope_parameters: { ...bases, sliding_attention: { ...bases.full_attention, rope_theta: 100 } } },
      },
      { label: 'the default base in local blocks', config: { rope_parameters: { full_attention: bases.full_attention } } },
      { label: 'one base for all', config: { rope_parameters: { ...bases, sliding_attention: { rope_theta: 5000 } } } },
      { label: 'a wider window', config: { sliding_window: 8 } },
      { label: 'a narrower window', config: { sliding_window: 6 } },
      { label: 'another pattern', config: { layer_types: null, sliding_window_pattern: 2 } },
      { label: 'the pattern of the defaults', config: { layer_types: null, sliding_window_pattern: 6 } },
      { label: 'unscaled embeddings', model: withoutEntry },
      { label: 'a missing norm of queries', model: inBlocks(dropNodes('RMSNormalization', 1)) },
      { label: 'a missing norm of keys', model: inBlocks(dropNodes('RMSNormalization', 2)) },
      { label: 'weights of queries in the place of 1 + w', model: inBlocks(setConstant('Add', 1, [0], 1)) },
      { label: 'weights of keys in the place of 1 + w', model: inBlocks(setConstant('Add', 1, [0], 2)) },
      { label: 'weights in the place of 1 + w at the end', model: inHead(setConstant('Add', 1, [0])) },
    ],
  },
  {
    name: 'gemma3-capped',
    spelledAs4x: true,
    mutations: [
      { label: 'uncapped logits', config: { final_logit_softcapping: null } },
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'the embedding as head', config: { tie_word_embeddings: true } },
      { label: 'another activation', config: { hidden_activation: 'silu' } },
    ],
  },
]);

/** The text part of google/gemma-3-4b-it as its config.json says it. */
const SILENT_TEXT_PART = {
  model_type: 'gemma3_text',
  hidden_size: 2560,
  intermediate_size: 10240,
  num_hidden_layers: 34,
  rope_scaling: { factor: 8, rope_type: 'linear' },
  sliding_window: 1024,
};

/** A checkpoint that has tensors of the published shapes and no bytes. */
const publishedShapes = (): Checkpoint => {
  const shapes: Record<string, readonly number[]> = { 'model.embed_tokens.weight': [262208, 2560], 'model.norm.weight': [2560] };
  for (let block = 0; block < 34; block++) {
    const prefix = `model.layers.${block}`;
    const matrices = { q: [2048, 2560], k: [1024, 2560], v: [1024, 2560], o: [2560, 2048] };
    for (const [name, shape] of Object.entries(matrices)) shapes[`${prefix}.self_attn.${name}_proj.weight`] = shape;
    for (const name of ['q', 'k']) shapes[`${prefix}.self_attn.${name}_norm.weight`] = [256];
    for (const name of ['gate', 'up']) shapes[`${prefix}.mlp.${name}_proj.weight`] = [10240, 2560];
    shapes[`${prefix}.mlp.down_proj.weight`] = [2560, 10240];
    for (const name of ['input', 'post_attention', 'pre_feedforward', 'post_feedforward'])
      shapes[`${prefix}.${name}_layernorm.weight`] = [2560];
  }
  const located = (name: string, shape: readonly number[]): TensorLocation => ({
    ...{ name, shape, dtype: 'BF16', file: '/model/model.safetensors', offset: 0, length: 2 * shape.reduce((a, b) => a * b) },
  });
  const tensors = new Map(Object.entries(shapes).map(([name, shape]) => [name, located(name, shape)]));
  return { ...{ directory: '/model', configText: '', shards: [] }, config: SILENT_TEXT_PART, tensors };
};

t.test('a text part that says next to nothing takes the defaults of its configuration class', async (t) => {
  const model = openModel(publishedShapes());
  t.equal(model.vocabularySize, 262208);
  t.equal(model.maxPositions, 131072);
  const masked = (block: number, windowTokens: number): boolean => {
    const piece = model.block(block, { windowTokens, linear: 'stored', activations: false });
    let inputs = 0;
    changePiece(piece, (graph) => (inputs = nodesOf(graph, 'Attention')[0]!.input.filter((name) => name !== '').length));
    return inputs === 4;
  };
  t.strictSame(Array.from({ length: 12 }, (_, block) => masked(block, 1025)).map(Number), [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0]);
  t.notOk(masked(0, 1024), 'a window that holds all tokens needs no mask');
});

t.test('what is not computed is refused by name', async (t) => {
  const refuses = async (config: Record<string, unknown>, message: RegExp): Promise<void> => {
    const checkpoint = await openFixture('gemma3-capped', config);
    t.throws(() => openModel(checkpoint), { code: 'QL_MODEL_UNSUPPORTED', message });
  };
  await refuses({ use_bidirectional_attention: true }, /use_bidirectional_attention true.*\(false\)/);
  await refuses({ attn_logit_softcapping: 50 }, /attn_logit_softcapping 50; null/);
  await refuses({ sliding_window: null }, /sets no sliding_window/);
});
