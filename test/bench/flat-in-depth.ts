/**
 * Shows that the peak memory of `quailora init` does not grow with a model's depth: 4 blocks against 32 of the same width.
 *
 * usage: node dist/test/bench/flat-in-depth.js [--blocks 4,32] [--hidden 512] [--ffn 1408] [--tokens 8192] [--window 256] [--rank 32]
 *
 * The checkpoints are random bf16 weights in shards of eight blocks, with the embedded model's tokenizer and text. Peak memory is
 * the kernel's high-water mark of the process and its descendants, read from outside. Prints JSON, and ends with status 1
 * when the peaks differ by more than 5 % and by more than 32 MiB.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeSafetensors } from '../../src/checkpoint/index.js';
import { fromFloat32, random, type RawTensor } from '../../src/foundation/index.js';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';

const EMBEDDED = join(REPOSITORY, 'data/embedded');
const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json'];
const SEED = 20241014;
const BLOCKS_A_SHARD = 8;
const HEAD_DIM = 64;
const ALLOWED_RELATIVE = 0.05;
const ALLOWED_BYTES = 32 << 20;

interface Width {
  readonly hidden: number;
  readonly ffn: number;
  readonly vocabulary: number;
}

/** Cuts tensors from one pool of random bf16 values, so that depth costs no time to draw; a norm's weights are 1. */
const tensorSource = (deviation: number) => {
  const stream = random(SEED);
  const pool = fromFloat32(
    Float32Array.from({ length: 1 << 20 }, () => deviation * stream.normal()),
    'BF16',
  );
  const noise = (...shape: readonly number[]): RawTensor => {
    const bytes = new Uint8Array(shape.reduce((product, size) => product * size, 2));
    for (let done = 0, from = 2 * stream.below(pool.length / 2); done < bytes.length; from = 0) {
      const part = pool.subarray(from, from + bytes.length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return { dtype: 'BF16', shape, bytes };
  };
  const ones = (size: number): RawTensor => ({ dtype: 'BF16', shape: [size], bytes: fromFloat32(new Float32Array(size).fill(1), 'BF16') });
  return { noise, ones };
};

const writeCheckpoint = async (directory: string, blocks: number, { hidden, ffn, vocabulary }: Width): Promise<void> => {
  const { noise, ones } = tensorSource(0.5 / Math.sqrt(hidden));
  const weightMap: Record<string, string> = {};
  const shards = Math.ceil(blocks / BLOCKS_A_SHARD) + 1;
  const writeShard = async (index: number, tensors: Readonly<Record<string, RawTensor>>): Promise<void> => {
    const padded = [index + 1, shards].map((n) => String(n).padStart(5, '0'));
    const file = `model-${padded[0]!}-of-${padded[1]!}.safetensors`;
    await writeSafetensors(join(directory, file), tensors);
    for (const name of Object.keys(tensors)) weightMap[name] = file;
  };
  await mkdir(directory, { recursive: true });
  await writeShard(0, { 'model.embed_tokens.weight': noise(vocabulary, hidden), 'model.norm.weight': ones(hidden) });
  for (let first = 0, shard = 1; first < blocks; first += BLOCKS_A_SHARD, shard++) {
    const tensors: Record<string, RawTensor> = {};
    for (let block = first; block < Math.min(first + BLOCKS_A_SHARD, blocks); block++) {
      const prefix = `model.layers.${block}`;
      for (const name of ['q', 'k', 'v', 'o']) tensors[`${prefix}.self_attn.${name}_proj.weight`] = noise(hidden, hidden);
      for (const name of ['gate', 'up']) tensors[`${prefix}.mlp.${name}_proj.weight`] = noise(ffn, hidden);
      tensors[`${prefix}.mlp.down_proj.weight`] = noise(hidden, ffn);
      for (const name of ['input', 'post_attention']) tensors[`${prefix}.${name}_layernorm.weight`] = ones(hidden);
    }
    await writeShard(shard, tensors);
  }
  await writeFile(join(directory, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }));
};

/** Writes config.json and the tokenizer; the vocabulary and special tokens are the embedded model's. */
const writeConfig = async (directory: string, blocks: number, { hidden, ffn, vocabulary }: Width, embedded: object): Promise<void> => {
  const config = {
    ...embedded,
    model_type: 'llama',
    architectures: ['LlamaForCausalLM'],
    dtype: 'bfloat16',
    hidden_size: hidden,
    intermediate_size: ffn,
    num_hidden_layers: blocks,
    num_attention_heads: hidden / HEAD_DIM,
    num_key_value_heads: hidden / HEAD_DIM,
    head_dim: HEAD_DIM,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_parameters: { rope_type: 'default', rope_theta: 10000 },
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: true,
    vocab_size: vocabulary,
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config, null, 2));
  for (const file of TOKENIZER_FILES) await cp(join(EMBEDDED, 'model', file), join(directory, file));
};

const readOptions = () =>
  parseArgs({
    options: {
      blocks: { type: 'string', default: '4,32' },
      hidden: { type: 'string', default: '512' },
      ffn: { type: 'string', default: '1408' },
      tokens: { type: 'string', default: '8192' },
      window: { type: 'string', default: '256' },
      rank: { type: 'string', default: '32' },
    },
  }).values;

const main = async (): Promise<boolean> => {
  const options = readOptions();
  const embedded = JSON.parse(await readFile(join(EMBEDDED, 'model/config.json'), 'utf8')) as { readonly vocab_size: number };
  const width = { hidden: Number(options.hidden), ffn: Number(options.ffn), vocabulary: embedded.vocab_size };
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const runs = [];
    for (const blocks of options.blocks.split(',').map(Number)) {
      const model = join(scratch, `model-${blocks}`);
      await writeCheckpoint(model, blocks, width);
      await writeConfig(model, blocks, width, embedded);
      const where = [model, '--calibration', join(EMBEDDED, 'calibration.jsonl'), '--output', join(scratch, `out-${blocks}`)];
      const how = ['--tokens', options.tokens, '--window', options.window, '--rank', options.rank, '--write-base', '--json'];
      const { seconds, cpuSeconds, peakRssBytes } = await measureProcess(
        process.execPath,
        [QUAILORA, 'init', ...where, ...how],
        REPOSITORY,
      );
      runs.push({ blocks, seconds, cpuSeconds, peakRssBytes });
      process.stderr.write(`${blocks} blocks: ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB, ${seconds.toFixed(1)} s\n`);
    }
    const peaks = runs.map((run) => run.peakRssBytes);
    const differenceBytes = Math.max(...peaks) - Math.min(...peaks);
    const differenceRelative = differenceBytes / Math.min(...peaks);
    const within = differenceRelative <= ALLOWED_RELATIVE || differenceBytes <= ALLOWED_BYTES;
    const result = {
      benchmark: 'flat-in-depth',
      ...(await describeMachine()),
      task: { ...options, ...width },
      runs,
      differenceBytes,
      differenceRelative,
      within,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return within;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
