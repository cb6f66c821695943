import type { Checkpoint } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { readActivationFunction, type ActivationFunction } from './activation-function.js';
import type { ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, CausalModel, LinearLayer, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { readHeads } from './read-heads.js';
import type { RotaryFrequencies } from './rotary-tables.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What tells the generations of Gemma apart. */
export interface GemmaTraits {
  readonly modelType: string;
  /** RMSNorm over each head of queries and keys, before the rotation. */
  readonly headNorms: boolean;
  /** Scores of the attention become softcap · tanh(scores / softcap); undefined for no cap. */
  readonly scoreSoftcap: number | undefined;
  /** Tokens that a token of a block can look back on, itself included; undefined for all. */
  slidingWindow(block: number): number | undefined;
  /** How the heads of a block turn. */
  rotary(block: number): RotaryFrequencies;
}

interface Shape {
  readonly hidden: number;
  readonly feedForward: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly attentionBias: boolean;
  readonly activation: ActivationFunction;
  /** What products of queries and keys are multiplied by. */
  readonly scoreScale: number;
  /** Logits become softcap · tanh(logits / softcap); undefined for no cap. */
  readonly logitSoftcap: number | undefined;
}

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  if (config.flag('use_bidirectional_attention', false))
    throw new UnsupportedModelError(
      'config.json asks for use_bidirectional_attention true, which makes an encoder; causal language models (false) are supported.',
    );
  return {
    hidden: config.count('hidden_size'),
    feedForward: config.count('intermediate_size'),
    blocks: readBlockCount(checkpoint, config),
    heads: readHeads(config, config.count('num_attention_heads'), config.count('head_dim')),
    vocabulary: config.count('vocab_size'),
    epsilon: config.number('rms_norm_eps'),
    attentionBias: config.flag('attention_bias', false),
    activation: readActivationFunction(config, 'hidden_activation', 'gelu_pytorch_tanh'),
    scoreScale: config.number('query_pre_attn_scalar') ** -0.5,
    logitSoftcap: config.has('final_logit_softcapping') ? config.number('final_logit_softcapping') : undefined,
  };
};

type Layers = Readonly<Record<'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down', LinearLayer>>;

const layersOf = (block: number, { hidden, feedForward, heads, attentionBias }: Shape): Layers => {
  const layer = (name: string, bias: boolean, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `model.layers.${block}.${name}`, bias, input, inFeatures, outFeatures },
  });
  const attended = heads.query * heads.size;
  const shared = heads.keyValue * heads.size;
  return {
    q: layer('self_attn.q_proj', attentionBias, 'attention_input', hidden, attended),
    k: layer('self_attn.k_proj', attentionBias, 'attention_input', hidden, shared),
    v: layer('self_attn.v_proj', attentionBias, 'attention_input', hidden, shared),
    o: layer('self_attn.o_proj', attentionBias, 'attention_output', attended, hidden),
    gate: layer('mlp.gate_proj', false, 'mlp_input', hidden, feedForward),
    up: layer('mlp.up_proj', false, 'mlp_input', hidden, feedForward),
    down: layer('mlp.down_proj', false, 'mlp_hidden', feedForward, hidden),
  };
};

/** Norms around the attention and the feed-forward layer of a block. */
const NORMS = ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm'] as const;

const expectBlock = (checkpoint: Checkpoint, block: number, shape: Shape, traits: GemmaTraits): void => {
  const prefix = `model.layers.${block}`;
  for (const norm of NORMS) expectTensor(checkpoint, `${prefix}.${norm}.weight`, [shape.hidden]);
  if (traits.headNorms)
    for (const norm of ['q_norm', 'k_norm']) expectTensor(checkpoint, `${prefix}.self_attn.${norm}.weight`, [shape.heads.size]);
  for (const { module, outFeatures, bias } of Object.values(layersOf(block, shape)))
    if (bias) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
};

/**
 * Opens a decoder of Gemma 2 or 3: norms that multiply by 1 + w before and after the attention and the feed-forward layer,
 * scaled embeddings, alternating local and global attention.
 *
 * Reference: transformers' `models/gemma2/modeling_gemma2.py`. All is float32, the scale of the embeddings too: √hidden is
 * not rounded to bfloat16 as transformers does where it runs the model in bfloat16.
 *
 * @param config values of config.json over the defaults of the family's configuration class
 */
