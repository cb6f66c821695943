import type { Checkpoint, TensorLocation } from '../checkpoint/index.js';
import type { Value } from '../graph/index.js';
import { alibiSlopes } from './alibi-slopes.js';
import { readConfig, type ConfigReader } from './config-reader.js';
import type { BlockGraphOptions, LinearLayer, ModelFamily, ModelPiece } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { PieceBuilder } from './piece-builder.js';
import { readBlockCount } from './read-block-count.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

const MODEL = 'transformer';

interface Shape {
  readonly hidden: number;
  readonly blocks: number;
  readonly heads: { readonly query: number; readonly keyValue: number; readonly size: number };
  readonly vocabulary: number;
  readonly epsilon: number;
  /** The residual is what the norm gives, in the place of what it takes. */
  readonly residualAfterNorm: boolean;
}

/** Reads a count under the name that Bloom writes or the one that transformers gives it as well. */
const countOf = (config: ConfigReader, own: string, common: string, fallback: number): number =>
  config.count(config.has(own) ? own : common, fallback);

const readShape = (checkpoint: Checkpoint, config: ConfigReader): Shape => {
  const hidden = countOf(config, 'n_embed', 'hidden_size', 64);
  const heads = countOf(config, 'n_head', 'num_attention_heads', 8);
  if (hidden % heads)
    throw new UnsupportedModelError(`config.json: a hidden size of ${hidden} is no multiple of ${heads} heads, as Bloom needs.`);
  const ranks = config.count('pretraining_tp', 1);
  if (config.flag('slow_but_exact', false) && ranks > 1)
    throw new UnsupportedModelError(
      `config.json asks for slow_but_exact with pretraining_tp ${ranks}, which slices the weights; quantized weights cannot be sliced. Set slow_but_exact to false.`,
    );
  return {
    hidden,
    blocks: readBlockCount(checkpoint, config, config.has('n_layer') ? 'n_layer' : 'num_hidden_layers', 2),
    heads: { query: heads, keyValue: heads, size: hidden / heads },
    vocabulary: config.count('vocab_size', 250880),
    epsilon: config.number('layer_norm_epsilon', 1e-5),
    residualAfterNorm: config.flag('apply_residual_connection_post_layernorm', false),
  };
};

const layersOf = (block: number, { hidden }: Shape): Record<'qkv' | 'dense' | 'up' | 'down', LinearLayer> => {
  const layer = (name: string, input: string, inFeatures: number, outFeatures: number): LinearLayer => ({
    ...{ module: `${MODEL}.h.${block}.${name}`, outFeatures, inFeatures, bias: true, input },
  });
  return {
    qkv: layer('self_attention.query_key_value', 'attention_input', hidden, 3 * hidden),
    dense: layer('self_attention.dense', 'attention_output', hidden, hidden),
    up: layer('mlp.dense_h_to_4h', 'mlp_input', hidden, 4 * hidden),
    down: layer('mlp.dense_4h_to_h', 'mlp_hidden', 4 * hidden, hidden),
  };
};

/** BLOOM and BLOOMZ. Reference: transformers' `models/bloom/modeling_bloom.py`. */
export const bloom: ModelFamily = {
  modelType: 'bloom',
  namePrefix: MODEL,
  open: (checkpoint) => {
    const config = readConfig(checkpoint.config);
    const shape = readShape(checkpoint, config);
    const { hidden } = shape;
    const embedding = expectTensor(checkpoint, `${MODEL}.word_embeddings.weight`, [shape.vocabulary, hidden]);
    const head = config.flag('tie_word_embeddings', true) ? embedding : expectTensor(checkpoint, 'lm_head.weight', embedding.shape);
    for (const norm of ['word_embeddings_layernorm', 'ln_f']) expectNorm(checkpoint, `${MODEL}.${norm}`, shape);
    for (let block = 0; block < shape.blocks; block++) expectBlock(checkpoint, block, shape);

    return {
      modelType: 'bloom',
      hiddenSize: hidden,
      vocabularySize: shape.vocabulary,
      blocks: shape.blocks,
      // ALiBi goes on beyond the trained length (`seq_length`), and so does transformers.
      maxPositions: Infinity,
      embedding,
      unquantizedModules: ['lm_head'],
      linears: (block) => Object.values(layersOf(block, shape)),
      inputs: () => [
        { name: 'attention_input', width: hidden },
        { name: 'attention_output', width: hidden },
        { name: 'mlp_input', width: hidden },
        { name: 'mlp_hidden', width: 4 * hidden },
      ],
      entry: () => buildEntry(checkpoint, shape),
      block: (block, options) => buildBlock(checkpoint, block, shape, options),
      head: () => buildHead(checkpoint, shape, head),
    };
  },
};

