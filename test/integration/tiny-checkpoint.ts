import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { fromFloat32, random, type RawTensor } from '../../src/foundation/index.js';

const TOKENIZER = fileURLToPath(new URL('../../../test/fixtures/tokenizer/llama-3/', import.meta.url));

const [HIDDEN, WIDE, KEYS, BLOCKS, VOCABULARY] = [64, 96, 32, 2, 520];

/** Features of the checkpoint's linear layers, [out, in], by name. */
const LINEARS: Readonly<Record<string, readonly [number, number]>> = {
  'self_attn.q_proj': [HIDDEN, HIDDEN],
  'self_attn.k_proj': [KEYS, HIDDEN],
  'self_attn.v_proj': [KEYS, HIDDEN],
  'self_attn.o_proj': [HIDDEN, HIDDEN],
  'mlp.gate_proj': [WIDE, HIDDEN],
  'mlp.up_proj': [WIDE, HIDDEN],
  'mlp.down_proj': [HIDDEN, WIDE],
};

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  dtype: 'bfloat16',
  hidden_act: 'silu',
  hidden_size: HIDDEN,
  intermediate_size: WIDE,
  max_position_embeddings: 128,
  model_type: 'llama',
  num_attention_heads: 4,
  num_hidden_layers: BLOCKS,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_parameters: { rope_theta: 10000, rope_type: 'default' },
  tie_word_embeddings: true,
  vocab_size: VOCABULARY,
};

/** Writes a random two-block llama in bf16 with a real tokenizer; its down projections narrow, so that they get a G. */
export const writeTinyCheckpoint = async (directory: string, seed = 1): Promise<void> => {
  const stream = random(seed);
  const draw = (shape: readonly number[], scale: number, mean = 0): RawTensor => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + scale * stream.normal());
    return { dtype: 'BF16', shape, bytes: fromFloat32(values, 'BF16') };
  };
  const tensors: Record<string, RawTensor> = {
    'model.embed_tokens.weight': draw([VOCABULARY, HIDDEN], 1),
    'model.norm.weight': draw([HIDDEN], 0.1, 1),
  };
  for (let block = 0; block < BLOCKS; block++) {
    for (const norm of ['input_layernorm', 'post_attention_layernorm'])
      tensors[`model.layers.${block}.${norm}.weight`] = draw([HIDDEN], 0.1, 1);
    for (const [name, shape] of Object.entries(LINEARS))
      tensors[`model.layers.${block}.${name}.weight`] = draw(shape, 1 / Math.sqrt(shape[1]));
  }
  await mkdir(directory, { recursive: true });
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  await writeFile(join(directory, 'config.json'), `${JSON.stringify(CONFIG, null, 2)}\n`);
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(TOKENIZER, name), join(directory, name));
};

/** Writes lines of random words over a small vocabulary, as a .txt file. */
export const writeTinyText = async (path: string, seed = 1): Promise<void> => {
  const stream = random(seed);
  const word = (): string => String.fromCharCode(...Array.from({ length: 2 + stream.below(5) }, () => 97 + stream.below(26)));
  const words = Array.from({ length: 200 }, word);
  const lines = Array.from({ length: 120 }, () => Array.from({ length: 8 }, () => words[stream.below(200)]!).join(' '));
  await writeFile(path, lines.join('\n'));
};