export const openGemmaDecoder = (checkpoint: Checkpoint, config: ConfigReader, traits: GemmaTraits): CausalModel => {
  const shape = readShape(checkpoint, config);
  const { hidden, blocks } = shape;
  const embedding = expectTensor(checkpoint, 'model.embed_tokens.weight', [shape.vocabulary, hidden]);
  const head = config.flag('tie_word_embeddings', true) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
  expectTensor(checkpoint, 'model.norm.weight', [hidden]);
  for (let block = 0; block < blocks; block++) expectBlock(checkpoint, block, shape, traits);
  return {
    modelType: traits.modelType,
    hiddenSize: hidden,
    vocabularySize: shape.vocabulary,
    blocks,
    maxPositions: Array.from({ length: blocks }, (_, block) => traits.rotary(block).maxPositions).reduce((least, reach) =>
      Math.min(least, reach),
    ),
    embedding,
    unquantizedModules: ['lm_head'],
    linears: (block) => Object.values(layersOf(block, shape)),
    inputs: () => [
      { name: 'attention_input', width: hidden },
      { name: 'attention_output', width: shape.heads.query * shape.heads.size },
      { name: 'mlp_input', width: hidden },
      { name: 'mlp_hidden', width: shape.feedForward },
    ],
    entry: () => buildEntry(checkpoint, shape, traits),
    block: (block, options) => buildBlock(checkpoint, block, shape, traits, options),
    head: () => buildHead(checkpoint, shape, head.name, traits),
  };
};

const buildEntry = (checkpoint: Checkpoint, { hidden }: Shape, { modelType }: GemmaTraits): ModelPiece => {
  const piece = new PieceBuilder(`entry of ${modelType}`, checkpoint);
  const { graph } = piece;
  const rows = graph.input('hidden', 'F32', ['windows', 'tokens', hidden]);
  graph.input('positions', 'I64', ['windows', 'tokens']);
  const scaled = graph.node('Mul', [rows, graph.floats([Math.sqrt(hidden)], [])]);
  graph.output(scaled, 'F32', ['windows', 'tokens', hidden], 'next');
  return piece.build();
};

const buildBlock = (checkpoint: Checkpoint, block: number, shape: Shape, traits: GemmaTraits, options: BlockGraphOptions): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of ${traits.modelType}`, checkpoint);
  const { graph } = piece;
  const { q, k, v, o, gate, up, down } = layersOf(block, shape);
  const { heads, epsilon } = shape;
  const scale = (name: string): Value => piece.onePlus(piece.weight(`model.layers.${block}.${name}.weight`));
  const norm = (x: Value, name: (typeof NORMS)[number]): Value => piece.rmsNorm(x, scale(name), epsilon);
  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const place = (x: Value, name: string, count: number): Value => {
    const normed = traits.headNorms ? piece.headNorm(x, scale(`self_attn.${name}`), { count, size: heads.size }, epsilon) : x;
    return piece.rotate(normed, count, positions, traits.rotary(block), options.windowTokens);
  };

  const attentionInput = piece.read(norm(hidden, 'input_layernorm'), q, options);
  const query = place(piece.linear(attentionInput, q, options), 'q_norm', heads.query);
  const key = place(piece.linear(attentionInput, k, options), 'k_norm', heads.keyValue);
  const value = piece.linear(attentionInput, v, options);
  const mask = piece.windowMask(positions, traits.slidingWindow(block), options);
  const scores = { scale: shape.scoreScale, softcap: traits.scoreSoftcap };
  const attended = piece.read(piece.attention(query, key, value, heads, mask, scores), o, options);
  const middle = graph.node('Add', [hidden, norm(piece.linear(attended, o, options), 'post_attention_layernorm')]);

  const mlpInput = piece.read(norm(middle, 'pre_feedforward_layernorm'), gate, options);
  const opened = piece.activate(piece.linear(mlpInput, gate, options), shape.activation);
  const gated = piece.read(graph.node('Mul', [opened, piece.linear(mlpInput, up, options)]), down, options);
  const next = graph.node('Add', [middle, norm(piece.linear(gated, down, options), 'post_feedforward_layernorm')]);
  graph.output(next, 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: string, { modelType }: GemmaTraits): ModelPiece => {
  const piece = new PieceBuilder(`head of ${modelType}`, checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = piece.rmsNorm(hidden, piece.onePlus(piece.weight('model.norm.weight')), shape.epsilon);
  piece.graph.output(piece.logProbability(normed, piece.weight(head), targets, shape.logitSoftcap), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
