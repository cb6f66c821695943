import t from 'tap';
import { readConfig } from '../../src/models/config-reader.js';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture } from './golden-run.js';
import { dropNodes, inBlocks, inEntry, inHead, setAttribute, setConstant } from './mutate-graph.js';

const otherEpsilon = (which?: number) => setAttribute('LayerNormalization', 'epsilon', { float: 1e-6 }, which);

modelFamilySuite(t, 'opt', [
  {
    name: 'opt-pre-norm',
    spelledAs4x: false,
    mutations: [
      { label: 'norms after the residual sums', config: { do_layer_norm_before: false } },
      { label: 'a missing final norm', config: { _remove_final_layer_norm: true } },
      { label: 'missing biases', config: { enable_bias: false } },
      { label: 'norms without weights', config: { layer_norm_elementwise_affine: false } },
      { label: 'GELU in the place of ReLU', config: { activation_function: 'gelu' } },
      { label: 'positions without their offset', model: inEntry(setConstant('Add', 1, [0], 0)) },
      { label: 'missing positions', model: inEntry(dropNodes('Add', 1)) },
      { label: 'unscaled queries', model: inBlocks(setAttribute('Attention', 'scale', { float: 1 })) },
      { label: 'attention to what comes later', model: inBlocks(setAttribute('Attention', 'is_causal', { int: 0 })) },
    ],
  },
  {
    name: 'opt-post-norm',
    spelledAs4x: false,
    mutations: [
      { label: 'missing norms', model: inBlocks(dropNodes('LayerNormalization')) },
      { label: 'a missing norm after attention', model: inBlocks(dropNodes('LayerNormalization', 0)) },
      { label: 'a missing norm after the feed-forward layer', model: inBlocks(dropNodes('LayerNormalization', 1)) },
    ],
  },
  {
    name: 'opt-bare',
    spelledAs4x: false,
    mutations: [
      { label: 'ReLU in the place of GELU', config: { activation_function: 'relu' } },
      { label: 'the tanh approximation of GELU', config: { activation_function: 'gelu_new' } },
    ],
  },
  {
    name: 'opt-quiet',
    spelledAs4x: false,
    mutations: [
      { label: 'the embedding as head', config: { tie_word_embeddings: true } },
      { label: 'another epsilon before attention', model: inBlocks(otherEpsilon(0)) },
      { label: 'another epsilon before the feed-forward layer', model: inBlocks(otherEpsilon(1)) },
      { label: 'another epsilon at the end', model: inHead(otherEpsilon()) },
    ],
  },
]);

t.test('projections around narrower embeddings stay in full precision', async (t) => {
  const model = openModel(await openFixture('opt-post-norm'));
  t.strictSame(model.unquantizedModules, ['lm_head', 'model.decoder.project_in', 'model.decoder.project_out']);
  t.strictSame(openModel(await openFixture('opt-pre-norm')).unquantizedModules, ['lm_head']);
});

t.test('what a configuration leaves out is what transformers takes', async (t) => {
  const { config, ...checkpoint } = await openFixture('opt-pre-norm');
  const kept = [
    'model_type',
    'hidden_size',
    'ffn_dim',
    'num_hidden_layers',
    'num_attention_heads',
    'vocab_size',
    'max_position_embeddings',
  ];
  const short = Object.fromEntries(Object.entries(config).filter(([key]) => kept.includes(key)));
  const model = openModel({ ...checkpoint, config: short });
  const whole = openModel({ ...checkpoint, config });
  const options = { windowTokens: 8, linear: 'stored', activations: false } as const;
  t.strictSame(model.block(0, options), whole.block(0, options));
  t.strictSame(model.head(), whole.head());
  t.ok(readConfig(config).has('enable_bias'), 'the whole configuration says more');
});

t.test('what is not computed is refused by name', async (t) => {
  const open = async (replace: Record<string, unknown>) => openModel(await openFixture('opt-pre-norm', replace));
  await t.rejects(open({ activation_function: 'mish' }), { code: 'QL_MODEL_UNSUPPORTED', message: /activation_function "mish".*relu/ });
  await t.rejects(open({ num_attention_heads: 5 }), { code: 'QL_MODEL_UNSUPPORTED', message: /24.*num_attention_heads 5/ });
  await t.rejects(open({ max_position_embeddings: 64 }), { code: 'QL_CONFIG', message: /embed_positions.*42.*66/ });
});
