import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import type { ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, CausalModel, LinearLayer, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { locateMixture, mixExperts, type LocatedMixture, type MixtureTraits } from './expert-mixture.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { readHeads } from './read-heads.js';
import { readRotaryFrequencies, type RotaryFrequencies } from './rotary-tables.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** What tells the families of this decoder apart. */
export interface RopeExpertsTraits {
  readonly modelType: string;
  /** Bias on q, k, v and o. */
  readonly attentionBias: boolean;
  /** RMSNorm over each head of queries and keys, before the rotation. */
  readonly headNorms: boolean;
  /** Tokens a token can look back on, itself included; undefined for all. */
  readonly slidingWindow: number | undefined;
  /** The mixture of a block, or the width of its feed-forward layer where that is dense. */
  feedForward(block: number): MixtureTraits | number;
}

interface Shape {
  readonly hidden: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly epsilon: number;
  readonly rotary: RotaryFrequencies;
}

const readShape = (config: ConfigReader): Shape => {
  const activation = config.text('hidden_act', 'silu');
  if (activation !== 'silu') throw new UnsupportedModelError(`config.json asks for hidden_act "${activation}"; silu is supported.`);
  const hidden = config.count('hidden_size');
  const query = config.count('num_attention_heads');
  const size = config.count('head_dim', Math.floor(hidden / query));
  return {
    hidden,
    heads: readHeads(config, query, size),
    epsilon: config.number('rms_norm_eps'),
    rotary: readRotaryFrequencies(config, size),
  };
};

type Dense = Readonly<Record<'gate' | 'up' | 'down', LinearLayer>>;

/** The layers of one block. */
interface Block {
  readonly prefix: string;
  readonly attention: Readonly<Record<'q' | 'k' | 'v' | 'o', LinearLayer>>;
  readonly dense: Dense | undefined;
  readonly mixture: LocatedMixture | undefined;
}

const locateBlock = (checkpoint: Checkpoint, block: number, { hidden, heads }: Shape, traits: RopeExpertsTraits): Block => {
  const { attentionBias: bias } = traits;
  const prefix = `model.layers.${block}`;
  const layer = (name: string, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    module: `${prefix}.${name}`,
    outFeatures,
    inFeatures,
    bias: bias && name.startsWith('self_attn'),
    input,
  });
  const [attended, shared] = [heads.query * heads.size, heads.keyValue * heads.size];
  const attention = {
    q: layer('self_attn.q_proj', 'attention_input', hidden, attended),
    k: layer('self_attn.k_proj', 'attention_input', hidden, shared),
    v: layer('self_attn.v_proj', 'attention_input', hidden, shared),
    o: layer('self_attn.o_proj', 'attention_output', attended, hidden),
  };
  for (const norm of ['input_layernorm', 'post_attention_layernorm']) expectTensor(checkpoint, `${prefix}.${norm}.weight`, [hidden]);
  if (traits.headNorms)
    for (const norm of ['q_norm', 'k_norm']) expectTensor(checkpoint, `${prefix}.self_attn.${norm}.weight`, [heads.size]);
  if (bias) for (const { module, outFeatures } of Object.values(attention)) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
  const feedForward = traits.feedForward(block);
  if (typeof feedForward !== 'number')
    return { prefix, attention, dense: undefined, mixture: locateMixture(checkpoint, prefix, hidden, feedForward) };
  // peft 0.21 takes every target that ends in one of these names for experts, and leaves the layer itself out.
  const dense = {
    gate: { ...layer('mlp.gate_proj', 'mlp_input', hidden, feedForward), adaptable: false },
    up: { ...layer('mlp.up_proj', 'mlp_input', hidden, feedForward), adaptable: false },
    down: { ...layer('mlp.down_proj', 'mlp_hidden', feedForward, hidden), adaptable: false },
  };
  return { prefix, attention, dense, mixture: undefined };
};

/**
 * Opens a decoder of pre-norm blocks with rotary attention, whose feed-forward layers are mixtures of SwiGLU experts or dense.
 *
 * References: transformers' `models/mixtral/modeling_mixtral.py` and `models/qwen3_moe/modeling_qwen3_moe.py`.
 *
 * @param config values of config.json over the defaults of the family's configuration class
 */
