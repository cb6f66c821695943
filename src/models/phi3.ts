import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { readConfig, type ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, CausalModel, LinearLayer, ModelFamily, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { readHeads } from './read-heads.js';
import { readRotaryFrequencies, type RotaryFrequencies } from './rotary-tables.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What `Phi3Config` takes where config.json is silent. */
const DEFAULTS = {
  vocab_size: 32064,
  hidden_size: 3072,
  intermediate_size: 8192,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 4096,
  original_max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
};

/** Earlier names of `longrope`; Phi-3's `yarn` never was YaRN. */
const ALIASES = new Map([
  ['su', 'longrope'],
  ['yarn', 'longrope'],
]);

interface Shape {
  readonly hidden: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly rotary: RotaryFrequencies;
  readonly slidingWindow: number | undefined;
}

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  const activation = config.text('hidden_act', 'silu');
  if (activation !== 'silu') throw new UnsupportedModelError(`config.json asks for hidden_act "${activation}"; silu is supported.`);
  const hidden = config.count('hidden_size');
  const query = config.count('num_attention_heads');
  const size = config.count('head_dim', Math.floor(hidden / query));
  const scaling = config.section('rope_scaling') ?? config.section('rope_parameters');
  const turning = config.number('partial_rotary_factor', 1);
  const rotated = Math.trunc(size * (scaling?.number('partial_rotary_factor', turning) ?? turning));
  return {
    hidden,
    feedForward: config.count('intermediate_size'),
    blocks: readBlockCount(checkpoint, config),
    heads: readHeads(config, query, size),
    vocabulary: config.count('vocab_size'),
    epsilon: config.number('rms_norm_eps'),
    rotary: readRotaryFrequencies(config, rotated, { aliases: ALIASES }),
    slidingWindow: config.has('sliding_window') ? config.count('sliding_window') : undefined,
  };
};

/** Widths of queries, keys and values in the fused projection. */
const fusedWidths = ({ heads }: Shape): number[] => [heads.query, heads.keyValue, heads.keyValue].map((count) => count * heads.size);

const layersOf = (block: number, shape: Shape): Readonly<Record<'qkv' | 'o' | 'gateUp' | 'down', LinearLayer>> => {
  const { hidden, feedForward, heads } = shape;
  const layer = (name: string, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `model.layers.${block}.${name}`, bias: false, input, inFeatures, outFeatures },
  });
  const attended = heads.query * heads.size;
  const fused = fusedWidths(shape).reduce((sum, width) => sum + width);
  return {
    qkv: layer('self_attn.qkv_proj', 'attention_input', hidden, fused),
    o: layer('self_attn.o_proj', 'attention_output', attended, hidden),
    gateUp: layer('mlp.gate_up_proj', 'mlp_input', hidden, 2 * feedForward),
    down: layer('mlp.down_proj', 'mlp_hidden', feedForward, hidden),
  };
};

const buildBlock = (checkpoint: Checkpoint, block: number, shape: Shape, options: BlockGraphOptions): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of phi3`, checkpoint);
  const { graph } = piece;
  const { qkv, o, gateUp, down } = layersOf(block, shape);
  const { heads, rotary, feedForward } = shape;
  const norm = (x: Value, name: string): Value => piece.rmsNorm(x, piece.weight(`model.layers.${block}.${name}.weight`), shape.epsilon);
  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);

  const attentionInput = piece.read(norm(hidden, 'input_layernorm'), qkv, options);
  const [query, key, value] = piece.split(piece.linear(attentionInput, qkv, options), fusedWidths(shape)) as [Value, Value, Value];
  const turnedQuery = piece.rotate(query, heads.query, positions, rotary, options.windowTokens);
  const turnedKey = piece.rotate(key, heads.keyValue, positions, rotary, options.windowTokens);
  const mask = piece.windowMask(positions, shape.slidingWindow, options);
  const attended = piece.read(piece.attention(turnedQuery, turnedKey, value, heads, mask), o, options);
  const middle = graph.node('Add', [hidden, piece.linear(attended, o, options)]);

  const mlpInput = piece.read(norm(middle, 'post_attention_layernorm'), gateUp, options);
  const [gate, up] = piece.split(piece.linear(mlpInput, gateUp, options), [feedForward, feedForward]) as [Value, Value];
  const gated = piece.read(graph.node('Mul', [piece.silu(gate), up]), down, options);
  graph.output(graph.node('Add', [middle, piece.linear(gated, down, options)]), 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: TensorLocation): ModelPiece => {
  const piece = new PieceBuilder('head of phi3', checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = piece.rmsNorm(hidden, piece.weight('model.norm.weight'), shape.epsilon);
  piece.graph.output(piece.logProbability(normed, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};

/**
 * Phi-3, Phi-3.5 and Phi-4 (mini): one matrix for queries, keys and values and one for gate and up, heads that turn in part.
 *
 * Reference: transformers' `models/phi3/modeling_phi3.py`.
 */
export const phi3: ModelFamily = {
  modelType: 'phi3',
  namePrefix: 'model',
  open: (checkpoint): CausalModel => {
    const config = readConfig({ ...DEFAULTS, ...checkpoint.config });
    const shape = readShape(checkpoint, config);
    const { hidden, blocks, vocabulary, heads } = shape;
    const embedding = expectTensor(checkpoint, 'model.embed_tokens.weight', [vocabulary, hidden]);
    const head = config.flag('tie_word_embeddings', false) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
    const norms = Array.from({ length: blocks }, (_, block) =>
      ['input_layernorm', 'post_attention_layernorm'].map((name) => `layers.${block}.${name}`),
    );
    for (const name of ['norm', ...norms.flat()]) expectTensor(checkpoint, `model.${name}.weight`, [hidden]);
    return {
      modelType: 'phi3',
      hiddenSize: hidden,
      vocabularySize: vocabulary,
      blocks,
      maxPositions: shape.rotary.maxPositions,
      embedding,
      unquantizedModules: ['lm_head'],
      entry: () => undefined,
      linears: (block) => Object.values(layersOf(block, shape)),
      inputs: () => [
        { name: 'attention_input', width: hidden },
        { name: 'attention_output', width: heads.query * heads.size },
        { name: 'mlp_input', width: hidden },
        { name: 'mlp_hidden', width: shape.feedForward },
      ],
      block: (block, options) => buildBlock(checkpoint, block, shape, options),
      head: () => buildHead(checkpoint, shape, head),
    };
  },
};
