import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';

const anotherBase = { label: 'another rotary base', config: { rope_parameters: { rope_type: 'default', rope_theta: 10000 } } };

modelFamilySuite(t, 'llama', [
  { name: 'llama-grouped-tied', spelledAs4x: true, mutations: [anotherBase] },
  {
    name: 'llama-biases',
    spelledAs4x: true,
    mutations: [
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'missing MLP biases', config: { mlp_bias: false } },
    ],
  },
  { name: 'llama-rope-linear', spelledAs4x: true, mutations: [anotherBase] },
  {
    name: 'llama-rope-dynamic',
    spelledAs4x: true,
    mutations: [
      anotherBase,
      { label: 'positions that reach as far as the window', config: { max_position_embeddings: 40 } },
      { label: 'another factor', config: { rope_parameters: { rope_type: 'dynamic', rope_theta: 1000, factor: 2 } } },
    ],
  },
  { name: 'llama-rope-llama3', spelledAs4x: true, mutations: [anotherBase] },
]);
