/**
 * Shows that neither the peak memory of `quailora init` nor the time of a block grows with a model's depth.
 *
 * usage: node dist/test/bench/flat-in-depth.js [--blocks 4,16,64] [--rounds 3] [--hidden 512] [--ffn 1408] [--tokens 8192] [--window 256] [--rank 32]
 *
 * The checkpoints are random bf16 weights in shards of eight blocks, with the embedded model's tokenizer and text. Depths take
 * turns, and medians are compared. Peak memory is the kernel's high-water mark of the process and its descendants, read from
 * outside; the time of a block is what it adds, (seconds − seconds of the fewest blocks) / (blocks − the fewest), against that
 * between the two shallowest. Prints JSON, and ends with status 1 when peaks differ by more than 5 % and by more than 32 MiB,
 * times of a block by more than 20 %, or a plan's peak from the measured one by more than 15 %.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './median.js';
import { judge, runBenchmark, type BenchmarkResult } from './run-benchmark.js';
import { judgePlan, runInit, type InitRun } from './run-init.js';
import { RANDOM_MODEL_TEXT, writeRandomModel } from './write-random-model.js';

type Run = Omit<InitRun, 'report'> & { readonly blocks: number };

const HEAD_DIM = 64;
const ALLOWED_RELATIVE = 0.05;
const ALLOWED_BYTES = 32 << 20;
const ALLOWED_SECONDS_RELATIVE = 0.2;

const options = parseArgs({
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

const runDepth = async (blocks: number, model: string, output: string): Promise<Run> => {
  const { tokens, window, rank } = options;
  const how = ['--tokens', tokens, '--window', window, '--rank', rank, '--write-base'];
  const { seconds, cpuSeconds, plannedBytes, peakRssBytes } = await runInit([model, '--calibration', RANDOM_MODEL_TEXT, ...how], output);
  await rm(output, { recursive: true });
  process.stderr.write(
    `${blocks} blocks: ${(plannedBytes / 2 ** 20).toFixed(0)} MiB planned, ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB held, ${seconds.toFixed(1)} s\n`,
  );
  return { blocks, seconds, cpuSeconds, plannedBytes, peakRssBytes };
};

const summarize = (runs: readonly Run[]): Omit<Run, 'cpuSeconds'> => ({
  blocks: runs[0]!.blocks,
  seconds: median(runs.map((run) => run.seconds)),
  plannedBytes: runs[0]!.plannedBytes,
  peakRssBytes: median(runs.map((run) => run.peakRssBytes)),
});

const measure = async (scratch: string): Promise<BenchmarkResult> => {
  const [hidden, ffn] = [Number(options.hidden), Number(options.ffn)];
  const width = { hidden, ffn, heads: hidden / HEAD_DIM, keyValueHeads: hidden / HEAD_DIM, blocksPerShard: 8 };
  const depths = options.blocks.split(',').map(Number);
  for (const blocks of depths) await writeRandomModel(join(scratch, `model-${blocks}`), { blocks, ...width });
  const runs: Run[] = [];
  for (let round = 0; round < Number(options.rounds); round++)
    for (const blocks of depths) runs.push(await runDepth(blocks, join(scratch, `model-${blocks}`), join(scratch, `out-${blocks}`)));
  const medians = depths.map((blocks) => summarize(runs.filter((run) => run.blocks === blocks)));
  const peaks = medians.map((run) => run.peakRssBytes);
  const [lowest, highest] = [Math.min(...peaks), Math.max(...peaks)];
  const [least, ...deeper] = medians;
  const secondsPerBlock = deeper.map(({ blocks, seconds }) => (seconds - least!.seconds) / (blocks - least!.blocks));
  const slowerRelative = secondsPerBlock.length > 0 ? Math.max(...secondsPerBlock) / Math.min(...secondsPerBlock) - 1 : NaN;
  return {
    ...{ task: { ...options, ...width }, runs, medians, secondsPerBlock },
    within: {
      'difference of peaks': judge(highest - lowest, { atMost: Math.max(ALLOWED_BYTES, ALLOWED_RELATIVE * lowest) }),
      'slower a block': judge(slowerRelative, { atMost: ALLOWED_SECONDS_RELATIVE }),
      ...Object.fromEntries(medians.map((run) => [`planned to held, ${run.blocks} blocks`, judgePlan(run)])),
    },
  };
};

await runBenchmark('flat-in-depth', measure);