const expectNorm = (checkpoint: Checkpoint, module: string, { hidden }: Shape): void => {
  for (const part of ['weight', 'bias']) expectTensor(checkpoint, `${module}.${part}`, [hidden]);
};

const expectBlock = (checkpoint: Checkpoint, block: number, shape: Shape): void => {
  for (const norm of ['input_layernorm', 'post_attention_layernorm']) expectNorm(checkpoint, `${MODEL}.h.${block}.${norm}`, shape);
  for (const { module, outFeatures } of Object.values(layersOf(block, shape))) expectTensor(checkpoint, `${module}.bias`, [outFeatures]);
};

const normalize = (piece: PieceBuilder, x: Value, module: string, { epsilon }: Shape): Value =>
  piece.layerNorm(x, piece.weight(`${module}.weight`), piece.weight(`${module}.bias`), epsilon);

const buildEntry = (checkpoint: Checkpoint, shape: Shape): ModelPiece => {
  const piece = new PieceBuilder('entry of bloom', checkpoint);
  const dimensions = ['windows', 'tokens', shape.hidden];
  const rows = piece.graph.input('hidden', 'F32', dimensions);
  piece.graph.input('positions', 'I64', ['windows', 'tokens']);
  piece.graph.output(normalize(piece, rows, `${MODEL}.word_embeddings_layernorm`, shape), 'F32', dimensions, 'next');
  return piece.build();
};

const buildBlock = (checkpoint: Checkpoint, block: number, shape: Shape, options: BlockGraphOptions): ModelPiece => {
  const piece = new PieceBuilder(`block ${block} of bloom`, checkpoint);
  const { graph } = piece;
  const { qkv, dense, up, down } = layersOf(block, shape);
  const prefix = `${MODEL}.h.${block}`;

  const hidden = graph.input('hidden', 'F32', ['windows', 'tokens', shape.hidden]);
  const positions = graph.input('positions', 'I64', ['windows', 'tokens']);
  const attentionInput = piece.read(normalize(piece, hidden, `${prefix}.input_layernorm`, shape), qkv, options);
  const { query: heads, size } = shape.heads;
  const [query, key, value] = piece.splitHeads(piece.linear(attentionInput, qkv, options), heads, size);
  const attention = piece.attention(query, key, value, shape.heads, piece.alibi(positions, alibiSlopes(heads)));
  const attended = piece.linear(piece.read(attention, dense, options), dense, options);
  const middle = graph.node('Add', [shape.residualAfterNorm ? attentionInput : hidden, attended]);

  const mlpInput = piece.read(normalize(piece, middle, `${prefix}.post_attention_layernorm`, shape), up, options);
  const activated = piece.read(piece.activate(piece.linear(mlpInput, up, options), 'gelu_tanh'), down, options);
  const next = graph.node('Add', [shape.residualAfterNorm ? mlpInput : middle, piece.linear(activated, down, options)]);
  graph.output(next, 'F32', ['windows', 'tokens', shape.hidden], 'next');
  return piece.build();
};

const buildHead = (checkpoint: Checkpoint, shape: Shape, head: TensorLocation): ModelPiece => {
  const piece = new PieceBuilder('head of bloom', checkpoint);
  const hidden = piece.graph.input('hidden', 'F32', ['rows', shape.hidden]);
  const targets = piece.graph.input('targets', 'I64', ['rows', 1]);
  const normed = normalize(piece, hidden, `${MODEL}.ln_f`, shape);
  piece.graph.output(piece.logProbability(normed, piece.weight(head.name), targets), 'F32', ['rows', 1], 'logprob');
  return piece.build();
};
