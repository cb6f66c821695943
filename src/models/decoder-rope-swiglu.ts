import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import type { ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, CausalModel, LinearLayer, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { readHeads } from './read-heads.js';
import { readRotaryFrequencies, type RotaryFrequencies } from './rotary-tables.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What tells the families of this decoder apart. */
export interface RopeSwigluTraits {
  readonly modelType: string;
  /** Which layers have a bias: query, key and value together, the output of the attention, the feed-forward layer. */
  readonly biases: { readonly queryKeyValue: boolean; readonly output: boolean; readonly feedForward: boolean };
  /** RMSNorm over each head of queries and keys, before the rotation. */
  readonly headNorms: boolean;
  /** Tokens that a token of a block can look back on, itself included; undefined for all. */
  slidingWindow(block: number): number | undefined;
}

interface Shape {
  readonly hidden: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly rotary: RotaryFrequencies;
}

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  const hidden = config.count('hidden_size');
  const query = config.count('num_attention_heads');
  const size = config.count('head_dim', Math.floor(hidden / query));
  const activation = config.text('hidden_act', 'silu');
  if (activation !== 'silu') throw new UnsupportedModelError(`config.json asks for hidden_act "${activation}"; silu is supported.`);
  return {
    hidden,
    feedForward: config.count('intermediate_size'),
    blocks: readBlockCount(checkpoint, config),
    heads: readHeads(config, query, size),
    vocabulary: config.count('vocab_size'),
    epsilon: config.number('rms_norm_eps'),
    rotary: readRotaryFrequencies(config, size),
  };
};

type Layers = Readonly<Record<'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down', LinearLayer>>;

const layersOf = (block: number, { hidden, feedForward, heads }: Shape, { biases }: RopeSwigluTraits): Layers => {
  const layer = (name: string, bias: boolean, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `model.layers.${block}.${name}`, bias, input, inFeatures, outFeatures },
  });
  const attended = heads.query * heads.size;
  const shared = heads.keyValue * heads.size;
  return {
    q: layer('self_attn.q_proj', biases.queryKeyValue, 'attention_input', hidden, attended),
    k: layer('self_attn.k_proj', biases.queryKeyValue, 'attention_input', hidden, shared),
    v: layer('self_attn.v_proj', biases.queryKeyValue, 'attention_input', hidden, shared),
    o: layer('self_attn.o_proj', biases.output, 'attention_output', attended, hidden),
    gate: layer('mlp.gate_proj', biases.feedForward, 'mlp_input', hidden, feedForward),
    up: layer('mlp.up_proj', biases.feedForward, 'mlp_input', hidden, feedForward),
    down: layer('mlp.down_proj', biases.feedForward, 'mlp_hidden', feedForward, hidden),
  };
};

/**
 * Opens a decoder of pre-norm blocks with rotary attention and a SwiGLU feed-forward layer.
 *
 * Reference: transformers' `models/llama/modeling_llama.py`.
 *
 * @param config values of config.json over the defaults of the family's configuration class
 */
export const openRopeSwigluDecoder = (checkpoint: Checkpoint, config: ConfigReader, traits: RopeSwigluTraits): CausalModel => {
  const shape = readShape(checkpoint, config);
  const embedding = expectTensor(checkpoint, 'model.embed_tokens.weight', [shape.vocabulary, shape.hidden]);
  const head = config.flag('tie_word_embeddings', false) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
  expectTensor(checkpoint, 'model.norm.weight', [shape.hidden]);
  for (let block = 0; block < shape.blocks; block++) expectBlock(checkpoint, block, shape, traits);

  return {
    modelType: traits.modelType,
    hiddenSize: shape.hidden,
    vocabularySize: shape.vocabulary,
    blocks: shape.blocks,
    maxPositions: shape.rotary.maxPositions,
    embedding,
    unquantizedModules: ['lm_head'],
    entry: () => undefined,
    linears: (block) => Object.values(layersOf(block, shape, traits)),
    inputs: () => [
      { name: 'attention_input', width: shape.hidden },
      { name: 'attention_output', width: shape.heads.query * shape.heads.size },
      { name: 'mlp_input', width: shape.hidden },
      { name: 'mlp_hidden', width: shape.feedForward },
    ],
    block: (block, options) => buildBlock(checkpoint, block, shape, traits, options),
    head: () => buildHead(checkpoint, shape, head, traits),
  };
};

const expectBlock = (checkpoint: Checkpoint, block: number, shape: Shape, traits: RopeSwigluTraits): void => {
  const prefix = `model.layers.${block}`;
  for (const norm of ['input_layernorm', 'post_attention_layernorm']) expectTensor(checkpoint, `${prefix}.${norm}.weight`, [shape.hidden]);
  if (traits.headNorms)
    for (const norm of ['q_norm', 'k_norm']) expectTensor(checkpoint, `${prefix}.self_attn.${norm}.weight`, [shape.heads.size]);
  for (const { module, outFeatures, bias } of Object.values(layersOf(block, shape, traits)))
    if (bias) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
};

const buildBlock = (
  checkpoint: Checkpoint,
  block: number,
  shape: Shape,
  traits: RopeSwigluTraits,
  options: BlockGraphOptions,
): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of ${traits.modelType}`, checkpoint);
  const { graph } = piece;
  const { q, k, v, o, gate, up, down } = layersOf(block, shape, traits);
  const prefix = `model.layers.${block}`;

  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const place = (x: Value, norm: string, count: number): Value => {
    const weight = (): Value => piece.weight(`${prefix}.self_attn.${norm}.weight`);
    const normed = traits.headNorms ? piece.headNorm(x, weight(), { count, size: shape.heads.size }, shape.epsilon) : x;
    return piece.rotate(normed, count, positions, shape.rotary, options.windowTokens);
  };
  const mask = piece.windowMask(positions, traits.slidingWindow(block), options);

  const attentionInput = piece.read(piece.rmsNorm(hidden, piece.weight(`${prefix}.input_layernorm.weight`), shape.epsilon), q, options);
  const query = place(piece.linear(attentionInput, q, options), 'q_norm', shape.heads.query);
  const key = place(piece.linear(attentionInput, k, options), 'k_norm', shape.heads.keyValue);
  const value = piece.linear(attentionInput, v, options);
  const attended = piece.read(piece.attention(query, key, value, shape.heads, mask), o, options);
  const middle = graph.node('Add', [hidden, piece.linear(attended, o, options)]);

  const mlpInput = piece.read(
    piece.rmsNorm(middle, piece.weight(`${prefix}.post_attention_layernorm.weight`), shape.epsilon),
    gate,
    options,
  );
  const gated = graph.node('Mul', [piece.silu(piece.linear(mlpInput, gate, options)), piece.linear(mlpInput, up, options)]);
  const next = graph.node('Add', [middle, piece.linear(piece.read(gated, down, options), down, options)]);
  graph.output(next, 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: TensorLocation, traits: RopeSwigluTraits): ModelPiece => {
  const piece = new PieceBuilder(`head of ${traits.modelType}`, checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = piece.rmsNorm(hidden, piece.weight('model.norm.weight'), shape.epsilon);
  piece.graph.output(piece.logProbability(normed, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
