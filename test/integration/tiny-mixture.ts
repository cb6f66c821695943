import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { fromFloat32, random, type RawTensor } from '../../src/foundation/index.js';

const TOKENIZER = fileURLToPath(new URL('../../../test/fixtures/tokenizer/llama-3/', import.meta.url));

const [HIDDEN, WIDE, KEYS, BLOCKS, EXPERTS, VOCABULARY] = [32, 64, 16, 2, 5, 520];

/** The expert of the first block that no token is routed to. */
export const IDLE_EXPERT = 2;

const CONFIG = {
  architectures: ['MixtralForCausalLM'],
  dtype: 'bfloat16',
  hidden_act: 'silu',
  hidden_size: HIDDEN,
  intermediate_size: WIDE,
  max_position_embeddings: 128,
  model_type: 'mixtral',
  num_attention_heads: 4,
  num_experts_per_tok: 2,
  num_hidden_layers: BLOCKS,
  num_key_value_heads: 2,
  num_local_experts: EXPERTS,
  rms_norm_eps: 1e-5,
  rope_parameters: { rope_theta: 10000, rope_type: 'default' },
  sliding_window: null,
  tie_word_embeddings: true,
  vocab_size: VOCABULARY,
};

/** Writes a random two-block mixtral in bf16 with a real tokenizer; its experts' w2 narrow, so that they get a G. */
export const writeTinyMixture = async (directory: string): Promise<void> => {
  const stream = random(5);
  const values = (count: number, scale: number, mean = 0): Float32Array =>
    Float32Array.from({ length: count }, () => mean + scale * stream.normal());
  const stored = (data: Float32Array, shape: readonly number[]): RawTensor => ({ dtype: 'BF16', shape, bytes: fromFloat32(data, 'BF16') });
  const draw = (rows: number, columns: number): RawTensor => stored(values(rows * columns, 1 / Math.sqrt(columns)), [rows, columns]);
  const norm = (): RawTensor => stored(values(HIDDEN, 0.1, 1), [HIDDEN]);
  const tensors: Record<string, RawTensor> = {
    'model.embed_tokens.weight': stored(values(VOCABULARY * HIDDEN, 1), [VOCABULARY, HIDDEN]),
    'model.norm.weight': norm(),
  };
  for (let block = 0; block < BLOCKS; block++) {
    const prefix = `model.layers.${block}`;
    tensors[`${prefix}.input_layernorm.weight`] = norm();
    tensors[`${prefix}.post_attention_layernorm.weight`] = norm();
    for (const [name, rows] of Object.entries({ q: HIDDEN, k: KEYS, v: KEYS, o: HIDDEN }))
      tensors[`${prefix}.self_attn.${name}_proj.weight`] = draw(rows, HIDDEN);
    const router = values(EXPERTS * HIDDEN, 1);
    // Its logit is 0, and of two pairs of opposites one each is larger.
    if (block === 0)
      for (let i = 0; i < HIDDEN; i++) {
        router[IDLE_EXPERT * HIDDEN + i] = 0;
        router[HIDDEN + i] = -router[i]!;
        router[4 * HIDDEN + i] = -router[3 * HIDDEN + i]!;
      }
    tensors[`${prefix}.block_sparse_moe.gate.weight`] = stored(router, [EXPERTS, HIDDEN]);
    for (let expert = 0; expert < EXPERTS; expert++)
      for (const [name, [rows, columns]] of Object.entries({ w1: [WIDE, HIDDEN], w2: [HIDDEN, WIDE], w3: [WIDE, HIDDEN] } as const))
        tensors[`${prefix}.block_sparse_moe.experts.${expert}.${name}.weight`] = draw(rows, columns);
  }
  await mkdir(directory, { recursive: true });
  await writeSafetensors(join(directory, 'model.safetensors'), tensors);
  await writeFile(join(directory, 'config.json'), `${JSON.stringify(CONFIG, null, 2)}\n`);
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(TOKENIZER, name), join(directory, name));
};
