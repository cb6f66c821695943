import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { readActivationFunction, type ActivationFunction } from './activation-function.js';
import { readConfig, type ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, LinearLayer, ModelFamily, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { readRotaryFrequencies, type RotaryFrequencies } from './rotary-tables.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

const MODEL = 'gpt_neox';

interface Shape {
  readonly hidden: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly activation: ActivationFunction;
  /** Biases on the two layers of attention; those of the feed-forward layer always have one. */
  readonly attentionBias: boolean;
  /** Attention and feed-forward layer read the same hidden states, and both are added to them. */
  readonly parallel: boolean;
  readonly rotary: RotaryFrequencies;
}

/** Features of a head that are rotated, the first ones. */
const rotatedFeatures = (config: ConfigReader, size: number): number => {
  const rope = config.section('rope_scaling') ?? config.section('rope_parameters');
  const share = rope?.has('partial_rotary_factor') ? rope.number('partial_rotary_factor') : config.number('rotary_pct', 0.25);
  const rotated = Math.floor(size * share);
  if (rotated < 2 || rotated > size || rotated % 2)
    throw new UnsupportedModelError(
      `config.json asks for ${share} of ${size} features a head to be rotated; an even number of them is needed.`,
    );
  return rotated;
};

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  const hidden = config.count('hidden_size', 6144);
  const heads = config.count('num_attention_heads', 64);
  if (hidden % heads)
    throw new UnsupportedModelError(
      `config.json: hidden_size ${hidden} is no multiple of num_attention_heads ${heads}, as GPT-NeoX needs.`,
    );
  const size = hidden / heads;
  return {
    hidden,
    feedForward: config.count('intermediate_size', 24576),
    blocks: readBlockCount(checkpoint, config, 'num_hidden_layers', 44),
    heads: { query: heads, keyValue: heads, size },
    vocabulary: config.count('vocab_size', 50432),
    epsilon: config.number('layer_norm_eps', 1e-5),
    activation: readActivationFunction(config, 'hidden_act', 'gelu'),
    attentionBias: config.flag('attention_bias', true),
    parallel: config.flag('use_parallel_residual', true),
    rotary: readRotaryFrequencies(config, rotatedFeatures(config, size)),
  };
};

const layersOf = (block: number, { hidden, feedForward, attentionBias }: Shape): Record<'qkv' | 'dense' | 'up' | 'down', LinearLayer> => {
  const layer = (name: string, bias: boolean, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `${MODEL}.layers.${block}.${name}`, outFeatures, inFeatures, bias, input },
  });
  return {
    qkv: layer('attention.query_key_value', attentionBias, 'attention_input', hidden, 3 * hidden),
    dense: layer('attention.dense', attentionBias, 'attention_output', hidden, hidden),
    up: layer('mlp.dense_h_to_4h', true, 'mlp_input', hidden, feedForward),
    down: layer('mlp.dense_4h_to_h', true, 'mlp_hidden', feedForward, hidden),
  };
};

/** The output embedding: files call it `embed_out`, modules of transformers 5 `lm_head`. */
const findHead = (checkpoint: Checkpoint, shape: readonly number[]): TensorLocation =>
  expectTensor(checkpoint, checkpoint.tensors.has('lm_head.weight') ? 'lm_head.weight' : 'embed_out.weight', shape);

/** GPT-NeoX and Pythia. Reference: transformers' `models/gpt_neox/modeling_gpt_neox.py`. */
export const gptNeox: ModelFamily = {
  modelType: 'gpt_neox',
  namePrefix: MODEL,
  open: (checkpoint) => {
    // Transformers 4 wrote the rotary base of this family under a name of its own.
    const { rotary_emb_base: base, ...others } = checkpoint.config;
    const config = readConfig({ ...others, rope_theta: base });
    const shape = readShape(checkpoint, config);
    const { hidden, feedForward } = shape;
    const embedding = expectTensor(checkpoint, `${MODEL}.embed_in.weight`, [shape.vocabulary, hidden]);
    const head = config.flag('tie_word_embeddings', false) ? embedding : findHead(checkpoint, embedding.shape);
    expectNorm(checkpoint, `${MODEL}.final_layer_norm`, shape);
    for (let block = 0; block < shape.blocks; block++) expectBlock(checkpoint, block, shape);

    return {
      modelType: 'gpt_neox',
      hiddenSize: hidden,
      vocabularySize: shape.vocabulary,
      blocks: shape.blocks,
      maxPositions: shape.rotary.maxPositions,
      embedding,
      // Named lm_head by transformers 5 and embed_out by transformers 4: neither may quantize it.
      unquantizedModules: ['lm_head', 'embed_out'],
      entry: () => undefined,
      linears: (block) => Object.values(layersOf(block, shape)),
      inputs: () => [
        { name: 'attention_input', width: hidden },
        { name: 'attention_output', width: hidden },
        { name: 'mlp_input', width: hidden },
        { name: 'mlp_hidden', width: feedForward },
      ],
      block: (block, options) => buildBlock(checkpoint, block, shape, options),
      head: () => buildHead(checkpoint, shape, head),
    };
  },
};

const expectNorm = (checkpoint: Checkpoint, module: string, { hidden }: Shape): void => {
  for (const part of ['weight', 'bias']) expectTensor(checkpoint, `${module}.${part}`, [hidden]);
};

const expectBlock = (checkpoint: Checkpoint, block: number, shape: Shape): void => {
  for (const norm of ['input_layernorm', 'post_attention_layernorm']) expectNorm(checkpoint, `${MODEL}.layers.${block}.${norm}`, shape);
  for (const { module, outFeatures, bias } of Object.values(layersOf(block, shape)))
    if (bias) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
};

const normalize = (piece: PieceBuilder, x: Value, module: string, { epsilon }: Shape): Value =>
  piece.layerNorm(x, piece.weight(`${module}.weight`), piece.weight(`${module}.bias`), epsilon);

const buildBlock = (checkpoint: Checkpoint, block: number, shape: Shape, options: BlockGraphOptions): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of gpt_neox`, checkpoint);
  const { graph } = piece;
  const { qkv, dense, up, down } = layersOf(block, shape);
  const prefix = `${MODEL}.layers.${block}`;

  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const { query: heads, size } = shape.heads;
  const rotate = (x: Value): Value => piece.rotate(x, heads, positions, shape.rotary, options.windowTokens);
  const attentionInput = piece.read(normalize(piece, hidden, `${prefix}.input_layernorm`, shape), qkv, options);
  const [query, key, value] = piece.splitHeads(piece.linear(attentionInput, qkv, options), heads, size);
  const attention = piece.attention(rotate(query), rotate(key), value, shape.heads);
  const middle = graph.node('Add', [hidden, piece.linear(piece.read(attention, dense, options), dense, options)]);

  const before = shape.parallel ? hidden : middle;
  const mlpInput = piece.read(normalize(piece, before, `${prefix}.post_attention_layernorm`, shape), up, options);
  const activated = piece.read(piece.activate(piece.linear(mlpInput, up, options), shape.activation), down, options);
  const next = graph.node('Add', [middle, piece.linear(activated, down, options)]);
  graph.output(next, 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: TensorLocation): ModelPiece => {
  const piece = new PieceBuilder('head of gpt_neox', checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = normalize(piece, hidden, `${MODEL}.final_layer_norm`, shape);
  piece.graph.output(piece.logProbability(normed, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
