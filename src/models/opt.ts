import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { readActivationFunction, type ActivationFunction } from './activation-function.js';
import { readConfig, type ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, LinearLayer, ModelFamily, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

const DECODER = 'model.decoder';

/** Rows of the position table that no position uses: position 0 is row 2. */
const POSITION_OFFSET = 2;

/** torch's default; the configuration has no key for it. */
const EPSILON = 1e-5;

interface Shape {
  readonly hidden: number;
  /** Width of the embedding table; projections lead to `hidden` and back where they differ. */
  readonly embedded: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly positions: number;
  readonly activation: ActivationFunction;
  /** Biases on the linear layers of the blocks. */
  readonly bias: boolean;
  /** Weights and biases on the norms. */
  readonly affine: boolean;
  /** Norms before attention and feed-forward layer; after the residual sums otherwise. */
  readonly preNorm: boolean;
  readonly finalNorm: boolean;
}

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  const hidden = config.count('hidden_size', 768);
  const heads = config.count('num_attention_heads', 12);
  if (hidden % heads)
    throw new UnsupportedModelError(`config.json: hidden_size ${hidden} is no multiple of num_attention_heads ${heads}, as OPT needs.`);
  const preNorm = config.flag('do_layer_norm_before', true);
  return {
    hidden,
    embedded: config.count('word_embed_proj_dim', hidden),
    feedForward: config.count('ffn_dim', 3072),
    blocks: readBlockCount(checkpoint, config, 'num_hidden_layers', 12),
    heads: { query: heads, keyValue: heads, size: hidden / heads },
    vocabulary: config.count('vocab_size', 50272),
    positions: config.count('max_position_embeddings', 2048),
    activation: readActivationFunction(config, 'activation_function', 'relu'),
    bias: config.flag('enable_bias', true),
    affine: config.flag('layer_norm_elementwise_affine', true),
    preNorm,
    finalNorm: preNorm && !config.flag('_remove_final_layer_norm', false),
  };
};

const layersOf = (block: number, { hidden, feedForward, bias }: Shape): Record<'q' | 'k' | 'v' | 'out' | 'fc1' | 'fc2', LinearLayer> => {
  const layer = (name: string, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `${DECODER}.layers.${block}.${name}`, outFeatures, inFeatures, bias, input },
  });
  return {
    q: layer('self_attn.q_proj', 'attention_input', hidden, hidden),
    k: layer('self_attn.k_proj', 'attention_input', hidden, hidden),
    v: layer('self_attn.v_proj', 'attention_input', hidden, hidden),
    out: layer('self_attn.out_proj', 'attention_output', hidden, hidden),
    fc1: layer('fc1', 'mlp_input', hidden, feedForward),
    fc2: layer('fc2', 'mlp_hidden', feedForward, hidden),
  };
};

/** OPT and what is saved as `opt` (Galactica). Reference: transformers' `models/opt/modeling_opt.py`. */
export const opt: ModelFamily = {
  modelType: 'opt',
  namePrefix: 'model',
  open: (checkpoint) => {
    const config = readConfig(checkpoint.config);
    const shape = readShape(checkpoint, config);
    const { hidden, feedForward, embedded } = shape;
    const projected = embedded !== hidden;
    const embedding = expectTensor(checkpoint, `${DECODER}.embed_tokens.weight`, [shape.vocabulary, embedded]);
    const head = config.flag('tie_word_embeddings', true) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
    expectTensor(checkpoint, `${DECODER}.embed_positions.weight`, [shape.positions + POSITION_OFFSET, hidden]);
    if (projected) {
      expectTensor(checkpoint, `${DECODER}.project_in.weight`, [hidden, embedded]);
      expectTensor(checkpoint, `${DECODER}.project_out.weight`, [embedded, hidden]);
    }
    if (shape.finalNorm) expectNorm(checkpoint, `${DECODER}.final_layer_norm`, shape);
    for (let block = 0; block < shape.blocks; block++) expectBlock(checkpoint, block, shape);

    return {
      modelType: 'opt',
      hiddenSize: hidden,
      vocabularySize: shape.vocabulary,
      blocks: shape.blocks,
      maxPositions: shape.positions,
      embedding,
      unquantizedModules: ['lm_head', ...(projected ? [`${DECODER}.project_in`, `${DECODER}.project_out`] : [])],
      linears: (block) => Object.values(layersOf(block, shape)),
      inputs: () => [
        { name: 'attention_input', width: hidden },
        { name: 'attention_output', width: hidden },
        { name: 'mlp_input', width: hidden },
        { name: 'mlp_hidden', width: feedForward },
      ],
      entry: () => buildEntry(checkpoint, shape),
      block: (block, options) => buildBlock(checkpoint, block, shape, options),
      head: () => buildHead(checkpoint, shape, head),
    };
  },
};

