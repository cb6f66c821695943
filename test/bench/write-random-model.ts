/**
 * Random checkpoints of the LLaMA family in any width and depth, for benchmarks.
 */
import { cp, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { DTYPE_BYTES, fromFloat32, random, type FloatDType, type RawTensor } from '../../src/foundation/index.js';
import { REPOSITORY } from './describe-machine.js';

const EMBEDDED = join(REPOSITORY, 'data/embedded');
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json'];
const SEED = 20241014;
/** Odd, so that rows of any width differ. */
const POOL_VALUES = (1 << 20) + 7;

/** Text in the words of the checkpoints' tokenizer. */
export const RANDOM_MODEL_TEXT = join(EMBEDDED, 'calibration.jsonl');

/** Sizes of a random checkpoint. */
export interface RandomModel {
  readonly blocks: number;
  readonly hidden: number;
  readonly ffn: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  /** Blocks that share a shard. */
  readonly blocksPerShard: number;
  /** Write headers only, over files of holes: enough for a plan, and no room on the disk. */
  readonly hollow?: boolean;
  /** Type of the stored values; bf16 unless told, and always where the file is hollow. */
  readonly dtype?: FloatDType;
}

type Tensors = Readonly<Record<string, RawTensor | HollowTensor>>;

/** A tensor without bytes. */
type HollowTensor = Omit<RawTensor, 'bytes'>;

/** Writes a safetensors file whose tensors are holes. */
const writeHollow = async (path: string, tensors: Tensors): Promise<void> => {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const begin = end;
    end += 2 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = await open(path, 'w');
  try {
    await file.write(Buffer.concat([length, text]));
    await file.truncate(8 + text.length + end);
  } finally {
    await file.close();
  }
};

/** Cuts tensors from one pool of random values, so that depth costs no time to draw; a norm's weights are 1. */
const tensorSource = (deviation: number, dtype: FloatDType) => {
  const stream = random(SEED);
  const pool = fromFloat32(
    Float32Array.from({ length: POOL_VALUES }, () => deviation * stream.normal()),
    dtype,
  );
  const size = DTYPE_BYTES[dtype];
  const noise = (...shape: readonly number[]): RawTensor => {
    const bytes = new Uint8Array(shape.reduce((product, length) => product * length, size));
    for (let done = 0, from = size * stream.below(pool.length / size); done < bytes.length; from = 0) {
      const part = pool.subarray(from, from + bytes.length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return { dtype, shape, bytes };
  };
  const ones = (length: number): RawTensor => ({ dtype, shape: [length], bytes: fromFloat32(new Float32Array(length).fill(1), dtype) });
  return { noise, ones };
};

const hollowSource = {
  noise: (...shape: readonly number[]): HollowTensor => ({ dtype: 'BF16', shape }),
  ones: (size: number): HollowTensor => ({ dtype: 'BF16', shape: [size] }),
};

const writeShards = async (directory: string, vocabulary: number, model: RandomModel): Promise<void> => {
  const { blocks, hidden, ffn, heads, keyValueHeads, blocksPerShard, hollow = false, dtype = 'BF16' } = model;
  const { noise, ones } = hollow ? hollowSource : tensorSource(0.5 / Math.sqrt(hidden), dtype);
  const weightMap: Record<string, string> = {};
  const shards = Math.ceil(blocks / blocksPerShard) + 1;
  const writeShard = async (index: number, tensors: Tensors): Promise<void> => {
    const padded = [index + 1, shards].map((n) => String(n).padStart(5, '0'));
    const file = `model-${padded[0]!}-of-${padded[1]!}.safetensors`;
    await (hollow
      ? writeHollow(join(directory, file), tensors)
      : writeSafetensors(join(directory, file), tensors as Readonly<Record<string, RawTensor>>));
    for (const name of Object.keys(tensors)) weightMap[name] = file;
  };
  const narrow = (hidden / heads) * keyValueHeads;
  await writeShard(0, { 'model.embed_tokens.weight': noise(vocabulary, hidden), 'model.norm.weight': ones(hidden) });
  for (let first = 0, shard = 1; first < blocks; first += blocksPerShard, shard++) {
    const tensors: Record<string, RawTensor | HollowTensor> = {};
    for (let block = first; block < Math.min(first + blocksPerShard, blocks); block++) {
      const prefix = `model.layers.${block}`;
      for (const name of ['q', 'o']) tensors[`${prefix}.self_attn.${name}_proj.weight`] = noise(hidden, hidden);
      for (const name of ['k', 'v']) tensors[`${prefix}.self_attn.${name}_proj.weight`] = noise(narrow, hidden);
      for (const name of ['gate', 'up']) tensors[`${prefix}.mlp.${name}_proj.weight`] = noise(ffn, hidden);
      tensors[`${prefix}.mlp.down_proj.weight`] = noise(hidden, ffn);
      for (const name of ['input', 'post_attention']) tensors[`${prefix}.${name}_layernorm.weight`] = ones(hidden);
    }
    await writeShard(shard, tensors);
  }
  await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
};

/** Writes a checkpoint of random weights; vocabulary, tokenizer and special tokens are the embedded model's. */
export const writeRandomModel = async (directory: string, model: RandomModel): Promise<void> => {
  const embedded = JSON.parse(await readFile(join(EMBEDDED, 'model/config.json'), 'utf8')) as { readonly vocab_size: number };
  await mkdir(directory, { recursive: true });
  await writeShards(directory, embedded.vocab_size, model);
  const config = {
    ...embedded,
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    dtype: { BF16: 'bfloat16', F16: 'float16', F32: 'float32' }[model.dtype ?? 'BF16'],
    hidden_size: model.hidden,
    intermediate_size: model.ffn,
    num_hidden_layers: model.blocks,
    num_attention_heads: model.heads,
    num_key_value_heads: model.keyValueHeads,
    head_dim: model.hidden / model.heads,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_parameters: { rope_type: 'default', rope_theta: 10000 },
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: true,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config, null, 2));
  for (const file of TOKENIZER_FILES) await cp(join(EMBEDDED, 'model', file), join(directory, file));
};
