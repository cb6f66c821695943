import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';
import { inBlocks, nodesOf, type DecodedGraph } from './mutate-graph.js';

/** Swaps the last two parts of a fused product: key and value (0), or gate and up (1). */
const swapParts =
  (which: number) =>
  (graph: DecodedGraph): void => {
    for (const { output } of nodesOf(graph, 'Split', which)) output.push(...output.splice(-2).reverse());
  };

const longrope = { rope_type: 'longrope', rope_theta: 1000, short_factor: [1, 1.3, 1.7, 2.2], long_factor: [1.5, 2.5, 4, 9] };

modelFamilySuite(t, 'phi3', [
  {
    name: 'phi3-partial-tied',
    spelledAs4x: true,
    mutations: [
      { label: 'another epsilon', config: { rms_norm_eps: 1e-5 } },
      { label: 'whole heads that turn', config: { rope_parameters: { rope_type: 'default', rope_theta: 1000 } } },
      {
        label: 'a third of the heads turning',
        config: { rope_parameters: { rope_type: 'default', rope_theta: 1000, partial_rotary_factor: 0.34 } },
      },
      { label: 'values before keys', model: inBlocks(swapParts(0)) },
      { label: 'up before gate', model: inBlocks(swapParts(1)) },
    ],
  },
  {
    name: 'phi3-longrope-short',
    spelledAs4x: true,
    mutations: [
      { label: 'the long factors', config: { original_max_position_embeddings: 23 } },
      { label: 'no scaling', config: { rope_parameters: { rope_type: 'default', rope_theta: 1000 } } },
      { label: 'a missing attention factor', config: { rope_parameters: { ...longrope, attention_factor: 1 } } },
    ],
  },
  {
    name: 'phi3-longrope-long-sliding',
    spelledAs4x: true,
    mutations: [
      { label: 'the short factors', config: { original_max_position_embeddings: 25 } },
      { label: 'a missing window', config: { sliding_window: null } },
      { label: 'a wider window', config: { sliding_window: 10 } },
    ],
  },
]);
