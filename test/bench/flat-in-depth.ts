/**
 * Shows that neither the peak memory of `quailora init` nor the time of a block grows with a model's depth.
 *
 * usage: node dist/test/bench/flat-in-depth.js [--blocks 4,16,64] [--rounds 3] [--hidden 512] [--ffn 1408] [--tokens 8192] [--window 256] [--rank 32]
 *
 * The checkpoints are random bf16 weights in shards of eight blocks, with the embedded model's tokenizer and text. Depths take
 * turns, and medians are compared. Peak memory is the kernel's high-water mark of the process and its descendants, read from
 * outside; the time of a block is what it adds, (seconds − seconds of the fewest blocks) / (blocks − the fewest), against that
 * between the two shallowest. Prints JSON, and ends with status 1 when peaks differ by more than 5 % and by more than 32 MiB,
 * or times of a block by more than 20 %.
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
const ALLOWED_SECONDS_RELATIVE = 0.2;

const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

const readOptions = () =>
  parseArgs({
    options: {
      blocks: { type: 'string', default: '4,16,64' },
      rounds: { type: 'string', default: '3' },
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
    const depths = options.blocks.split(',').map(Number);
    for (const blocks of depths) await writeRandomModel(join(scratch, `model-${blocks}`), { blocks, ...width });
    const runs: { readonly blocks: number; readonly seconds: number; readonly cpuSeconds: number; readonly peakRssBytes: number }[] = [];
    for (let round = 0; round < Number(options.rounds); round++)
      for (const blocks of depths) {
        const output = join(scratch, `out-${blocks}`);
        const where = [join(scratch, `model-${blocks}`), '--calibration', RANDOM_MODEL_TEXT, '--output', output];
        const how = ['--tokens', options.tokens, '--window', options.window, '--rank', options.rank, '--write-base', '--json'];
        const { seconds, cpuSeconds, peakRssBytes } = await measureProcess(
          process.execPath,
          [QUAILORA, 'init', ...where, ...how],
          REPOSITORY,
        );
        await rm(output, { recursive: true });
        runs.push({ blocks, seconds, cpuSeconds, peakRssBytes });
        process.stderr.write(`${blocks} blocks: ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB, ${seconds.toFixed(1)} s\n`);
      }
    const medians = depths.map((blocks) => {
      const same = runs.filter((run) => run.blocks === blocks);
      return { blocks, seconds: medianOf(same.map((run) => run.seconds)), peakRssBytes: medianOf(same.map((run) => run.peakRssBytes)) };
    });
    const peaks = medians.map((run) => run.peakRssBytes);
    const differenceBytes = Math.max(...peaks) - Math.min(...peaks);
    const differenceRelative = differenceBytes / Math.min(...peaks);
    const [least, ...deeper] = medians;
    const secondsPerBlock = deeper.map(({ blocks, seconds }) => (seconds - least!.seconds) / (blocks - least!.blocks));
    const slowerRelative = Math.max(...secondsPerBlock) / Math.min(...secondsPerBlock) - 1;
    const flat = differenceRelative <= ALLOWED_RELATIVE || differenceBytes <= ALLOWED_BYTES;
    const within = flat && slowerRelative <= ALLOWED_SECONDS_RELATIVE;
    const result = {
      benchmark: 'flat-in-depth',
      ...(await describeMachine()),
      task: { ...options, ...width },
      runs,
      medians,
      differenceBytes,
      differenceRelative,
      secondsPerBlock,
      slowerRelative,
      within,
    };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return within;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
