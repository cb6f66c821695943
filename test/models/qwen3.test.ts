import t from 'tap';
import { modelFamilySuite } from '../contracts/model-family.js';
import { dropNodes, inBlocks, nodesOf, type DecodedGraph } from './mutate-graph.js';

/** Turns queries (0) or keys (1) before the norm over their heads in the place of after it. */
const turnFirst =
  (which: number) =>
  (graph: DecodedGraph): void => {
    const [turn] = nodesOf(graph, 'RotaryEmbedding', which) as [DecodedGraph['node'][number]];
    const [apart, joined] = nodesOf(graph, 'Reshape').slice(2 * which, 2 * which + 2) as [typeof turn, typeof turn];
    const [product, placed] = [apart.input[0]!, turn.output[0]!];
    turn.input[0] = product;
    turn.output[0] = apart.input[0] = `turned_${which}`;
    joined.output[0] = placed;
    graph.node.splice(graph.node.indexOf(turn), 1);
    graph.node.splice(graph.node.indexOf(apart), 0, turn);
  };

modelFamilySuite(t, 'qwen3', [
  {
    name: 'qwen3-wide-heads',
    spelledAs4x: true,
    mutations: [
      { label: 'another epsilon', config: { rms_norm_eps: 1e-6 } },
      { label: 'a missing norm of queries', model: inBlocks(dropNodes('RMSNormalization', 1)) },
      { label: 'a missing norm of keys', model: inBlocks(dropNodes('RMSNormalization', 2)) },
      { label: 'queries turned before their norm', model: inBlocks(turnFirst(0)) },
      { label: 'keys turned before their norm', model: inBlocks(turnFirst(1)) },
    ],
  },
  {
    name: 'qwen3-biases-window',
    spelledAs4x: true,
    mutations: [
      { label: 'missing attention biases', config: { attention_bias: false } },
      { label: 'a wider window', config: { sliding_window: 6 } },
      { label: 'a narrower window', config: { sliding_window: 4 } },
      { label: 'a window in every block', config: { layer_types: null, max_window_layers: 0 } },
      { label: 'no window', config: { layer_types: null, max_window_layers: 2 } },
    ],
  },
]);
