/**
 * Shows that the peak memory of `quailora init` does not grow with a model's depth: 4 blocks against 32 of the same width.
 *
 * usage: node dist/test/bench/flat-in-depth.js [--blocks 4,32] [--hidden 512] [--ffn 1408] [--tokens 8192] [--window 256] [--rank 32]
 *
 * The checkpoints are random bf16 weights in shards of eight blocks, with the embedded model's tokenizer and text. Peak memory is
 * the kernel's high-water mark of the process and its descendants, read from outside. Prints JSON, and ends with status 1
 * when the peaks differ by more than 5 % and by more than 32 MiB.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { RANDOM_MODEL_TEXT, writeRandomModel } from './write-random-model.js';

const HEAD_DIM = 64;
const ALLOWED_RELATIVE = 0.05;
const ALLOWED_BYTES = 32 << 20;

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
  const [hidden, ffn] = [Number(options.hidden), Number(options.ffn)];
  const width = { hidden, ffn, heads: hidden / HEAD_DIM, keyValueHeads: hidden / HEAD_DIM, blocksPerShard: 8 };
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const runs = [];
    for (const blocks of options.blocks.split(',').map(Number)) {
      const model = join(scratch, `model-${blocks}`);
      await writeRandomModel(model, { blocks, ...width });
      const where = [model, '--calibration', RANDOM_MODEL_TEXT, '--output', join(scratch, `out-${blocks}`)];
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
