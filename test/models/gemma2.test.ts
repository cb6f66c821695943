import t from 'tap';
import { openModel } from '../../src/models/index.js';
import { modelFamilySuite } from '../contracts/model-family.js';
import { openFixture } from './golden-run.js';
import { dropNodes, inBlocks, inHead, nodesOf, setAttribute, setConstant, withoutEntry, type DecodedGraph } from './mutate-graph.js';

const norms = ['before attention', 'after attention', 'before the feed-forward layer', 'after the feed-forward layer'];

/** Zero in the place of the one that is added to the weights of norms; other sums of a block read no constant. */
const forgetOne = (graph: DecodedGraph): void => {
  const constants = new Set(graph.initializer.map(({ name }) => name));
  nodesOf(graph, 'Add').forEach(({ input }, i) => {
    if (constants.has(input[1]!)) setConstant('Add', 1, [0], i)(graph);
  });
};

modelFamilySuite(t, 'gemma2', [
  {
    name: 'gemma2-capped',
    spelledAs4x: true,
    mutations: [
      { label: 'another rotary base', config: { rope_parameters: { rope_type: 'default', rope_theta: 10000 } } },
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
      { label: 'another scale of scores', config: { query_pre_attn_scalar: 10 } },
      { label: 'uncapped scores', config: { attn_logit_softcapping: null } },
      { label: 'another cap of scores', config: { attn_logit_softcapping: 3 } },
      { label: 'uncapped logits', config: { final_logit_softcapping: null } },
      { label: 'the caps of the defaults', config: { attn_logit_softcapping: 50, final_logit_softcapping: 30 } },
      { label: 'a wider window', config: { sliding_window: 8 } },
      { label: 'a narrower window', config: { sliding_window: 6 } },
      { label: 'odd blocks that slide', config: { layer_types: ['full_attention', 'sliding_attention', 'full_attention'] } },
      { label: 'a window in every block', config: { layer_types: Array(3).fill('sliding_attention') } },
      { label: 'another activation', config: { hidden_activation: 'silu' } },
      { label: 'unscaled embeddings', model: withoutEntry },
      { label: 'weights in the place of 1 + w in blocks', model: inBlocks(forgetOne) },
      { label: 'weights in the place of 1 + w at the end', model: inHead(setConstant('Add', 1, [0])) },
      ...norms.map((place, i) => ({ label: `a missing norm ${place}`, model: inBlocks(dropNodes('RMSNormalization', i)) })),
      { label: 'attention to what comes later', model: inBlocks(setAttribute('Attention', 'is_causal', { int: 0 })) },
    ],
  },
  {
    name: 'gemma2-bare',
    spelledAs4x: false,
    mutations: [
      { label: 'GELU by the error function', config: { hidden_activation: 'gelu' } },
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'the embedding as head', config: { tie_word_embeddings: true } },
      { label: 'missing scaling', config: { rope_parameters: { rope_type: 'default', rope_theta: 1000 } } },
      { label: 'the rule in the place of layer_types', config: { layer_types: null } },
    ],
  },
]);

t.test('what is not computed is refused by name', async (t) => {
  const refuses = async (config: Record<string, unknown>, message: RegExp): Promise<void> => {
    const checkpoint = await openFixture('gemma2-capped', config);
    t.throws(() => openModel(checkpoint), { code: 'QL_MODEL_UNSUPPORTED', message });
  };
  await refuses({ use_bidirectional_attention: true }, /use_bidirectional_attention true.*\(false\)/);
  await refuses({ hidden_activation: 'mish' }, /hidden_activation "mish"/);
  await refuses({ sliding_window: null }, /sets no sliding_window/);
});
