/**
 * Compares the peak memory that a plan predicts with what `quailora init` then holds, over widths, workers and options.
 *
 * usage: node dist/test/bench/plan-accuracy.js [--cases embedded,512,…] [--blocks 2] [--least 0.85] [--most 1.15]
 *
 * Checkpoints are random weights with the embedded model's tokenizer and text. The constants of src/planning/memory-costs.ts were
 * fitted on the cases up to `4096`, and on svd, als, exact and LoftQ at 2048 x 5632. The cases called `apart-…` were not used to fit
 * anything: another shape, every initializer with both quantizers, and weights stored in float32. Peak memory is the kernel's high-water mark
 * of the process and its descendants, read from outside. Prints JSON, and ends with status 1 when a plan's peak is not
 * within --least to --most of the measured one, or a budget was not kept.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FloatDType } from '../../src/foundation/index.js';
import { describeMachine, QUAILORA, REPOSITORY } from './describe-machine.js';
import { measureProcess } from './measure-process.js';
import { RANDOM_MODEL_TEXT, writeRandomModel, type RandomModel } from './write-random-model.js';

type Width = Pick<RandomModel, 'hidden' | 'ffn' | 'heads' | 'keyValueHeads'>;

interface Case {
  /** The embedded model where left out. */
  readonly width?: Width;
  /** Blocks, where fewer than asked for are enough. */
  readonly blocks?: number;
  readonly options: readonly string[];
  readonly dtype?: FloatDType;
}

const width = (hidden: number, ffn: number, heads = hidden / 64, keyValueHeads = heads): Width => ({ hidden, ffn, heads, keyValueHeads });

const TOKENS = ['--tokens', '8192', '--window', '256'];

/** The widths of Qwen2.5-1.5B, one block, few tokens: solving decides the peak, or comes near it. */
const apart = (initializer: string, bits: number, more: Partial<Case> = {}): Case => ({
  ...{ width: width(1536, 8960, 12, 2), blocks: 1, ...more },
  options: [
    ...['--tokens', '1024', '--window', '256', '--held-out', '0.25', '--workers', '1'],
    ...['--initializer', initializer, '--bits', String(bits), ...(initializer === 'loftq' ? ['--write-base'] : [])],
  ],
});

const CASES: Readonly<Record<string, Case>> = {
  embedded: { options: ['--tokens', '16384', '--window', '128', '--rank', '16'] },
  512: { width: width(512, 1408), options: [...TOKENS, '--rank', '32', '--write-base'] },
  '512-alone': { width: width(512, 1408), options: [...TOKENS, '--rank', '32', '--workers', '1'] },
  '2048-alone': { width: width(2048, 5632), options: [...TOKENS, '--workers', '1'] },
  '2048-two': { width: width(2048, 5632), options: [...TOKENS, '--workers', '2'] },
  '2048-no-held-out': { width: width(2048, 5632), options: [...TOKENS, '--workers', '2', '--held-out', '0'] },
  '2048-als': { width: width(2048, 5632), options: [...TOKENS, '--workers', '2', '--initializer', 'als', '--window', '512'] },
  '4096': { width: width(4096, 11_008, 32), blocks: 1, options: ['--tokens', '4096'] },
  ...Object.fromEntries(
    ['exact', 'als', 'svd', 'loftq'].flatMap((name) => [4, 8].map((bits) => [`apart-${name}-${bits}`, apart(name, bits)] as const)),
  ),
  'apart-f32-stored': apart('exact', 4, { dtype: 'F32' }),
};

/** What of report.json is looked at. */
interface Report {
  readonly plan: { readonly peakBytes: number; readonly peakAt: string; readonly workers: number; readonly threads: number };
}

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
    blocks: { type: 'string', default: '2' },
    least: { type: 'string', default: '0.85' },
    most: { type: 'string', default: '1.15' },
  },
});

const measure = async (name: string, scratch: string) => {
  const found = CASES[name];
  if (!found) throw new Error(`There is no case "${name}"; there are ${Object.keys(CASES).join(', ')}.`);
  const blocks = Math.min(Number(values.blocks), found.blocks ?? Infinity);
  const model = found.width
    ? join(scratch, `model-${found.width.hidden}-${blocks}-${found.dtype ?? 'BF16'}`)
    : join(REPOSITORY, 'data/embedded/model');
  if (found.width) await writeRandomModel(model, { ...found.width, blocks, blocksPerShard: 1, ...(found.dtype && { dtype: found.dtype }) });
  const output = join(scratch, name);
  const args = [QUAILORA, 'init', model, '--calibration', RANDOM_MODEL_TEXT, '--output', output, ...found.options];
  const { peakRssBytes, cpuSeconds } = await measureProcess(process.execPath, args, REPOSITORY);
  const { plan } = JSON.parse(await readFile(join(output, 'report.json'), 'utf8')) as Report;
  await rm(output, { recursive: true });
  const ratio = plan.peakBytes / peakRssBytes;
  process.stderr.write(
    `${name.padEnd(18)} ${(plan.peakBytes / 2 ** 20).toFixed(0).padStart(6)} MiB planned ${(peakRssBytes / 2 ** 20).toFixed(0).padStart(6)} MiB held  ${ratio.toFixed(3)}\n`,
  );
  return { name, options: found.options, plannedBytes: plan.peakBytes, ...plan, peakRssBytes, ratio, cpuSeconds };
};

const main = async (): Promise<boolean> => {
  const scratch = await mkdtemp(join(tmpdir(), 'quailora-bench-'));
  try {
    const runs = [];
    for (const name of values.cases.split(',')) runs.push(await measure(name, scratch));
    const within = runs.every(({ ratio }) => ratio >= Number(values.least) && ratio <= Number(values.most));
    const result = { benchmark: 'plan-accuracy', ...(await describeMachine()), task: values, runs, within };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return within;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
