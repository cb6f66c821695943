import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';
import { dropNodes, inBlocks } from './mutate-graph.js';

/** Biases are the first three additions of a block. */
const biases = ['query', 'key', 'value'].map((name, i) => ({ label: `a missing ${name} bias`, model: inBlocks(dropNodes('Add', i)) }));

const yarn = { rope_type: 'yarn', rope_theta: 1000, factor: 4, beta_fast: 1.5, beta_slow: 0.1, original_max_position_embeddings: 64 };

modelFamilySuite(t, 'qwen2', [
  {
    name: 'qwen2-yarn-tied',
    spelledAs4x: true,
    mutations: [
      ...biases,
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
      { label: 'a missing scaling', config: { rope_parameters: { rope_type: 'default', rope_theta: 1000 } } },
      { label: 'a missing attention factor', config: { rope_parameters: { ...yarn, attention_factor: 1 } } },
      { label: 'another ramp', config: { rope_parameters: { ...yarn, beta_fast: null } } },
      { label: 'linear scaling', config: { rope_parameters: { ...yarn, rope_type: 'linear' } } },
    ],
  },
  {
    name: 'qwen2-upper-window',
    spelledAs4x: true,
    mutations: [
      ...biases,
      { label: 'a wider window', config: { sliding_window: 8 } },
      { label: 'a narrower window', config: { sliding_window: 6 } },
      { label: 'a window in every block', config: { layer_types: null, max_window_layers: 0 } },
      { label: 'a window in the last block only', config: { layer_types: null, max_window_layers: 2 } },
      { label: 'no window', config: { layer_types: null, use_sliding_window: false } },
      {
        label: 'windows elsewhere',
        config: { layer_types: ['sliding_attention', 'sliding_attention', 'full_attention'] },
      },
    ],
  },
]);