const expectNorm = (checkpoint: Checkpoint, module: string, { affine, hidden }: Shape): void => {
  if (affine) for (const part of ['weight', 'bias']) expectTensor(checkpoint, `${module}.${part}`, [hidden]);
};

const expectBlock = (checkpoint: Checkpoint, block: number, shape: Shape): void => {
  for (const norm of ['self_attn_layer_norm', 'final_layer_norm']) expectNorm(checkpoint, `${DECODER}.layers.${block}.${norm}`, shape);
  for (const { module, outFeatures, bias } of Object.values(layersOf(block, shape)))
    if (bias) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
};

const normalize = (piece: PieceBuilder, x: Value, module: string, { affine, hidden }: Shape): Value =>
  affine
    ? piece.layerNorm(x, piece.weight(`${module}.weight`), piece.weight(`${module}.bias`), EPSILON)
    : piece.layerNorm(x, piece.graph.floats(new Float32Array(hidden).fill(1), [hidden]), undefined, EPSILON);

const buildEntry = (checkpoint: Checkpoint, { hidden, embedded }: Shape): ModelPiece => {
  const piece = new PieceBuilder('entry of opt', checkpoint);
  const { graph } = piece;
  const rows = graph.input('hidden', 'F32', ['windows', 'tokens', embedded]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const tokens = embedded === hidden ? rows : piece.timesTransposed(rows, piece.weight(`${DECODER}.project_in.weight`));
  const shifted = graph.node('Add', [positions, graph.integers([POSITION_OFFSET], [])]);
  const first = graph.node('Add', [tokens, piece.lookUp(`${DECODER}.embed_positions.weight`, shifted)]);
  graph.output(first, 'F32', ['windows', 'tokens', hidden], 'next');
  return piece.build();
};

const buildBlock = (checkpoint: Checkpoint, block: number, shape: Shape, options: BlockGraphOptions): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of opt`, checkpoint);
  const { graph } = piece;
  const { q, k, v, out, fc1, fc2 } = layersOf(block, shape);
  const prefix = `${DECODER}.layers.${block}`;
  const normBefore = (x: Value, name: string): Value => (shape.preNorm ? normalize(piece, x, `${prefix}.${name}`, shape) : x);
  const normAfter = (x: Value, name: string): Value => (shape.preNorm ? x : normalize(piece, x, `${prefix}.${name}`, shape));

  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  graph.input('positions', 'I64', ['windows', 'tokens']);
  const attentionInput = piece.read(normBefore(hidden, 'self_attn_layer_norm'), q, options);
  const [query, key, value] = [q, k, v].map((layer) => piece.linear(attentionInput, layer, options)) as [Value, Value, Value];
  const attended = piece.read(piece.attention(query, key, value, shape.heads), out, options);
  const attentionSum = graph.node('Add', [hidden, piece.linear(attended, out, options)]);
  const middle = normAfter(attentionSum, 'self_attn_layer_norm');

  const mlpInput = piece.read(normBefore(middle, 'final_layer_norm'), fc1, options);
  const activated = piece.read(piece.activate(piece.linear(mlpInput, fc1, options), shape.activation), fc2, options);
  const mlpSum = graph.node('Add', [middle, piece.linear(activated, fc2, options)]);
  graph.output(normAfter(mlpSum, 'final_layer_norm'), 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: TensorLocation): ModelPiece => {
  const piece = new PieceBuilder('head of opt', checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = shape.finalNorm ? normalize(piece, hidden, `${DECODER}.final_layer_norm`, shape) : hidden;
  const projected = shape.embedded === shape.hidden ? normed : piece.timesTransposed(normed, piece.weight(`${DECODER}.project_out.weight`));
  piece.graph.output(piece.logProbability(projected, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