export const openRopeExpertsDecoder = (checkpoint: Checkpoint, config: ConfigReader, traits: RopeExpertsTraits): CausalModel => {
  const shape = readShape(config);
  const { hidden, heads } = shape;
  const vocabulary = config.count('vocab_size');
  const embedding = expectTensor(checkpoint, 'model.embed_tokens.weight', [vocabulary, hidden]);
  const head = config.flag('tie_word_embeddings', false) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
  expectTensor(checkpoint, 'model.norm.weight', [hidden]);
  const count = readBlockCount(checkpoint, config);
  const blocks = Array.from({ length: count }, (_, block) => locateBlock(checkpoint, block, shape, traits));
  const mixtures = blocks.flatMap(({ mixture }) => mixture ?? []);
  return {
    modelType: traits.modelType,
    hiddenSize: hidden,
    vocabularySize: vocabulary,
    blocks: blocks.length,
    maxPositions: shape.rotary.maxPositions,
    embedding,
    // transformers 4 has linear layers below these names, 5 has none: neither shall quantize routers or experts.
    unquantizedModules: ['lm_head', ...mixtures.map(({ module }) => module)],
    entry: () => undefined,
    linears: (block) => [...Object.values(blocks[block]!.attention), ...Object.values(blocks[block]!.dense ?? {})],
    inputs: (block) => {
      const { dense } = blocks[block]!;
      return [
        { name: 'attention_input', width: hidden },
        { name: 'attention_output', width: heads.query * heads.size },
        ...(dense ? [dense.gate, dense.down].map(({ input, inFeatures }) => ({ name: input, width: inFeatures })) : []),
      ];
    },
    mixture: (block) => blocks[block]!.mixture,
    block: (block, options) => buildBlock(checkpoint, block, blocks[block]!, shape, traits, options),
    head: () => buildHead(checkpoint, head, shape, traits),
  };
};

const buildBlock = (
  checkpoint: Checkpoint,
  index: number,
  block: Block,
  shape: Shape,
  traits: RopeExpertsTraits,
  options: BlockGraphOptions,
): ModelPiece => {
  const piece = new PieceBuilder(`block ${index} of ${traits.modelType}`, checkpoint);
  const { graph } = piece;
  const { prefix, attention, dense, mixture } = block;
  const { q, k, v, o } = attention;
  const { hidden: hiddenSize, heads, epsilon, rotary } = shape;
  const read = (value: Value, layer: LinearLayer): Value => piece.read(value, layer, options);
  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', hiddenSize]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const place = (x: Value, norm: 'q_norm' | 'k_norm', count: number): Value => {
    const normed = traits.headNorms
      ? piece.headNorm(x, piece.weight(`${prefix}.self_attn.${norm}.weight`), { count, size: heads.size }, epsilon)
      : x;
    return piece.rotate(normed, count, positions, rotary, options.windowTokens);
  };
  const mask = piece.windowMask(positions, traits.slidingWindow, options);

  const attentionInput = read(piece.rmsNorm(hidden, piece.weight(`${prefix}.input_layernorm.weight`), epsilon), q);
  const query = place(piece.linear(attentionInput, q, options), 'q_norm', heads.query);
  const key = place(piece.linear(attentionInput, k, options), 'k_norm', heads.keyValue);
  const value = piece.linear(attentionInput, v, options);
  const attended = read(piece.attention(query, key, value, heads, mask), o);
  const middle = graph.node('Add', [hidden, piece.linear(attended, o, options)]);

  const normed = piece.rmsNorm(middle, piece.weight(`${prefix}.post_attention_layernorm.weight`), epsilon);
  const feedForward = ({ gate, up, down }: Dense): Value => {
    const x = read(normed, gate);
    const gated = graph.node('Mul', [piece.silu(piece.linear(x, gate, options)), piece.linear(x, up, options)]);
    return piece.linear(read(gated, down), down, options);
  };
  const next = graph.node('Add', [middle, mixture ? mixExperts(piece, normed, mixture, options) : feedForward(dense!)]);
  graph.output(next, 'F32', ['windows', 'tokens', hiddenSize], 'next');
  return piece.build();
};

const buildHead = (
  checkpoint: Checkpoint,
  head: TensorLocation,
  { hidden, epsilon }: Shape,
  { modelType }: RopeExpertsTraits,
): ModelPiece => {
  const piece = new PieceBuilder(`head of ${modelType}`, checkpoint);
  const rows = piece.graph.input('hidden', 'F32', ['rows', hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = piece.rmsNorm(rows, piece.weight('model.norm.weight'), epsilon);
  piece.graph.output(piece.logProbability(normed, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
