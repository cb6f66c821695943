import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture } from './golden-run.js';
import { dropNodes, inBlocks, inHead, setAttribute, splitInThirds } from './mutate-graph.js';

/** Rotary parameters as transformers 5 spells them. */
const rotary = (share: number, theta: number, others: Record<string, unknown> = { rope_type: 'default' }) => ({
  rope_parameters: { rope_theta: theta, partial_rotary_factor: share, ...others },
});

modelFamilySuite(t, 'gpt_neox', [
  {
    name: 'gpt_neox-parallel',
    spelledAs4x: true,
    mutations: [
      { label: 'a sequential residual', config: { use_parallel_residual: false } },
      { label: 'another epsilon', config: { layer_norm_eps: 1e-5 } },
      { label: 'heads rotated by a half', config: rotary(0.5, 100) },
      { label: 'another rotary base', config: rotary(0.25, 10000) },
      { label: 'neighbours rotated together', model: inBlocks(setAttribute('RotaryEmbedding', 'interleaved', { int: 1 })) },
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'the embedding as head', config: { tie_word_embeddings: true } },
      { label: 'the tanh approximation of GELU', config: { hidden_act: 'gelu_new' } },
      { label: 'a fused product laid out in thirds', model: inBlocks(splitInThirds(2, 16)) },
      { label: 'unscaled queries', model: inBlocks(setAttribute('Attention', 'scale', { float: 1 })) },
      { label: 'attention to what comes later', model: inBlocks(setAttribute('Attention', 'is_causal', { int: 0 })) },
      { label: 'a missing final norm', model: inHead(dropNodes('LayerNormalization')) },
    ],
  },
  {
    name: 'gpt_neox-sequential',
    spelledAs4x: true,
    mutations: [
      { label: 'a parallel residual', config: { use_parallel_residual: true } },
      { label: 'GELU by the error function', config: { hidden_act: 'gelu' } },
      { label: 'heads rotated by a half', config: rotary(0.5, 1000) },
    ],
  },
  {
    name: 'gpt_neox-no-bias',
    spelledAs4x: true,
    mutations: [{ label: 'unscaled rotation', config: rotary(0.5, 100) }],
  },
]);

t.test('the head is left alone under both of its names', async (t) => {
  const checkpoint = await openFixture('gpt_neox-parallel');
  t.strictSame(openModel(checkpoint).unquantizedModules, ['lm_head', 'embed_out']);
  const tensors = new Map(checkpoint.tensors);
  const head = tensors.get('embed_out.weight')!;
  tensors.delete('embed_out.weight');
  t.throws(() => openModel({ ...checkpoint, tensors }), { code: 'QL_CONFIG', message: /embed_out\.weight/ });
  tensors.set('lm_head.weight', { ...head, name: 'lm_head.weight' });
  t.ok(openModel({ ...checkpoint, tensors }).head());
});

t.test('rotary values that nothing names are those of transformers', async (t) => {
  const options = { windowTokens: 8, linear: 'stored', activations: false } as const;
  const block = async (replace: Record<string, unknown>) =>
    openModel(await openFixture('gpt_neox-parallel', { rope_parameters: null, ...replace })).block(0, options);
  t.strictSame(await block({}), await block({ rotary_pct: 0.25, rotary_emb_base: 10000 }));
  t.notSame(await block({}), await block({ rotary_emb_base: 100 }));
});

t.test('what is not computed is refused by name', async (t) => {
  const open = async (replace: Record<string, unknown>) => openModel(await openFixture('gpt_neox-no-bias', replace));
  await t.rejects(open(rotary(0.25, 100)), { code: 'QL_MODEL_UNSUPPORTED', message: /0\.25 of 12 features/ });
  await t.rejects(open(rotary(1.5, 100)), { code: 'QL_MODEL_UNSUPPORTED', message: /1\.5 of 12 features/ });
  await t.rejects(open({ num_attention_heads: 5 }), { code: 'QL_MODEL_UNSUPPORTED', message: /24.*num_attention_heads 5/ });
  await t.rejects(open({ hidden_act: 'mish' }), { code: 'QL_MODEL_UNSUPPORTED', message: /hidden_act "mish"/ });
});
